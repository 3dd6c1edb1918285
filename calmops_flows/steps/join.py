"""Join a label file with the snapshots whose rows it speaks of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.data.conform import conform
from calmops_flows.data.contract import Contract
from calmops_flows.data.labels import Settled, key_texts, settle
from calmops_flows.errors import ModelError, SnapshotError
from calmops_flows.evaluation.metrics import evaluate
from calmops_flows.learning.columns import target_values
from calmops_flows.records import DecisionKind, Evaluation
from calmops_flows.steps.ingest import read_copy
from calmops_flows.steps.keys import own_labels, read_tidy
from calmops_flows.steps.predictions import from_bytes
from calmops_flows.store import registry
from calmops_flows.store.labels import (
    EVERY_KEY,
    Join,
    KeyedSnapshot,
    LabelSource,
    PastJoin,
    RowKeys,
    keyed_snapshots,
    label_order,
    label_sources,
    past_joins,
    sources_by_id,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.steps.run import SnapshotRun

# On these decisions nobody learnt from the labels that came with the rows.
_UNLEARNT = frozenset({DecisionKind.AWAITING_LABELS, DecisionKind.PREDICTED})


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """What a label file reached.

    ``table`` holds the rows that became trainable, None when it brought nothing new;
    ``warnings`` say what was odd.
    """

    joins: tuple[Join, ...]
    table: pa.Table | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """A snapshot's rows with all that is needed to label them."""

    snapshot: KeyedSnapshot
    table: pa.Table
    keys: pa.Array
    own: pa.Array


def join_labels(
    run: SnapshotRun, tidy_table: pa.Table, keys: RowKeys, contract: Contract
) -> Joined:
    """Label the rows of earlier snapshots, score their predictions, and gather what is new."""
    near = [
        snapshot
        for snapshot in keyed_snapshots(run.store.database, run.spec.name, keys)
        if snapshot.block == run.snapshot.block
    ]
    past = past_joins(run.store.database, [snapshot.id for snapshot in near])
    sources = label_sources(run.store.database, run.spec.name, keys) if near else []
    me = LabelSource(run.snapshot.id, keys, label_order(run.snapshot.path, run.snapshot.sequence))
    files = _Files(run, tidy_table.column("label").type)
    files.add(me, tidy_table)
    joins: list[Join] = []
    parts: list[pa.Table] = []
    for snapshot in near:
        rows = _read_rows(run, snapshot, files.kind)
        if not pc.any(pc.is_in(rows.keys, value_set=tidy_table.column("key"))).as_py():
            continue
        known = past[snapshot.id]
        join, part = _join_one(run, rows, known, files, [*_needed(run, sources, known), me])
        joins.append(join)
        if part is not None:
            parts.append(conform(part, contract, needs_target=False).table)
    table = pa.concat_tables(parts, promote_options="permissive") if parts else None
    return Joined(tuple(joins), table, _warnings(joins, keys))


class _Files:
    """Tidy label files, each read once, with labels of one type."""

    def __init__(self, run: SnapshotRun, kind: pa.DataType) -> None:
        # Whole numbers in one file may meet decimals in another.
        self.kind = pa.float64() if pa.types.is_integer(kind) else kind
        self._run = run
        self._tables: dict[int, pa.Table] = {}

    def add(self, source: LabelSource, table: pa.Table) -> None:
        """Keep the table of a source, with labels of the common type."""
        labels = table.column("label").cast(self.kind)
        self._tables[source.id] = table.set_column(1, "label", labels)

    def tables(self, sources: Sequence[LabelSource]) -> list[pa.Table]:
        """Return the tables of some sources, the deciding one last."""
        return [self._table(source) for source in sorted(sources, key=lambda s: s.order)]

    def _table(self, source: LabelSource) -> pa.Table:
        if source.id not in self._tables:
            self.add(source, read_tidy(self._run, source.keys.artifact))
        return self._tables[source.id]


def _needed(
    run: SnapshotRun, sources: Sequence[LabelSource], past: Sequence[PastJoin]
) -> list[LabelSource]:
    """Return the earlier label files of a snapshot.

    Those that cannot share a key with the present file are left out of ``sources``, but
    their labels of other rows count as well.
    """
    wanted = {join.label_id for join in past}
    near = sources_by_id(sources, wanted)
    if len(near) == len(wanted):
        return near
    return sources_by_id(label_sources(run.store.database, run.spec.name, EVERY_KEY), wanted)


def _read_rows(run: SnapshotRun, snapshot: KeyedSnapshot, kind: pa.DataType) -> _Rows:
    table = read_copy(run.store.artifacts, snapshot.data_digest)
    key, target = run.spec.labels.key if run.spec.labels else "", run.spec.target or ""
    if key not in table.column_names:
        keys = pa.nulls(table.num_rows, pa.string())
    else:
        keys = key_texts(table.column(key))
    return _Rows(snapshot, table, keys, own_labels(table, target, kind))


def _join_one(
    run: SnapshotRun,
    rows: _Rows,
    past: Sequence[PastJoin],
    files: _Files,
    sources: Sequence[LabelSource],
) -> tuple[Join, pa.Table | None]:
    """Label one snapshot; return the join, and the rows that became trainable, if any."""
    before = settle(rows.keys, rows.own, files.tables(sources[:-1]))
    after = settle(rows.keys, rows.own, files.tables(sources))
    alone = settle(rows.keys, rows.own, files.tables(sources[-1:]))
    join = Join(
        snapshot_id=rows.snapshot.id,
        label_id=run.snapshot.id,
        matched=alone.matched[0],
        labelled=int(np.count_nonzero(after.is_labelled)),
        contradictions=int(np.count_nonzero(after.is_contradicted)),
        realised=_realised(run, rows.snapshot, after),
    )
    fresh = after.is_labelled & ~_learnt(rows, past, files, sources)
    changed = pc.fill_null(pc.not_equal(before.values, after.values), False)
    is_new = (after.is_labelled & ~before.is_labelled) | np.asarray(changed)
    if not (fresh & is_new).any():
        return join, None
    target = run.spec.target or ""
    table = rows.table
    if target in table.column_names:
        table = table.set_column(table.column_names.index(target), target, after.values)
    else:
        table = table.append_column(target, after.values)
    return join, table.filter(pa.array(fresh))


def _learnt(
    rows: _Rows, past: Sequence[PastJoin], files: _Files, sources: Sequence[LabelSource]
) -> NDArray[np.bool_]:
    """Mask the rows that some model was taught or judged with, so that they judge no more."""
    last = max((join.position for join in past if join.taught), default=0)
    if last:
        ids = {join.label_id for join in past if join.position <= last}
    elif rows.snapshot.decision in _UNLEARNT:
        return np.zeros(len(rows.keys), dtype=bool)
    else:
        ids = {join.label_id for join in past if join.on_arrival}
    used = [source for source in sources if source.id in ids]
    return settle(rows.keys, rows.own, files.tables(used)).is_labelled


def _realised(run: SnapshotRun, snapshot: KeyedSnapshot, settled: Settled) -> Evaluation | None:
    """Score what was predicted for a snapshot on the rows whose labels are known by now."""
    if snapshot.version is None or snapshot.predictions is None:
        return None
    version = registry.version(run.store.database, run.spec.name, snapshot.version)
    task = json.loads(run.store.artifacts.get(version.manifest))["task"]
    said = from_bytes(run.store.artifacts.get(snapshot.predictions))
    target = run.spec.target or ""
    try:
        y, is_labelled = target_values(pa.table({target: settled.values}), target, task)
    except ModelError as err:
        raise SnapshotError("target", str(err)) from err
    rows = np.flatnonzero(is_labelled)
    return evaluate(task, y, said.take(rows)) if len(rows) else None


def _warnings(joins: Sequence[Join], keys: RowKeys) -> tuple[str, ...]:
    matched = sum(join.matched for join in joins)
    warnings = []
    if matched < keys.n_keys:
        unknown = keys.n_keys - matched
        warnings.append(f"{unknown} of {keys.n_keys} keys belong to no row that came yet")
    if matched > keys.n_keys:
        warnings.append(
            f"{matched - keys.n_keys} rows share their key with a row of another snapshot; each "
            "gets the label"
        )
    contradictions = sum(join.contradictions for join in joins)
    if contradictions:
        warnings.append(
            f"{contradictions} rows were given different labels; the one of the last file by name "
            "counts"
        )
    return tuple(warnings)
