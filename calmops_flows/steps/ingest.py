"""Read a snapshot whole, check its contract, and keep a copy of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from calmops_flows.data.batch import Batch, Limits
from calmops_flows.data.conform import conform
from calmops_flows.data.contract import Contract, learn
from calmops_flows.data.source import take
from calmops_flows.data.table import read_table
from calmops_flows.errors import ArtifactError, NotReadyError, SnapshotError
from calmops_flows.records import Role
from calmops_flows.spec import SourceSpec
from calmops_flows.steps.arrival import Early, label_early
from calmops_flows.steps.code import preprocess
from calmops_flows.steps.keys import complete, declared_types
from calmops_flows.steps.places import source_of
from calmops_flows.steps.run import SnapshotRun
from calmops_flows.store.artifacts import ArtifactStore


@dataclass(frozen=True, slots=True)
class Ingested:
    """A snapshot's rows under the contract, and the digest of our parquet copy."""

    table: pa.Table
    contract: Contract
    is_new_contract: bool
    warnings: tuple[str, ...]
    data_digest: str
    early: Early | None = None


def ingest(run: SnapshotRun) -> Ingested:
    """Read a snapshot: a file from its source, a block from the copy made of its rows.

    Raises
    ------
    NotReadyError
        If the file changed since the ledger saw it.
    SnapshotError
        If it cannot be read or breaks the contract.
    """
    warnings: tuple[str, ...] = ()
    if run.snapshot.data_digest is not None:
        table = read_copy(run.store.artifacts, run.snapshot.data_digest)
    else:
        declared = declared_types(run.spec)
        batch = read_file(run, {**declared, **run.contract.types} if run.contract else declared)
        table, warnings = batch.table, batch.warnings
    table, early = label_early(run, table)
    contract = run.contract or learn(
        table, target=run.spec.target, declared=declared_types(run.spec)
    )
    contract = complete(contract, table, run.spec)
    conformed = conform(table, contract, needs_target=run.spec.needs_target)
    kept = run.snapshot.data_digest
    if kept is None or (early is not None and early.settled is not None):
        kept = keep_copy(run, conformed.table)
    return Ingested(
        table=conformed.table,
        contract=contract,
        is_new_contract=contract != run.contract,
        warnings=warnings + conformed.warnings,
        data_digest=kept,
        early=early,
    )


def read_file(run: SnapshotRun, types: Mapping[str, str]) -> Batch:
    """Read the file of a snapshot from a private copy, which must have its digest.

    Raises
    ------
    NotReadyError
        If the file changed since the ledger saw it.
    SnapshotError
        If it cannot be read.
    """
    (source, path), limits = source_of(run.spec, run.snapshot), Limits.of(run.store.settings)
    copy, digest = _take(run, source, path, limits)
    if digest != run.snapshot.digest:
        raise NotReadyError("changed_while_read", "the file was replaced since it was found")
    is_code = run.spec.preprocess is not None and run.snapshot.role is Role.DATA
    batch = read_table(
        copy,
        name=run.snapshot.path,
        format=source.format,
        options=source.read_options,
        types={} if is_code else types,  # the contract is of what comes out of the code
        limits=limits,
    )
    copy.unlink()
    return replace(batch, table=preprocess(run, batch.table)) if is_code else batch


def read_copy(artifacts: ArtifactStore, digest: str) -> pa.Table:
    """Read our own copy of a snapshot's rows.

    Raises
    ------
    ArtifactError
        If it is not there, was changed, or is no parquet file.
    """
    try:
        return pq.read_table(pa.BufferReader(artifacts.get(digest)))
    except pa.ArrowException as err:
        raise ArtifactError(f"artifact {digest[:12]} is no parquet file: {err}") from err


def _take(run: SnapshotRun, source: SourceSpec, path: str, limits: Limits) -> tuple[Path, str]:
    """Return a private copy of the file, and the digest of its bytes."""
    try:
        taken = take(source, path, run.folder, limits=limits)
    except NotReadyError as err:
        if err.reason != "vanished":
            raise
        raise SnapshotError("vanished", "the file is no longer in the source") from err
    if taken.path is None:
        raise AssertionError("take() gives a copy")
    return taken.path, taken.digest


def keep_copy(run: SnapshotRun, table: pa.Table) -> str:
    """Keep rows as parquet, and return the digest of its bytes."""
    copy = run.folder / "copy.parquet"
    try:
        pq.write_table(table, copy, compression="zstd", row_group_size=1 << 17)
    except OSError as err:
        raise ArtifactError(
            f"cannot write a copy of the data to {Path(copy).parent}: {err}"
        ) from err
    digest = run.store.artifacts.put_file(copy)
    copy.unlink()
    return digest
