"""Accept a snapshot that the contract refused: the contract grows to fit it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from calmops_flows.data.batch import Limits
from calmops_flows.data.contract import Contract, learn
from calmops_flows.data.source import take
from calmops_flows.data.table import read_table
from calmops_flows.data.widen import widen
from calmops_flows.errors import NotFoundError, SnapshotError, SpecError
from calmops_flows.store import registry
from calmops_flows.store.contracts import accept_contract
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.quarantine import set_aside

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from calmops_flows.records import Snapshot
    from calmops_flows.spec import SourceSpec
    from calmops_flows.store.store import Store


@dataclass(frozen=True, slots=True)
class Accepted:
    """The new version of the contract, what differs, and how many snapshots it lets in."""

    version: int
    changes: tuple[str, ...]
    requeued: int


def accept(store: Store, name: str, snapshot: str, *, now: datetime) -> Accepted:
    """Widen a pipeline's contract so that a quarantined snapshot fits it.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    snapshot : str
        Label of the snapshot, or the first digits of its digest.
    now : datetime
        Time-zone aware time.

    Raises
    ------
    NotFoundError
        If there is no such pipeline, contract or quarantined snapshot.
    SpecError
        If the file cannot be let in: it lacks the target, or a column's type is another one.
    SnapshotError
        If the file cannot be read, or is not the one that was set aside.
    """
    entry = set_aside(store.database, name, snapshot)
    state = load_state(store.database, name)
    if state.contract_version is None:
        raise NotFoundError(f"pipeline {name!r} has no contract yet: nothing was processed")
    text = registry.contract_text(store.database, name, state.contract_version)
    contract = Contract.from_json(text)
    table = _read(state.spec.source, entry, Limits.of(store.settings))
    wider, changes = widen(contract, learn(table, target=state.spec.target))
    if not changes:
        raise SpecError(
            f"the contract would not change for {entry.label!r}; it was set aside for another "
            f"reason: {entry.reason}"
        )
    version, requeued = accept_contract(
        store.database,
        name,
        wider.to_json(),
        entry.id,
        parent=state.contract_version,
        changes=changes,
        now=now,
    )
    return Accepted(version, changes, requeued)


def _read(source: SourceSpec, entry: Snapshot, limits: Limits) -> pa.Table:
    """Read the file that was set aside, with the types that it has by itself."""
    with tempfile.TemporaryDirectory(prefix="calmops-") as folder:
        taken = take(source, entry.path, Path(folder), limits=limits)
        if taken.path is None or taken.digest != entry.digest:
            raise SnapshotError("changed", f"{entry.path!r} is no longer what was set aside")
        return read_table(
            taken.path,
            name=entry.path,
            format=source.format,
            options=source.read_options,
            limits=limits,
        ).table
