"""What moved, and whether it matters to the champion."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from calmops_flows.errors import ArtifactError
from calmops_flows.store import registry
from calmops_flows.store.tables import predictions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from calmops_flows.records import ColumnDrift, DriftReport
    from calmops_flows.store.store import Store

NOT_MEASURED = "the importance of its columns was not measured"


@dataclass(frozen=True, slots=True)
class AttributedColumn:
    """One column: how far it moved, and what the champion loses without it.

    Attributes
    ----------
    name, detector : str
        The column, and the test on it that speaks loudest.
    effect_size : float
        As that detector defines it.
    is_drift : bool
        Whether a test on the column counts as drift.
    importance : float or None
        Loss of the champion's metric when the column is scrambled; None when it was
        not measured, as for a column that is no feature.
    score : float or None
        Effect times importance; a negative importance counts as none.
    """

    name: str
    detector: str
    effect_size: float
    is_drift: bool
    importance: float | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Attribution:
    """The columns of a drift report, ranked for the champion that met the snapshot.

    ``reason`` says why there is no importance; ``metric`` is None then.
    """

    version: int
    metric: str | None
    columns: tuple[AttributedColumn, ...]
    reason: str | None = None


def attribute(store: Store, name: str, snapshot_id: int, report: DriftReport) -> Attribution | None:
    """Rank a snapshot's columns by effect times importance, drifted ones first.

    Effects of numeric and categorical columns have different units, so the rank
    guides the eye and is no measurement.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    snapshot_id : int
        Row of the ledger.
    report : DriftReport
        The snapshot's.

    Returns
    -------
    Attribution or None
        None if no champion had met the snapshot.
    """
    query = select(predictions.c.version).where(predictions.c.snapshot_id == snapshot_id)
    with store.database.read() as connection:
        version = connection.execute(query).scalar()
    if version is None:
        return None
    measured = _importance(store, name, int(version))
    columns = rank(report.columns, measured.get("columns", {}))
    return Attribution(int(version), measured.get("metric"), columns, measured.get("reason"))


def rank(
    tests: Iterable[ColumnDrift], importance: Mapping[str, float]
) -> tuple[AttributedColumn, ...]:
    """Return one entry per testable column: drifted first, then by effect times importance.

    Parameters
    ----------
    tests : iterable of ColumnDrift
        Tests of a report.
    importance : mapping of str to float
        By column.

    Examples
    --------
    >>> from calmops_flows.records import ColumnDrift
    >>> tests = [
    ...     ColumnDrift(name, "numeric", "ks", 0.1, 0.0, 0.0, effect, True)
    ...     for name, effect in (("idle", 0.9), ("used", 0.2))
    ... ]
    >>> [column.name for column in rank(tests, {"idle": 0.0, "used": 0.1})]
    ['used', 'idle']
    """
    loudest: dict[str, ColumnDrift] = {}
    for test in tests:
        if test.is_drift is None or test.effect_size is None:
            continue
        if test.name not in loudest or _loudness(test) > _loudness(loudest[test.name]):
            loudest[test.name] = test
    columns = [_attributed(test, importance.get(name)) for name, test in loudest.items()]
    columns.sort(key=lambda c: (not c.is_drift, -(c.score or 0.0), -c.effect_size, c.name))
    return tuple(columns)


def _loudness(test: ColumnDrift) -> tuple[bool, float]:
    return bool(test.is_drift), abs(test.effect_size or 0.0)


def _attributed(test: ColumnDrift, importance: float | None) -> AttributedColumn:
    effect = abs(test.effect_size or 0.0)
    score = None if importance is None else effect * max(importance, 0.0)
    return AttributedColumn(
        test.name, test.detector, effect, bool(test.is_drift), importance, score
    )


def _importance(store: Store, name: str, version: int) -> Mapping[str, Any]:
    """Return what the version's manifest says; an unreadable one is a reason, no failure."""
    digest = registry.version(store.database, name, version).manifest
    try:
        manifest = json.loads(store.artifacts.get(digest))
    except ArtifactError as err:
        return {"reason": str(err)}
    found: Mapping[str, Any] = manifest.get("importance") or {"reason": NOT_MEASURED}
    return found
