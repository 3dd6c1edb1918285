"""What a pipeline of blocks keeps of its past: profiles and rows by block."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from calmops_flows.data.conform import conform
from calmops_flows.data.labels import key_texts
from calmops_flows.evaluation.predictions import Predictions
from calmops_flows.learning.columns import target_values
from calmops_flows.learning.predict import predict
from calmops_flows.profiles import from_bytes, merge_all, to_bytes
from calmops_flows.steps.arrival import label_rows
from calmops_flows.steps.ingest import read_copy
from calmops_flows.steps.keys import read_tidy
from calmops_flows.store import blocks
from calmops_flows.store.labels import EVERY_KEY, label_sources, past_joins, sources_by_id

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from calmops_flows.data.contract import Contract
    from calmops_flows.evaluation.metrics import Task
    from calmops_flows.records import Snapshot
    from calmops_flows.steps.evaluate import Champion, Labels, Scored
    from calmops_flows.steps.ingest import Ingested
    from calmops_flows.steps.run import SnapshotRun


def own_profile(run: SnapshotRun, champion: Champion | None) -> str | None:
    """Return the digest of the profile of the block's own past, None if it has none.

    ``drift.reference`` is read within the block: what the champion learnt from under
    this id, else (or for ``previous``) the content before, the first one, or the last N.
    """
    block, reference = run.snapshot.block, run.spec.drift.reference
    if block is None:
        return None
    database, name = run.store.database, run.spec.name
    if reference == "champion" and champion is not None:
        taught = blocks.taught_profile(database, name, champion.version.version, block)
        if taught is not None:
            return taught
    n = int(reference.removeprefix("window:")) if reference.startswith("window:") else 1
    newest, rows = reference != "first", run.labels_of
    digests = blocks.profiles(database, name, block, limit=n, newest=newest, besides=rows)
    if len(digests) < 2:
        return digests[0] if digests else None
    profiles = [from_bytes(run.store.artifacts.get(digest)) for digest in digests]
    return run.store.artifacts.put(to_bytes(merge_all(profiles)))


def rows_of_blocks(
    run: SnapshotRun,
    contract: Contract,
    task: Task,
    *,
    only: Collection[str] | None = None,
    besides: Collection[str] = (),
) -> dict[str, pa.Table]:
    """Return the labelled rows of the newest content of each block by digest, in natural order.

    Of a block whose newest content has no label yet, an older one is taken; a block without
    any label is left out.
    """
    contents = blocks.contents(run.store.database, run.spec.name)
    wanted = [
        snapshots
        for block, snapshots in contents.items()
        if block not in besides and (only is None or block in only)
    ]
    found = (_newest_labelled(run, contract, task, snapshots) for snapshots in wanted)
    return dict(one for one in found if one is not None)


def _newest_labelled(
    run: SnapshotRun, contract: Contract, task: Task, snapshots: Sequence[Snapshot]
) -> tuple[str, pa.Table] | None:
    joins = past_joins(run.store.database, [snapshot.id for snapshot in snapshots])
    for snapshot in snapshots:
        if snapshot.data_digest is None:
            continue
        files = {join.label_id for join in joins[snapshot.id]}
        table = _labelled(run, read_copy(run.store.artifacts, snapshot.data_digest), files)
        table = conform(table, contract, needs_target=False).table
        target = contract.target or ""
        if target not in table.column_names:
            continue
        is_labelled = target_values(table, target, task)[1]
        if is_labelled.any():
            return snapshot.digest, table.filter(pa.array(is_labelled))
    return None


def _labelled(run: SnapshotRun, table: pa.Table, ids: Collection[int]) -> pa.Table:
    """Put the labels that came later to the rows of an earlier snapshot."""
    if run.spec.labels is None or not ids:
        return table
    sources = label_sources(run.store.database, run.spec.name, EVERY_KEY)
    files = [read_tidy(run, source.keys.artifact) for source in sources_by_id(sources, ids)]
    keys = key_texts(table.column(run.spec.labels.key))
    return label_rows(table, keys, files, run.spec.target or "")[0]


def with_judges(
    run: SnapshotRun,
    ingested: Ingested,
    labels: Labels,
    champion: Champion | None,
    scored: Scored | None,
) -> tuple[Ingested, Labels, Scored | None] | None:
    """Put the rows of the evaluation blocks behind those of a block, to judge and not to train.

    Returns
    -------
    tuple or None
        Rows, labels and the champion's predictions of both; None when there are no
        evaluation blocks, or none with a label has come yet.
    """
    named = {str(block) for block in run.spec.block.eval_blocks} if run.spec.block else set()
    tables = rows_of_blocks(run, ingested.contract, labels.task, only=named) if named else {}
    if not tables:
        return None
    rows = pa.concat_tables(tables.values(), promote_options="permissive")
    y, _ = target_values(rows, ingested.contract.target or "", labels.task)
    n = ingested.table.num_rows
    both = pa.concat_tables([ingested.table, rows], promote_options="permissive")
    judges = np.concatenate([np.zeros(len(labels.rows), bool), np.ones(len(y), bool)])
    positions = np.concatenate([labels.rows, n + np.arange(len(y))])
    labels = replace(labels, rows=positions, y=np.concatenate([labels.y, y]), judges=judges)
    if champion is not None and scored is not None:
        said = predict(champion.estimator, rows, ingested.contract)
        scored = replace(scored, predictions=_joined(scored.predictions, said))
    return replace(ingested, table=both), labels, scored


def _joined(a: Predictions, b: Predictions) -> Predictions:
    """Put the predictions of one model for two batches behind one another."""
    values = np.concatenate([a.values, b.values])
    if a.probabilities is None or b.probabilities is None:
        return Predictions(values, None, a.classes)
    return Predictions(values, np.concatenate([a.probabilities, b.probabilities]), a.classes)
