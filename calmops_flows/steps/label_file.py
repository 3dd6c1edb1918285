"""A file of labels: read it, join it with what was predicted, and decide as for a snapshot."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from calmops_flows.data.conform import conform
from calmops_flows.data.contract import Contract
from calmops_flows.data.kinds import KEY
from calmops_flows.data.labels import TidyLabels, key_texts, plain, tidy
from calmops_flows.errors import SnapshotError
from calmops_flows.records import Decision, DecisionKind
from calmops_flows.steps.ingest import Ingested, keep_copy, read_copy, read_file
from calmops_flows.steps.join import Joined, join_labels
from calmops_flows.steps.keys import complete, declared_types, summary
from calmops_flows.steps.label_units import LabelUnits, split_labels
from calmops_flows.steps.process import process_table
from calmops_flows.store.blocks import replace_by_blocks
from calmops_flows.store.commit import Commit, commit_snapshot
from calmops_flows.store.labels import LabelFacts, RowKeys

if TYPE_CHECKING:
    from calmops_flows.spec import LabelsSpec
    from calmops_flows.steps.run import SnapshotRun
    from calmops_flows.steps.runner import StepCalls


@dataclass(frozen=True, slots=True)
class _Found:
    """A read label file: its rows, labels, keys, and the contract that knows the target."""

    rows: pa.Table
    labels: TidyLabels
    keys: RowKeys
    contract: Contract | None


def process_label_file(run: SnapshotRun, calls: StepCalls, token: str) -> None:
    """Take one label file through all steps, and commit what it brought.

    The rows that it labels are treated as a labelled snapshot: the champion is scored on
    them, and may be replaced by a model that learnt from them. Where files are split into
    blocks, it first gives its place in the ledger to its blocks; labels whose rows have not come
    keep its own entry.

    Raises
    ------
    SnapshotError
        If the file must be quarantined, or (NotReadyError) tried later.
    LeaseLostError, StaleRunError
        If somebody else moved on; nothing was written.
    """
    found = calls("ingest", lambda: _read(run))
    if run.block_column is not None and run.snapshot.block is None:
        units = calls("split", lambda: split_labels(run, found.rows, found.keys))
        if units.blocks:
            _enter(run, units, token)
            return
    joined, ingested = calls("join", lambda: _join(run, found))
    facts = LabelFacts(found.keys, joined.joins)
    run = replace(run, labels_of=frozenset(join.snapshot_id for join in joined.joins))
    if ingested is not None:
        process_table(run, calls, token, ingested, facts)
        return
    commit = _without_rows(run, found, joined, facts, calls)
    calls("commit", lambda: commit_snapshot(run.store.database, commit, token, now=run.now))


def _enter(run: SnapshotRun, units: LabelUnits, token: str) -> None:
    """Let the blocks of a label file take its place in the ledger."""
    replace_by_blocks(
        run.store.database,
        run.snapshot,
        token,
        units.blocks,
        contract=None,
        process_duplicates=True,
        rest=units.rest,
        now=run.now,
    )


def _read(run: SnapshotRun) -> _Found:
    """Read keys and labels, in the types that the contract says."""
    if run.spec.labels is None:
        raise SnapshotError("no_labels", "the spec has no part labels any more")
    if run.snapshot.data_digest is None:
        rows = _rows_of_file(run, run.spec.labels)
    else:
        rows = read_copy(run.store.artifacts, run.snapshot.data_digest)
    target = run.spec.target or ""
    table = pa.table({target: rows.column("label")})
    contract = complete(run.contract, table, run.spec) if run.contract else None
    if contract is not None:
        columns = tuple(column for column in contract.columns if column.name == target)
        table = conform(table, Contract(columns, target)).table
    rows = rows.set_column(1, "label", table.column(target))
    kept = tidy(key_texts(rows.column("key")), plain(rows.column("label")))
    if kept.table.num_rows == 0:
        raise SnapshotError("no_labels", "no row has both a key and a label")
    sink = io.BytesIO()
    pq.write_table(kept.table, sink, compression="zstd")
    digest = run.store.artifacts.put(sink.getvalue())
    keys = summary(kept.table.column("key"), artifact=digest, contradictions=kept.contradictions)
    return _Found(rows, kept, keys, contract)


def _rows_of_file(run: SnapshotRun, labels: LabelsSpec) -> pa.Table:
    """Read the columns ``key`` (text) and ``label`` of a label file."""
    target, name = run.spec.target or "", labels.target or run.spec.target or ""
    known = {**declared_types(run.spec), **(run.contract.types if run.contract else {})}
    types = {labels.key: KEY, **({name: known[target]} if target in known else {})}
    batch = read_file(run, types)
    lacking = [column for column in (labels.key, name) if column not in batch.table.column_names]
    if lacking:
        raise SnapshotError(
            "missing_column",
            f"a label file needs {labels.key!r} and {name!r}; not there: {lacking}",
        )
    keys = key_texts(batch.table.column(labels.key))
    return pa.table({"key": keys, "label": batch.table.column(name)})


def _join(run: SnapshotRun, found: _Found) -> tuple[Joined, Ingested | None]:
    """Join the labels; return the newly labelled rows as if they had arrived so."""
    if found.contract is None:  # no snapshot was processed yet
        return Joined((), None, ("no rows have come yet; the labels wait for them",)), None
    joined = join_labels(run, found.labels.table, found.keys, found.contract)
    if joined.table is None:
        return joined, None
    ingested = Ingested(
        table=joined.table,
        contract=found.contract,
        is_new_contract=found.contract != run.contract,
        warnings=(*joined.warnings, *_oddities(found.labels)),
        data_digest=keep_copy(run, joined.table),
    )
    return joined, ingested


def _without_rows(
    run: SnapshotRun, found: _Found, joined: Joined, facts: LabelFacts, calls: StepCalls
) -> Commit:
    """Record a file that brought nothing new: its labels are known, or come before their rows."""
    reason = "the file brings no label that is new"
    if not joined.joins:
        reason = "the rows of these keys have not come yet; the labels wait for them"
    decision = Decision(
        DecisionKind.KEPT,
        reason,
        warnings=(*joined.warnings, *_oddities(found.labels)),
        cost_seconds=dict(calls.cost_seconds),
    )
    is_new = found.contract is not None and found.contract != run.contract
    return Commit(
        snapshot=run.snapshot,
        started_from=run.state,
        decision=decision,
        rows=0,
        data_digest=None,
        profile_digest=None,
        breaker=run.state.breaker,
        run_id=run.run_id,
        contract=found.contract.to_json() if found.contract is not None and is_new else None,
        labels=facts,
    )


def _oddities(labels: TidyLabels) -> tuple[str, ...]:
    said = []
    if labels.dropped:
        said.append(f"{labels.dropped} rows of the file lack a key or a label")
    if labels.contradictions:
        said.append(
            f"{labels.contradictions} keys have several labels in the file; the last row counts"
        )
    return tuple(said)
