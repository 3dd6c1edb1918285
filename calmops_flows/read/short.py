"""Say an explanation in a few lines: the verdict, why, what moved, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.read.sentences import count, number, verdict
from calmops_flows.records import DecisionKind, SnapshotState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calmops_flows.read.views import Explanation
    from calmops_flows.records import Comparison, Decision, DriftReport

NAMED = 5
_STEPS: dict[str, str] = {
    SnapshotState.QUARANTINED: (
        "see `calmops quarantine {name}`; repair the file, accept its form (`calmops contract "
        "{name}`), or drop it"
    ),
    SnapshotState.PENDING: "`calmops run {name}`, or wait for the next run",
    DecisionKind.AWAITING_LABELS: "put the labels into the folder that the spec names, then run",
    DecisionKind.DEFERRED: "nothing; it follows after the pause, see `calmops status {name}`",
    DecisionKind.REJECTED: (
        "nothing; to let the challenger serve all the same, `calmops promote {name} {version}`"
    ),
    DecisionKind.PROMOTED: "nothing; to take it back, `calmops rollback {name}`",
}


def to_short(explanation: Explanation) -> list[str]:
    """Return the verdict, why, what moved, the scores that decided, and what to do.

    Parameters
    ----------
    explanation : Explanation
        Of one snapshot.

    Returns
    -------
    list of str
        At most seven sentences; the first two are those of `to_sentences`.
    """
    said = [verdict(explanation)]
    decision = explanation.decision
    if explanation.outcome.decision is not None:
        if decision is not None:
            said.append(f"Why: {decision.reason}.")
        said += _drift(explanation.drift)
        if decision is not None:
            said += _scores(explanation, decision)
    said.append(_to_do(explanation))
    return said


def _drift(report: DriftReport | None) -> Iterator[str]:
    if report is None:
        return
    tested = {test.name for test in report.columns if test.is_drift is not None}
    aside = f"; {count(len(report.untestable), 'column')} could not be tested"
    rest = f"{aside if report.untestable else ''}."
    if report.is_drift is None:
        yield "No column could be tested for drift."
    elif not report.is_drift:
        yield f"No drift in {count(len(tested), 'column')}{rest}"
    elif report.drifted:
        share = f"{len(report.drifted):,} of {count(len(tested), 'column')} drifted"
        yield f"{share}: {_names(report.drifted)}{rest}"
    else:
        yield f"All columns together drifted, and none of {len(tested):,} alone{rest}"


def _scores(explanation: Explanation, decision: Decision) -> Iterator[str]:
    if decision.comparison is not None:
        yield _comparison(decision.comparison)
        return
    failed = [rule for rule in decision.rules if rule.passed is False]
    if failed:
        yield f"Not met: {_names([rule.name for rule in failed])}."
    scores = explanation.outcome.metrics.get("champion") or {}
    known = [f"{name} {number(value)}" for name, value in scores.items() if value is not None]
    if known:
        yield f"The champion scored {', '.join(known[:NAMED])}."


def _comparison(found: Comparison) -> str:
    if found.difference is None:
        return f"Champion and challenger could not be compared: {found.reason}."
    return (
        f"{found.metric} on the same {found.n_rows:,} rows: challenger {number(found.challenger)}, "
        f"champion {number(found.champion)}; the gain lies between {number(found.lower)} and "
        f"{number(found.upper)}."
    )


def _to_do(explanation: Explanation) -> str:
    outcome = explanation.outcome
    what = _STEPS.get(outcome.decision or outcome.state, "nothing")
    if outcome.decision == DecisionKind.DEFERRED and explanation.made_good_by is not None:
        what = f"nothing; the retraining followed, see {explanation.made_good_by}"
    elif outcome.decision == DecisionKind.REJECTED and outcome.challenger is None:
        what = "nothing"
    elif outcome.decision == DecisionKind.PROMOTED and _is_past(explanation):
        what = f"nothing; for the versions since, `calmops show {explanation.pipeline}`"
    elif outcome.decision == DecisionKind.REJECTED and explanation.serving == outcome.challenger:
        what = "nothing; the challenger was promoted since"
    else:
        what = what.format(name=explanation.pipeline, version=outcome.challenger)
    return f"What to do: {what}."


def _is_past(explanation: Explanation) -> bool:
    """Tell whether another version serves now than the one that the decision left."""
    return explanation.serving not in {explanation.outcome.champion, None}


def _names(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
