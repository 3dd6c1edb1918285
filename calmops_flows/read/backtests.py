"""Backtests: their record, and the newest one of a pipeline."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from calmops_flows.read.names import require_pipeline
from calmops_flows.store.tables import reports, snapshots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from calmops_flows.store.store import Store

KIND = "backtest"


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """What one policy reached, and what it cost.

    ``fits`` counts every fit of a candidate, also of those that were turned away; ``refits``
    are counted apart. ``on_front`` tells that no other policy is at least as good in score,
    fits and CPU seconds and better in one.
    """

    policy: str
    score: float | None
    metrics: Mapping[str, float | None]
    fits: int
    refits: int
    promotions: int
    fit_seconds: float
    cpu_seconds: float
    quarantined: int = 0
    deferred: int = 0
    on_front: bool = False
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Backtest:
    """Several policies over the same snapshots.

    Every policy is scored on the same ``rows``, of the ``snapshots`` that all of them scored
    before they learnt from them. ``no_change`` repeats the label of the row before.
    """

    pipeline: str
    metric: str
    is_loss: bool
    rows: int
    snapshots: int
    no_change: float | None
    static: float | None
    results: tuple[PolicyResult, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)


def latest_backtest(store: Store, name: str) -> Backtest | None:
    """Return the newest backtest that was stored for a pipeline, None if there is none.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    """
    query = (
        select(reports.c.artifact)
        .join(snapshots, snapshots.c.id == reports.c.snapshot_id)
        .where(snapshots.c.pipeline == name, reports.c.kind == KIND)
        .order_by(reports.c.at.desc())
        .limit(1)
    )
    with store.database.read() as connection:
        require_pipeline(connection, name)
        digest = connection.execute(query).scalar()
    return None if digest is None else from_dict(json.loads(store.artifacts.get(digest)))


def from_dict(values: Mapping[str, Any]) -> Backtest:
    """Build a backtest from what `Backtest.to_dict` gave."""
    results = tuple(PolicyResult(**result) for result in values["results"])
    return Backtest(**{**values, "results": results, "notes": tuple(values["notes"])})
