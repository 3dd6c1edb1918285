"""Concept drift: a streaming detector on the champion's errors, kept between snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select

from calmops_flows.detectors.streaming import STREAMING, StreamResult, watch
from calmops_flows.records import Rule
from calmops_flows.steps.evaluate import Champion, Labels, Scored
from calmops_flows.steps.holdout import load_holdout
from calmops_flows.steps.run import SnapshotRun
from calmops_flows.store.tables import outcomes, snapshots

if TYPE_CHECKING:
    from numpy.typing import NDArray


CONCEPT_RULE = "no concept drift"


@dataclass(frozen=True, slots=True)
class Watched:
    """The rule on the error stream, and the digest of the state for the next snapshot."""

    rule: Rule
    state: str | None


def check_concept(
    run: SnapshotRun, champion: Champion, labels: Labels, scored: Scored
) -> Watched | None:
    """Look for a rise of the champion's errors, going on from the snapshot before.

    Returns
    -------
    Watched or None
        None without ``drift.concept``.
    """
    name = run.spec.drift.concept
    if name is None:
        return None
    digest = _last_state(run, champion.version.version)
    head = f"{name}\n".encode()
    kept = None if digest is None else run.store.artifacts.get(digest)
    state = kept.removeprefix(head) if kept is not None and kept.startswith(head) else None
    errors = _errors(run, champion, labels, scored)
    if errors is None:
        why = "untestable: the champion was fitted before holdouts were kept"
        return Watched(Rule(CONCEPT_RULE, None, name, None, why), digest)
    found = watch(STREAMING[name], errors, state)
    if found.state is not None and found.is_drift is not None:
        digest = run.store.artifacts.put(head + found.state)
    return Watched(_rule(name, found, labels.rows), digest)


def _last_state(run: SnapshotRun, version: int) -> str | None:
    """Return the digest that the newest snapshot under this champion left."""
    query = (
        select(outcomes.c.stream_state)
        .join(snapshots, outcomes.c.snapshot_id == snapshots.c.id)
        .where(
            outcomes.c.pipeline == run.spec.name,
            outcomes.c.champion == version,
            outcomes.c.stream_state.is_not(None),
        )
        .order_by(outcomes.c.at.desc(), snapshots.c.sequence.desc())
        .limit(1)
    )
    with run.store.database.read() as connection:
        return connection.execute(query).scalar()


def _errors(
    run: SnapshotRun, champion: Champion, labels: Labels, scored: Scored
) -> NDArray[np.float64] | None:
    """Return errors in [0, 1]: 0 or 1 of a class, |e| / (|e| + usual |e|) of a number."""
    said = scored.predictions.values[labels.rows]
    if labels.task == "classification":
        missed: NDArray[np.float64] = (said != labels.y).astype(np.float64)
        return missed
    judged = load_holdout(run, champion)
    if judged is None:
        return None
    usual = _gaps(judged.holdout.truth, judged.holdout.predictions.values)
    scale = float(np.median(usual)) or float(usual.mean()) or float(np.finfo(np.float64).tiny)
    gaps = _gaps(labels.y, said)
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(gaps), gaps / (gaps + scale), 1.0)


def _gaps(truth: NDArray[np.generic], said: NDArray[np.generic]) -> NDArray[np.float64]:
    gaps: NDArray[np.float64] = np.abs(truth.astype(np.float64) - said.astype(np.float64))
    return gaps


def _rule(name: str, found: StreamResult, rows: NDArray[np.int64]) -> Rule:
    scan = found.scan
    if found.is_drift is None:
        return Rule(CONCEPT_RULE, None, name, None, f"untestable: {found.reason}")
    bound = name if scan.threshold is None else scan.threshold
    if not found.is_drift:
        observed = "no change" if scan.statistic is None else scan.statistic
        note = f"{name} on the errors of {found.n_rows} labelled rows"
        return Rule(CONCEPT_RULE, observed, bound, passed=True, note=note)
    change, alarm = (int(rows[at or 0]) + 1 for at in (scan.change_point, scan.alarm_row))
    observed = f"change near row {change}" if scan.statistic is None else scan.statistic
    note = (
        f"{name}: the champion's errors rise from about row {change} on "
        f"(noticed at row {alarm} of {found.n_rows} labelled rows)"
    )
    return Rule(CONCEPT_RULE, observed, bound, passed=False, note=note)
