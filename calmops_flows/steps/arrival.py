"""Rows that arrive after their labels: labelled at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from calmops_flows.data.labels import Settled, common_type, plain, settle
from calmops_flows.steps.keys import own_labels, read_keys, read_tidy, row_keys
from calmops_flows.store.labels import Join, LabelFacts, LabelSource, RowKeys, label_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calmops_flows.records import Evaluation
    from calmops_flows.steps.run import SnapshotRun


@dataclass(frozen=True, slots=True)
class Early:
    """The keys of an arrived snapshot, and the label files that knew some of them already."""

    keys: RowKeys
    sources: tuple[LabelSource, ...] = ()
    settled: Settled | None = None


def label_early(run: SnapshotRun, table: pa.Table) -> tuple[pa.Table, Early | None]:
    """Fill the target of an arrived table from label files that came before it.

    Returns
    -------
    table : pyarrow.Table
        With the target, where any file knew a key.
    early : Early or None
        None when the pipeline has no delayed labels.
    """
    keys = read_keys(table, run.spec)
    if keys is None:
        return table, None
    known = row_keys(keys)
    sources = label_sources(run.store.database, run.spec.name, known)
    files = [read_tidy(run, source.keys.artifact) for source in sources]
    hits = [i for i, file in enumerate(files) if settle(keys, _none(keys, file), [file]).matched[0]]
    if not hits:
        return table, Early(known)
    labelled, settled = label_rows(table, keys, [files[i] for i in hits], run.spec.target or "")
    return labelled, Early(known, tuple(sources[i] for i in hits), settled)


def label_rows(
    table: pa.Table, keys: pa.Array, files: Sequence[pa.Table], target: str
) -> tuple[pa.Table, Settled]:
    """Fill the target of some rows from tidy label files, the deciding one last."""
    kinds = [file.column("label").type for file in files]
    if target in table.column_names:
        kinds.append(plain(table.column(target)).type)
    kind = common_type(kinds)
    own = own_labels(table, target, kind)
    settled = settle(keys, own, [_cast(file, kind) for file in files])
    return _with_column(table, target, settled.values), settled


def arrival_facts(
    run: SnapshotRun, early: Early | None, realised: Evaluation | None
) -> LabelFacts | None:
    """Return what the snapshot's transaction writes about its keys and early labels."""
    if early is None:
        return None
    settled = early.settled
    if settled is None:
        return LabelFacts(early.keys)
    joins = tuple(
        Join(
            snapshot_id=run.snapshot.id,
            label_id=source.id,
            matched=matched,
            labelled=int(np.count_nonzero(settled.is_labelled)),
            contradictions=int(np.count_nonzero(settled.is_contradicted)),
            realised=realised,
            on_arrival=True,
        )
        for source, matched in zip(early.sources, settled.matched, strict=True)
    )
    return LabelFacts(early.keys, joins)


def _none(keys: pa.Array, file: pa.Table) -> pa.Array:
    return pa.nulls(len(keys), file.column("label").type)


def _cast(file: pa.Table, kind: pa.DataType) -> pa.Table:
    return file.set_column(1, "label", file.column("label").cast(kind))


def _with_column(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, values)
    return table.append_column(name, values)
