"""Data quality: the contract, what broke it, and what was odd but let in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from calmops_flows.read.names import require_pipeline
from calmops_flows.read.overview import label
from calmops_flows.read.stored import parsed
from calmops_flows.records import SnapshotState
from calmops_flows.store.tables import contracts, pipelines, snapshots

if TYPE_CHECKING:
    from calmops_flows.store.store import Store

_MOST = 500
_LEVELS = 8


@dataclass(frozen=True, slots=True)
class ContractColumn:
    """One column as the contract knows it; ``allowed`` says its range or its levels."""

    name: str
    type: str
    is_required: bool
    missing: float
    allowed: str


@dataclass(frozen=True, slots=True)
class ContractVersion:
    """When a version of the contract was made, and from which snapshot."""

    version: int
    at: str
    snapshot: str


@dataclass(frozen=True, slots=True)
class QualityView:
    """The contract that holds, its versions, and the files that were set aside by reason.

    ``aside`` holds snapshot, code and reason, newest first; ``codes`` how often each code.
    """

    version: int | None
    target: str | None
    columns: tuple[ContractColumn, ...]
    versions: tuple[ContractVersion, ...]
    aside: tuple[tuple[str, str, str], ...]
    codes: dict[str, int]


def quality(store: Store, name: str) -> QualityView:
    """Return the contract of a pipeline and what broke it.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    StoreError
        If the contract's row is damaged.
    """
    with store.database.snapshot() as connection:
        require_pipeline(connection, name)
        current = connection.execute(
            select(pipelines.c.contract_version).where(pipelines.c.name == name)
        ).scalar()
        rows = connection.execute(
            select(contracts, snapshots.c.path, snapshots.c.block)
            .join(snapshots, snapshots.c.id == contracts.c.snapshot_id)
            .where(contracts.c.pipeline == name)
            .order_by(contracts.c.version)
        ).all()
        aside = connection.execute(
            select(snapshots.c.path, snapshots.c.block, snapshots.c.reason)
            .where(snapshots.c.pipeline == name, snapshots.c.state == SnapshotState.QUARANTINED)
            .order_by(snapshots.c.sequence.desc())
            .limit(_MOST)
        ).all()
    text = next((row.contract for row in rows if row.version == current), None)
    held: dict[str, Any] = {"columns": []}
    if text is not None:
        held = parsed(text, f"contract {current} of pipeline {name!r}")
    found = tuple((label(r.path, r.block), *_split(r.reason or "")) for r in aside)
    return QualityView(
        version=current,
        target=held.get("target"),
        columns=tuple(_column(one) for one in held.get("columns", ())),
        versions=tuple(
            ContractVersion(row.version, row.at, label(row.path, row.block)) for row in rows
        ),
        aside=found,
        codes=dict(Counter(code for _, code, _ in found).most_common()),
    )


def _split(reason: str) -> tuple[str, str]:
    """Split a reason into its code and its text.

    Examples
    --------
    >>> _split("missing_column: 'age'")
    ('missing_column', "'age'")
    """
    code, colon, text = reason.partition(":")
    return (code, text.strip()) if colon and " " not in code else ("other", reason)


def _column(values: dict[str, Any]) -> ContractColumn:
    levels = values.get("categories")
    allowed = ""
    if levels:
        shown = ", ".join(str(level) for level in levels[:_LEVELS])
        more = f" and {len(levels) - _LEVELS} more" if len(levels) > _LEVELS else ""
        allowed = shown + more
    elif values.get("minimum") is not None:
        allowed = f"{values['minimum']:g} to {values['maximum']:g}"
    return ContractColumn(
        str(values.get("name")),
        str(values.get("type")),
        bool(values.get("required", True)),
        float(values.get("missing_rate") or 0.0),
        allowed,
    )
