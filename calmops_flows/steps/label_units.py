"""Where files are split into blocks, a label file is split too: by the rows that it speaks of."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from calmops_flows.data.blocks import block_digest
from calmops_flows.data.labels import key_texts
from calmops_flows.data.source import natural_key
from calmops_flows.steps.ingest import keep_copy
from calmops_flows.store.blocks import FoundBlock
from calmops_flows.store.labels import keyed_snapshots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.steps.run import SnapshotRun
    from calmops_flows.store.labels import KeyedSnapshot, RowKeys

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LabelUnits:
    """A label file by the blocks whose rows it labels.

    ``rest`` is the copy of those labels whose rows have not come, None if there are none.
    """

    blocks: tuple[FoundBlock, ...]
    rest: str | None


def split_labels(run: SnapshotRun, rows: pa.Table, keys: RowKeys) -> LabelUnits:
    """Give each block the labels of its rows, as they stand in the file.

    Parameters
    ----------
    run : SnapshotRun
        The label file.
    rows : pyarrow.Table
        Its columns ``key`` (text) and ``label``; a key may come several times.
    keys : RowKeys
        A summary of the keys that have a label.

    Returns
    -------
    LabelUnits
        Without blocks when no row of these keys has come.
    """
    rows = _with_key(run, rows)
    masks = _reached(run, rows, keys)
    parts = (
        (block, rows.filter(pa.array(masks[block]))) for block in sorted(masks, key=natural_key)
    )
    found = tuple(
        FoundBlock(block, block_digest(block, part), keep_copy(run, part))
        for block, part in parts
        if _has_label(part)
    )
    if not found:
        return LabelUnits((), None)
    rest = rows.filter(pa.array(~np.logical_or.reduce(list(masks.values()))))
    return LabelUnits(found, keep_copy(run, rest) if _has_label(rest) else None)


def _with_key(run: SnapshotRun, rows: pa.Table) -> pa.Table:
    """Leave out rows that name nothing; of the others each unit counts what is odd."""
    whole = rows.filter(pc.is_valid(rows.column("key")))
    if whole.num_rows < rows.num_rows:
        lost = rows.num_rows - whole.num_rows
        logger.warning("%r: %d rows of the file lack a key", run.snapshot.label, lost)
    return whole


def _reached(run: SnapshotRun, rows: pa.Table, keys: RowKeys) -> dict[str, NDArray[np.bool_]]:
    """Mask the rows of the file that speak of each block."""
    masks: dict[str, NDArray[np.bool_]] = {}
    for snapshot in keyed_snapshots(run.store.database, run.spec.name, keys):
        if snapshot.block is None:
            continue
        known = _keys_of(run, snapshot)
        hits = np.asarray(pc.is_in(rows.column("key"), value_set=known), dtype=bool)
        if hits.any():
            masks[snapshot.block] = masks.get(snapshot.block, False) | hits
    return masks


def _keys_of(run: SnapshotRun, snapshot: KeyedSnapshot) -> pa.Array:
    name = run.spec.labels.key if run.spec.labels else ""
    copy = pq.ParquetFile(pa.BufferReader(run.store.artifacts.get(snapshot.data_digest)))
    if name not in copy.schema_arrow.names:
        return pa.array([], pa.string())
    return key_texts(copy.read(columns=[name]).column(name)).drop_null()


def _has_label(part: pa.Table) -> bool:
    labels = part.column("label")
    if pa.types.is_floating(labels.type):
        labels = pc.if_else(pc.is_nan(labels), None, labels)
    return bool(labels.null_count < len(labels))
