"""A performance drop that is not over: what scores are held against, and which rows teach.

After an abrupt change a model of mostly old rows replaces the champion, and its own poor holdout
score becomes the measure of the next snapshots: nothing asks for a better one any more. So the
measure stays what served before the drop, and only rows since the drop teach, until the score is
back or two further fits brought nothing. All of it is read from outcomes that are committed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import RowMapping, and_, select

from calmops_flows.evaluation.drop import DROP_RULE
from calmops_flows.read.overview import label
from calmops_flows.records import DecisionKind, Role
from calmops_flows.store.tables import decisions, model_versions, outcomes, snapshots

if TYPE_CHECKING:
    from calmops_flows.records import Rule
    from calmops_flows.steps.run import SnapshotRun

MOST_FRUITLESS = 2
LOOK = 200  # outcomes with a drop rule that are looked back at
NEVER = "9999"  # later than every outcome
_FITTED = frozenset({DecisionKind.PROMOTED, DecisionKind.REJECTED})


@dataclass(frozen=True, slots=True)
class Episode:
    """A drop that was found and is not over.

    Parameters
    ----------
    snapshot : str
        Where it was found.
    champion : int
        The version that served then.
    since : str or None
        Time of that outcome; None if labels that came later told of it, whose rows are older.
    """

    snapshot: str
    champion: int
    since: str | None


@dataclass(frozen=True, slots=True)
class Past:
    """What one outcome says about drops; ``served`` is the version that was scored."""

    snapshot: str
    role: str
    at: str
    decision: str
    served: int | None
    is_within: bool | None
    is_gain: bool


def ongoing(run: SnapshotRun) -> Episode | None:
    """Return the drop that is not over before this snapshot; for a block, the block's own."""
    if run.spec.drift.performance is None:
        return None
    return follow(_past(run))


def follow(past: Sequence[Past]) -> Episode | None:
    """Go through outcomes, oldest first, and return the drop that is not over after them.

    Examples
    --------
    >>> dropped = Past("3.csv", "data", "t3", "rejected", 1, False, False)
    >>> follow([dropped])
    Episode(snapshot='3.csv', champion=1, since='t3')
    >>> follow([dropped, dropped]) is None  # two fits that brought nothing
    True
    """
    found: Episode | None = None
    fruitless = 0
    for one in past:
        if one.is_within:
            found = None
        elif one.is_within is False and found is None and one.served is not None:
            since = one.at if one.role == Role.DATA else None
            found, fruitless = Episode(one.snapshot, one.served, since), 0
        if found is not None and one.decision in _FITTED and not one.is_gain:
            fruitless += 1
        if fruitless >= MOST_FRUITLESS:
            found, fruitless = None, 0
    return found


def after_the_drop(run: SnapshotRun, drop: Rule | None) -> SnapshotRun:
    """Return the run with the rows that may teach: those since the drop, if there is one."""
    if drop is None or drop.passed is not False or run.labels_of:
        return run
    found = ongoing(run)
    return replace(run, since=NEVER if found is None else found.since)


def _past(run: SnapshotRun) -> list[Past]:
    """Return the outcomes since the last score that was within the tolerance, oldest first."""
    query = (
        select(
            snapshots.c.path,
            snapshots.c.block,
            snapshots.c.role,
            outcomes.c.at,
            outcomes.c.decision,
            outcomes.c.champion,
            model_versions.c.parent,
            decisions.c.record,
        )
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .join(decisions, decisions.c.snapshot_id == snapshots.c.id)
        .outerjoin(
            model_versions,
            and_(
                model_versions.c.pipeline == outcomes.c.pipeline,
                model_versions.c.version == outcomes.c.champion,
            ),
        )
        .where(
            snapshots.c.pipeline == run.spec.name,
            decisions.c.record.contains(DROP_RULE, autoescape=True),
        )
        .order_by(outcomes.c.at.desc())
        .limit(LOOK)
    )
    if run.block_column is not None:
        query = query.where(snapshots.c.block == run.snapshot.block)
    found: list[Past] = []
    with run.store.database.read() as connection:
        for row in connection.execute(query).mappings():
            found.append(_read(row))
            if found[-1].is_within:
                break
    return found[::-1]


def _read(row: RowMapping) -> Past:
    record = json.loads(row["record"])
    drops = [rule for rule in record["rules"] if rule["name"] == DROP_RULE]
    comparison = record.get("comparison") or {}
    lower = comparison.get("lower")
    is_new = row["decision"] == DecisionKind.PROMOTED
    return Past(
        snapshot=label(row["path"], row["block"]),
        role=row["role"],
        at=row["at"],
        decision=row["decision"],
        served=row["parent"] if is_new else row["champion"],
        is_within=drops[0]["passed"] if drops else None,
        is_gain=is_new and lower is not None and lower > 0,
    )
