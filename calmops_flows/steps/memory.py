"""Rows of earlier snapshots: read from their copies, and sampled in the reservoir."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from calmops_flows.data.conform import conform
from calmops_flows.errors import SnapshotError
from calmops_flows.learning.columns import target_values
from calmops_flows.learning.memory import (
    CAPACITY,
    Reservoir,
    draw,
    from_bytes,
    merge,
    sample,
    to_bytes,
    without,
)
from calmops_flows.learning.overlap import Overlap
from calmops_flows.learning.retraining.base import Past
from calmops_flows.learning.rows import concatenated
from calmops_flows.records import Role
from calmops_flows.steps.ingest import read_copy
from calmops_flows.steps.recipes import recipes
from calmops_flows.store.copies import Copy, copies

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from calmops_flows.evaluation.metrics import Task
    from calmops_flows.spec import PipelineSpec
    from calmops_flows.steps.evaluate import Labels
    from calmops_flows.steps.ingest import Ingested
    from calmops_flows.steps.run import SnapshotRun

REPLAYING = frozenset({"replay_mix", "stacking"})


def keeps_reservoir(spec: PipelineSpec) -> bool:
    """Tell whether a mode that the spec may try replays old rows."""
    return any(recipe.mode in REPLAYING for together in recipes(spec) for recipe in together)


def remember(run: SnapshotRun, ingested: Ingested, labels: Labels) -> str | None:
    """Put a snapshot's labelled rows into the reservoir, and return its new digest.

    Returns
    -------
    str or None
        Digest of the artifact; None where no mode in use replays.
    """
    if not keeps_reservoir(run.spec) or run.block_column is not None:
        return None
    before = _reservoir(run, ingested, labels.task)
    mine = _sample(ingested, ingested.table, run.snapshot.digest, labels.task)
    return run.store.artifacts.put(to_bytes(merge(before, mine, size=CAPACITY)))


@dataclass(slots=True, eq=False)
class Memory:
    """What a fit may read of the past; `said` tells what was left out of it, `used` what not.

    ``train`` and ``judges`` are the places of the snapshot's own rows that teach and judge; no old
    row that equals one of the latter gets through.
    """

    run: SnapshotRun
    ingested: Ingested
    task: Task
    train: NDArray[np.int64]
    judges: NDArray[np.int64]
    notes: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    _overlap: Overlap | None = None

    def past(self) -> Past:
        """Return the readers for a training context."""
        return Past(newest=self._newest, replay=self._replay)

    def _newest(self, n_rows: int | None) -> pa.Table:
        """Return the last labelled rows before this snapshot, oldest first."""
        parts: list[pa.Table] = [self.ingested.table.slice(0, 0)]
        missing = n_rows
        for digest, table in self._tables():
            if missing is not None and missing <= 0:
                break
            rows = self._allowed(table)
            if missing is not None:
                rows = rows.slice(max(0, rows.num_rows - missing))
                missing -= rows.num_rows
            if rows.num_rows:
                self.used.add(digest)
            parts.append(rows)
        return concatenated(parts[::-1])

    def _replay(self, n_rows: int) -> pa.Table:
        """Return old rows in the proportions of their classes."""
        rows, sources = draw(_reservoir(self.run, self.ingested, self.task), n_rows)
        conformed = _conformed(rows, self.ingested)
        if conformed is None:
            self.notes.append("the kept old rows no longer fit the contract; none were used")
            return self.ingested.table.slice(0, 0)
        self.used.update(sources)
        return self._allowed(conformed)

    def _tables(self) -> Iterator[tuple[str, pa.Table]]:
        """Yield digest and rows of the earlier snapshots, the newest snapshot first."""
        n_odd = 0
        if self.run.since is not None:
            self.notes.append("only rows since the drop in performance teach")
        for copy in _copies(self.run, since=self.run.since):
            if copy.data_digest is None:
                continue
            table = read_copy(self.run.store.artifacts, copy.data_digest)
            conformed = _conformed(table, self.ingested)
            if conformed is None:
                n_odd += 1
            else:
                yield copy.digest, conformed
        if n_odd:
            self.notes.append(f"{n_odd} earlier snapshots no longer fit the contract: not used")

    def _allowed(self, table: pa.Table) -> pa.Table:
        target = self.ingested.contract.target or ""
        labelled = target_values(table, target, self.task)[1]
        return self._guard().removed(table.filter(pa.array(labelled)))

    def _guard(self) -> Overlap:
        """Return the contents of the judging rows, read when old rows are first asked for."""
        if self._overlap is None:
            rows, contract = self.ingested.table, self.ingested.contract
            train, judges = rows.take(pa.array(self.train)), rows.take(pa.array(self.judges))
            self._overlap = Overlap.of(train, judges, contract)
        return self._overlap

    def said(self) -> tuple[str, ...]:
        """Return what was left out, also for equality with a judging row."""
        found = self._overlap.notes if self._overlap is not None else ()
        return (*dict.fromkeys(self.notes), *found)


def _copies(run: SnapshotRun, *, since: str | None = None) -> list[Copy]:
    """Return the earlier snapshots, newest first; a catch-up is no later than its own rows."""
    block = run.snapshot.block if run.block_column is not None else None
    known = copies(run.store.database, run.spec.name, block=block, since=since)
    if run.snapshot.role is Role.CATCH_UP:
        return [copy for copy in known if copy.digest != run.snapshot.digest]
    return known


def _reservoir(run: SnapshotRun, ingested: Ingested, task: Task) -> Reservoir:
    """Return the reservoir of all snapshots that count, before this one.

    The kept one is brought up to date from the copies: snapshots that were replaced leave, and
    those that it never saw, because no mode replayed then, enter.
    """
    target = ingested.contract.target or ""
    kept = sample(ingested.table.slice(0, 0), "", target=target, task=task, size=CAPACITY)
    kept = without(kept, [""])
    if run.state.reservoir is not None and run.block_column is None:
        kept = from_bytes(run.store.artifacts.get(run.state.reservoir))
    known = _copies(run)
    kept = without(kept, set(kept.seen) - {copy.digest for copy in known})
    for copy in known:
        if copy.digest not in kept.seen and copy.data_digest is not None:
            table = _conformed(read_copy(run.store.artifacts, copy.data_digest), ingested)
            if table is not None:
                other = _sample(ingested, table, copy.digest, task)
                kept = merge(kept, other, size=CAPACITY)
    return kept


def _sample(ingested: Ingested, table: pa.Table, source: str, task: Task) -> Reservoir:
    target = ingested.contract.target or ""
    return sample(table, source, target=target, task=task, size=CAPACITY)


def _conformed(table: pa.Table, ingested: Ingested) -> pa.Table | None:
    try:
        return conform(table, ingested.contract, needs_target=False).table
    except SnapshotError:
        return None
