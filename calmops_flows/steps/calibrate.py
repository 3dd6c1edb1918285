"""Measure a pipeline's alarm rate and natural variation on its own data."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import select

from calmops_flows.detectors.decision import check
from calmops_flows.detectors.policy import DriftPolicy
from calmops_flows.errors import ArtifactError, NotFoundError
from calmops_flows.profiles import coarsen, from_bytes, profile
from calmops_flows.records import SnapshotState
from calmops_flows.steps.keys import without_key
from calmops_flows.steps.propose import ColumnVariation, Proposal, Rate, propose
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.tables import outcomes, snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Row

    from calmops_flows.profiles import Profile
    from calmops_flows.records import DriftReport
    from calmops_flows.store.store import Store

    Advance = Callable[[int, int], None]

SPLIT_SNAPSHOTS = 5
PAST_SNAPSHOTS = 50
MAX_ROWS = 20_000
SEGMENTS = 8
MIN_ROWS = 50


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured and what follows from it; nothing was changed.

    Attributes
    ----------
    pipeline : str
        Its name.
    alpha : float
        Error rate of one verdict under the pipeline's policy.
    random_splits : Rate
        Verdicts between random halves of one snapshot: every alarm is false.
    ordered_splits : Rate
        Verdicts between neighbouring stretches of one snapshot's rows, in file order.
    between_snapshots : Rate
        Verdicts between snapshots that followed one another.
    snapshots : int
        Past snapshots that were compared.
    columns : tuple of ColumnVariation
        Natural variation, the most restless columns first.
    proposals : tuple of Proposal
        Settings to consider.
    notes : tuple of str
        What could not be measured, and what else the numbers mean.
    """

    pipeline: str
    alpha: float
    random_splits: Rate
    ordered_splits: Rate
    between_snapshots: Rate
    snapshots: int
    columns: tuple[ColumnVariation, ...]
    proposals: tuple[Proposal, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        rates = ("random_splits", "ordered_splits", "between_snapshots")
        return {**asdict(self), **{name: getattr(self, name).to_dict() for name in rates}}


def calibrate(
    store: Store,
    name: str,
    *,
    n_splits: int = 200,
    rng: np.random.Generator,
    on_progress: Advance | None = None,
) -> Calibration:
    """Measure how often a pipeline's verdict alarms on data that it has seen.

    Random halves of one snapshot differ by chance alone, so that their alarms
    estimate the false-alarm rate, given those rows. Stretches in file order also hold
    what changes within a file, and pairs of snapshots what changes between files.

    Parameters
    ----------
    store : Store
        The store; it is only read.
    name : str
        Name of the pipeline.
    n_splits : int, default 200
        Random splits, shared out over the newest five snapshots that are kept.
    rng : numpy.random.Generator
        Draws the splits.
    on_progress : callable, optional
        Hears ``(done, total)`` verdicts.

    Returns
    -------
    Calibration
        Rates with their Monte-Carlo error, variation by column, proposals.

    Raises
    ------
    NotFoundError
        If there is no such pipeline, or it has processed no snapshot yet.
    """
    state = load_state(store.database, name)
    policy = DriftPolicy.from_spec(state.spec.drift)
    past = _past(store, name)
    if not past:
        raise NotFoundError(
            f"pipeline {name!r} has processed no snapshot yet; `calmops run {name}`"
        )
    tables = [without_key(table, state.spec) for table in _tables(store, past, rng)]
    profiles = [found for row in past if (found := _profile(store, row.profile_digest))]
    long = [table for table in tables if table.num_rows >= SEGMENTS * MIN_ROWS]
    total = n_splits * bool(tables) + (SEGMENTS - 1) * len(long) + max(len(profiles) - 1, 0)
    tick = _Ticker(total, on_progress)
    random = tick.all(_random_splits(tables, n_splits, policy, rng))
    ordered = tick.all(_ordered_splits(long, policy))
    between = tick.all(check(a, b, policy) for a, b in pairwise(profiles))
    columns = _variation(between)
    verdicts = [row.is_drift for row in past]
    rates = (_rate(random), _rate(ordered), _rate(between))
    proposals, notes = propose(
        state.spec.drift,
        policy.alpha,
        rates,
        columns,
        verdicts=verdicts,
        dependence=next((note for report in ordered for note in report.notes), None),
    )
    return Calibration(name, policy.alpha, *rates, len(profiles), columns, proposals, notes)


class _Ticker:
    """Runs verdicts and tells how many are done."""

    def __init__(self, total: int, on_progress: Advance | None) -> None:
        self._total, self._done, self._tell = total, 0, on_progress

    def all(self, reports: Iterator[DriftReport]) -> list[DriftReport]:
        """Collect the reports, one tick each."""
        found = []
        for report in reports:
            found.append(report)
            self._done += 1
            if self._tell is not None:
                self._tell(self._done, self._total)
        return found


def _past(store: Store, name: str) -> list[Row[Any]]:
    """Return the newest processed snapshots, oldest first."""
    query = (
        select(snapshots.c.data_digest, snapshots.c.profile_digest, outcomes.c.is_drift)
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .where(
            snapshots.c.pipeline == name,
            snapshots.c.state == SnapshotState.PROCESSED,
            snapshots.c.superseded_by.is_(None),
        )
        .order_by(outcomes.c.at.desc(), snapshots.c.sequence.desc())
        .limit(PAST_SNAPSHOTS)
    )
    with store.database.read() as connection:
        return list(connection.execute(query).all()[::-1])


def _profile(store: Store, digest: str | None) -> Profile | None:
    if digest is None or not store.artifacts.exists(digest):
        return None
    return from_bytes(store.artifacts.get(digest))


def _tables(store: Store, past: Sequence[Row[Any]], rng: np.random.Generator) -> Iterator[pa.Table]:
    """Read the newest copies that are kept: at most a stretch of 20,000 rows of each."""
    n_found = 0
    for row in reversed(past):
        digest = row.data_digest
        if digest is None or row.profile_digest is None or not store.artifacts.exists(digest):
            continue
        try:
            table = pq.read_table(pa.BufferReader(store.artifacts.get(digest)))
        except pa.ArrowException as err:
            raise ArtifactError(f"artifact {digest[:12]} is no parquet file: {err}") from err
        if table.num_rows < 2 * MIN_ROWS:
            continue
        first = int(rng.integers(max(table.num_rows - MAX_ROWS, 0) + 1))
        yield table.slice(first, MAX_ROWS)
        n_found += 1
        if n_found == SPLIT_SNAPSHOTS:
            return


def _random_splits(
    tables: Sequence[pa.Table], n_splits: int, policy: DriftPolicy, rng: np.random.Generator
) -> Iterator[DriftReport]:
    for i in range(n_splits if tables else 0):
        table = tables[i % len(tables)]
        order = rng.permutation(table.num_rows)
        half = len(order) // 2
        halves = (order[:half], order[half:])
        yield _verdict([table.take(pa.array(np.sort(rows))) for rows in halves], f"{i}", policy)


def _ordered_splits(tables: Sequence[pa.Table], policy: DriftPolicy) -> Iterator[DriftReport]:
    for i, table in enumerate(tables):
        length = table.num_rows // SEGMENTS
        parts = [table.slice(k * length, length) for k in range(SEGMENTS)]
        for k, pair in enumerate(pairwise(parts)):
            yield _verdict(pair, f"ordered {i} {k}", policy)


def _verdict(pair: Sequence[pa.Table], key: str, policy: DriftPolicy) -> DriftReport:
    before, after = (profile(rows, key=f"{key} {side}") for side, rows in enumerate(pair))
    if policy.coarsen is not None:
        before, after = coarsen(before, policy.coarsen), coarsen(after, policy.coarsen)
    return check(before, after, policy)


def _rate(reports: Sequence[DriftReport]) -> Rate:
    verdicts = [report.is_drift for report in reports if report.is_drift is not None]
    return Rate(sum(verdicts), len(verdicts))


def _variation(reports: Sequence[DriftReport]) -> tuple[ColumnVariation, ...]:
    """Summarise the effects of each test on each column over pairs of snapshots."""
    effects: dict[tuple[str, str], list[float]] = defaultdict(list)
    alarms: dict[tuple[str, str], int] = defaultdict(int)
    for report in reports:
        for test in report.columns:
            if test.effect_size is not None and math.isfinite(test.effect_size):
                effects[test.name, test.detector].append(abs(test.effect_size))
                alarms[test.name, test.detector] += bool(test.is_drift)
    columns = [
        ColumnVariation(
            name=name,
            detector=detector,
            pairs=len(found),
            alarms=alarms[name, detector],
            median=float(np.median(found)),
            ninth_decile=float(np.quantile(found, 0.9, method="higher")),
            largest=max(found),
        )
        for (name, detector), found in effects.items()
    ]
    return tuple(sorted(columns, key=lambda c: (-c.alarms, -c.ninth_decile, c.name, c.detector)))
