"""What the key of delayed labels means for a pipeline's contract and rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from calmops_flows.data.contract import Contract, learn
from calmops_flows.data.kinds import KEY
from calmops_flows.data.labels import key_texts, plain
from calmops_flows.errors import ArtifactError, SnapshotError
from calmops_flows.store.labels import RowKeys

if TYPE_CHECKING:
    from calmops_flows.spec import PipelineSpec
    from calmops_flows.steps.run import SnapshotRun


def declared_types(spec: PipelineSpec) -> dict[str, str]:
    """Return the column types that the spec declares, the key of its labels among them."""
    key = {spec.labels.key: KEY} if spec.labels else {}
    return {**spec.contract, **key}


def without_key(table: pa.Table, spec: PipelineSpec) -> pa.Table:
    """Leave out the key: every snapshot brings new ones, and that is no drift."""
    key = spec.labels.key if spec.labels else None
    return table.drop_columns([key]) if key in table.column_names else table


def complete(contract: Contract, table: pa.Table, spec: PipelineSpec) -> Contract:
    """Add what a contract could not know before there were labels: key column and target.

    The features stay as they are, so every model fitted under the old contract still fits.
    """
    if spec.labels is None:
        return contract
    known = contract.types
    missing = {spec.labels.key} - set(known)
    if spec.target is not None and known.get(spec.target, "null") == "null":
        missing.add(spec.target)
    missing &= set(table.column_names)
    if not missing:
        return contract
    names = [name for name in table.column_names if name in missing]
    found = learn(table.select(names), target=spec.target, declared=declared_types(spec))
    new = {column.name: column for column in found.columns if column.name in missing}
    if spec.target in new:  # it may be missing again in the next file
        new[spec.target] = replace(new[spec.target], required=False)
    kept = tuple(new.pop(column.name, column) for column in contract.columns)
    return Contract((*kept, *new.values()), contract.target or spec.target)


def row_keys(keys: pa.Array) -> RowKeys:
    """Summarise the keys of a snapshot's rows.

    Raises
    ------
    SnapshotError
        ``duplicate_key``: a label could not tell which row it means.
    """
    present = keys.drop_null()
    if len(pc.unique(present)) < len(present):
        counts = pc.value_counts(present).field("counts")
        several = int(pc.sum(pc.greater(counts, 1)).as_py())
        raise SnapshotError(
            "duplicate_key",
            f"labels.key must name one row each, but {several} keys occur in several rows",
        )
    return summary(present)


def summary(keys: pa.Array, **more: object) -> RowKeys:
    """Count keys, each there once, and name the first and the last."""
    texts = keys.to_pylist()
    found = RowKeys(len(texts), min(texts, default=None), max(texts, default=None))
    return replace(found, **more) if more else found  # type: ignore[arg-type]


def read_keys(table: pa.Table, spec: PipelineSpec) -> pa.Array | None:
    """Return the keys of rows as text; None when the pipeline has no delayed labels.

    Raises
    ------
    SnapshotError
        ``missing_column``: rows without key and label could never be labelled.
    """
    if spec.labels is None:
        return None
    name = spec.labels.key
    if name in table.column_names and table.column(name).null_count < table.num_rows:
        return key_texts(table.column(name))
    target = spec.target or ""
    if target not in table.column_names or table.column(target).null_count:
        raise SnapshotError(
            "missing_column",
            f"labels.key {name!r} is not in the file (or is empty), and rows lack their label, so "
            "that no label could find them later",
        )
    return pa.nulls(table.num_rows, pa.string())


def own_labels(table: pa.Table, target: str, kind: pa.DataType) -> pa.Array:
    """Return the labels that came with the rows, as values of one type."""
    if target not in table.column_names:
        return pa.nulls(table.num_rows, kind)
    column = plain(table.column(target))
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    whole = column.combine_chunks()
    return pc.cast(whole, kind)


def read_tidy(run: SnapshotRun, digest: str | None) -> pa.Table:
    """Read the tidy labels of an earlier file.

    Raises
    ------
    ArtifactError
        If they are not there or no parquet file.
    """
    if digest is None:
        raise ArtifactError("a label file was processed without its labels being kept")
    try:
        return pq.read_table(pa.BufferReader(run.store.artifacts.get(digest)))
    except pa.ArrowException as err:
        raise ArtifactError(f"artifact {digest[:12]} is no parquet file: {err}") from err
