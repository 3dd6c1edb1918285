"""One column of one snapshot beside its reference, and its past, from stored profiles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select

from calmops_flows.errors import ArtifactError, ProfileError
from calmops_flows.profiles import column_from_bytes, from_bytes
from calmops_flows.profiles.column import CategoricalColumn, NumericColumn
from calmops_flows.read.explain import find_snapshot
from calmops_flows.read.names import require_pipeline
from calmops_flows.read.overview import label
from calmops_flows.read.window import Window, chosen
from calmops_flows.store.history import drift_report
from calmops_flows.store.tables import drift_reports, snapshots

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from calmops_flows.profiles import Profile
    from calmops_flows.profiles.column import Column
    from calmops_flows.records import ColumnDrift
    from calmops_flows.store.artifacts import ArtifactStore
    from calmops_flows.store.store import Store

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MOST_PROFILES = 60
_MOST_POINTS = 200
_MOST_LEVELS = 15
_MOST_REMEMBERED = 600


@dataclass(frozen=True, slots=True)
class Distribution:
    """A column of one profile, cut down to what is drawn.

    ``values`` and ``shares`` are the steps of the distribution function of a numeric column;
    ``levels`` the shares of the commonest levels of a categorical one.
    """

    kind: str
    n_rows: int
    n_missing: int
    values: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    quantiles: tuple[float, ...] = ()
    levels: tuple[tuple[str, float], ...] = ()

    @property
    def missing(self) -> float | None:
        """Share of rows without a value."""
        return self.n_missing / self.n_rows if self.n_rows else None


@dataclass(frozen=True, slots=True)
class FeatureView:
    """A column of a snapshot, its reference and the tests; None where a profile is gone.

    ``unseen`` are levels that the reference does not have, with their share of the rows.
    """

    name: str
    snapshot: str
    reference: Distribution | None
    current: Distribution | None
    unseen: tuple[tuple[str, float], ...]
    tests: tuple[ColumnDrift, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class FeaturePoint:
    """The column on one snapshot of the past."""

    sequence: int
    snapshot: str
    distribution: Distribution


def feature_names(store: Store, name: str, snapshot: str | None = None) -> tuple[str, ...]:
    """Return the columns that were tested on a snapshot, in its order.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or snapshot.
    """
    with store.database.read() as connection:
        require_pipeline(connection, name)
        row = find_snapshot(connection, name, snapshot)
    report = drift_report(store.database, row.id)
    if report is not None:
        return tuple(dict.fromkeys(test.name for test in report.columns))
    found = _read(store, row.profile_digest)
    return tuple(found.columns) if found else ()


def feature(store: Store, name: str, column: str, snapshot: str | None = None) -> FeatureView:
    """Return one column of a snapshot beside its reference.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    column : str
        Name of the column.
    snapshot : str, optional
        Its path or digest; default: the one decided last.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or snapshot.
    """
    with store.database.read() as connection:
        require_pipeline(connection, name)
        row = find_snapshot(connection, name, snapshot)
        digest = connection.execute(
            select(drift_reports.c.reference_digest).where(drift_reports.c.snapshot_id == row.id)
        ).scalar()
    report = drift_report(store.database, row.id)
    before, now = (_column(store, wanted, column) for wanted in (digest, row.profile_digest))
    tests = tuple(test for test in report.columns if test.name == column) if report else ()
    reason = None if now else "the profile of this snapshot is not kept"
    if now and digest is None:
        reason = "there was no reference yet: this snapshot was the first to learn from"
    elif now and before is None:
        reason = "the profile of the reference is not kept"
    return FeatureView(
        name=column,
        snapshot=label(row.path, row.block),
        reference=None if before is None else distribution(before, now),
        current=None if now is None else distribution(now, before),
        unseen=_unseen(before, now),
        tests=tests,
        reason=reason,
    )


def feature_past(
    store: Store, name: str, column: str, window: Window, *, now: datetime
) -> tuple[FeaturePoint, ...]:
    """Return the column on the newest snapshots of a window, at most 60, oldest first.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    """
    with store.database.read() as connection:
        require_pipeline(connection, name)
        ids = list(connection.execute(chosen(name, window, now, decided=True)).scalars())
        query = (
            select(
                snapshots.c.sequence,
                snapshots.c.path,
                snapshots.c.block,
                snapshots.c.profile_digest,
            )
            .where(snapshots.c.id.in_(ids[:MOST_PROFILES]))
            .order_by(snapshots.c.sequence)
        )
        rows = connection.execute(query).all()
    columns = {
        digest: _column(store, digest, column) for digest in {row.profile_digest for row in rows}
    }
    found = []
    for row in rows:
        there = columns[row.profile_digest]
        if there is not None:
            found.append(
                FeaturePoint(row.sequence, label(row.path, row.block), distribution(there))
            )
    return tuple(found)


def distribution(column: Column, other: Column | None = None) -> Distribution:
    """Cut a column down to what is drawn; ``other`` names further levels to show."""
    if isinstance(column, NumericColumn):
        return _numbers(column)
    if isinstance(column, CategoricalColumn):
        return _levels(column, other if isinstance(other, CategoricalColumn) else None)
    return Distribution(column.kind, column.n, column.n_missing)


def _numbers(column: NumericColumn) -> Distribution:
    total = int(column.counts.sum())
    if not total:
        return Distribution(column.kind, column.n, column.n_missing)
    reached = np.cumsum(column.counts) / total
    wanted = np.linspace(0.0, 1.0, _MOST_POINTS)
    places = np.unique(np.minimum(np.searchsorted(reached, wanted), len(reached) - 1))
    places = places[np.isfinite(column.values[places])]
    cuts = np.minimum(np.searchsorted(reached, QUANTILES), len(reached) - 1)
    return Distribution(
        column.kind,
        column.n,
        column.n_missing,
        values=tuple(column.values[places].tolist()),
        shares=tuple(reached[places].tolist()),
        quantiles=tuple(column.values[cuts].tolist()),
    )


def _levels(column: CategoricalColumn, other: CategoricalColumn | None) -> Distribution:
    mine, theirs = _shares(column), _shares(other) if other else {}
    weight = {level: max(mine.get(level, 0.0), theirs.get(level, 0.0)) for level in mine | theirs}
    shown = sorted(weight, key=lambda level: (-weight[level], level))[:_MOST_LEVELS]
    levels = [(level, mine.get(level, 0.0)) for level in shown]
    return Distribution("categorical", column.n, column.n_missing, levels=tuple(levels))


def _shares(column: CategoricalColumn) -> dict[str, float]:
    total = max(column.n_present, 1)
    return {
        level: float(count) / total
        for level, count in zip(column.levels, column.counts, strict=True)
    }


def _unseen(before: Column | None, now: Column | None) -> tuple[tuple[str, float], ...]:
    if not isinstance(before, CategoricalColumn) or not isinstance(now, CategoricalColumn):
        return ()
    known = set(before.levels)
    new: Mapping[str, float] = {k: v for k, v in _shares(now).items() if k not in known}
    if len(before.tail):  # levels that were not kept by name may be among them
        return ()
    return tuple(sorted(new.items(), key=lambda item: (-item[1], item[0]))[:_MOST_LEVELS])


def _column(store: Store, digest: str | None, name: str) -> Column | None:
    """Return a column of a profile; None when it was not kept or its bytes were changed."""
    if digest is None:
        return None
    try:
        return _read_column(store.artifacts, digest, name)
    except (ArtifactError, ProfileError):
        return None


@lru_cache(maxsize=_MOST_REMEMBERED)
def _read_column(artifacts: ArtifactStore, digest: str, name: str) -> Column | None:
    """Read a column, once for all pages of an open store: what a digest names never changes."""
    return column_from_bytes(artifacts.get(digest), name)


def _read(store: Store, digest: str | None) -> Profile | None:
    """Return a whole profile, or None likewise."""
    if digest is None:
        return None
    try:
        return from_bytes(store.artifacts.get(digest))
    except (ArtifactError, ProfileError):
        return None
