"""Say an explanation in plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.read.label_sentences import labels_and_predictions
from calmops_flows.records import (
    ColumnDrift,
    Comparison,
    Decision,
    DecisionKind,
    DriftReport,
    Outcome,
    Rule,
    SnapshotState,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from calmops_flows.read.attribution import AttributedColumn, Attribution
    from calmops_flows.read.views import EstimateView, Explanation

SHOWN = 10
HARDLY = 0.01  # of the importance of the most important column
_VERDICTS = {
    DecisionKind.TRAINED: "the first champion was trained",
    DecisionKind.KEPT: "the champion was kept",
    DecisionKind.PROMOTED: "the challenger was promoted to champion",
    DecisionKind.REJECTED: "the challenger was rejected, and nothing that serves has changed",
    DecisionKind.ROLLED_BACK: "an earlier version serves again",
    DecisionKind.DEFERRED: "retraining was put off",
    DecisionKind.AWAITING_LABELS: "training waits for labels",
    DecisionKind.PREDICTED: "predictions were written, and nothing was decided",
}


def to_sentences(explanation: Explanation) -> list[str]:
    """Return the explanation as plain sentences, the verdict first.

    Names of files and columns appear as they are; whoever prints the sentences
    makes control characters and markup harmless.
    """
    decision = explanation.decision
    sentences = [verdict(explanation)]
    if explanation.outcome.decision is None:
        return sentences
    if decision is not None:
        sentences.append(f"Why: {decision.reason}.")
    sentences.extend(_drift(explanation.drift))
    sentences.extend(_attribution(explanation.attribution))
    sentences.extend(_scores(explanation.outcome, explanation.notes))
    sentences.extend(_details(explanation.details))
    sentences.extend(_estimated(explanation.estimated))
    if decision is not None:
        sentences.extend(_decision(decision, explanation.outcome.challenger))
    sentences.extend(labels_and_predictions(explanation))
    if explanation.made_good_by is not None:
        sentences.append(f"Retraining followed later; see {explanation.made_good_by}.")
    if explanation.superseded_by is not None:
        sentences.append(f"The file was rewritten since; see {explanation.superseded_by}.")
    for kind, digest in explanation.reports.items():
        sentences.append(f"A report by {kind} was rendered; it is artifact {digest[:12]}.")
    return sentences


def verdict(explanation: Explanation) -> str:
    """Say what became of a snapshot, in one sentence."""
    outcome = explanation.outcome
    name = f"Snapshot {outcome.snapshot} ({outcome.digest[:12]}"
    name += f", {outcome.rows:,} rows)" if outcome.rows is not None else ")"
    if outcome.decision is not None:
        done = _VERDICTS[DecisionKind(outcome.decision)]
        return f"{name} was processed {_when(outcome.at)}: {done}{_serving(explanation)}."
    if outcome.state == SnapshotState.QUARANTINED:
        return f"{name} was set aside and nothing learnt from it: {outcome.reason}."
    if outcome.state == SnapshotState.DUPLICATE:
        original = explanation.duplicate_of or "an earlier snapshot"
        return f"{name} holds the same bytes as {original} and was not processed again."
    if outcome.state == SnapshotState.SUPERSEDED:
        successor = explanation.superseded_by or "newer content"
        return f"{name} was rewritten before its turn came; {successor} took its place."
    if outcome.state == SnapshotState.DROPPED:
        return f"{name} was dropped by a person: {outcome.reason or 'no reason given'}."
    return f"{name} waits to be processed; nothing was decided yet."


def _serving(explanation: Explanation) -> str:
    """Say which version served after the decision, and which one now."""
    then, now = explanation.outcome.champion, explanation.serving
    if not then:
        return ""
    if now in {then, None}:
        return f"; version {then} serves"
    return f"; version {then} served then, and version {now} does now"


def _drift(report: DriftReport | None) -> Iterator[str]:
    if report is None:
        yield "Drift was not checked: there was no reference to compare with."
        return
    run = [test for test in report.tests if test.is_drift is not None]
    compared = (
        f"{count(len(run), 'test')} compared {report.current_rows:,} rows with "
        f"{report.reference_rows:,} reference rows, with at most {report.alpha:.3g} as the chance "
        "of any false alarm"
    )
    if not run:
        yield "Drift could not be tested on any column."
    elif report.is_drift:
        found = [_finding(test) for test in run if test.is_drift]
        yield f"Drift: {compared}; {_cut(found)}."
    else:
        yield f"No drift: {compared}, and none found a change that matters."
    for note in report.notes:
        yield f"Note: {note}."
    if report.untestable:
        reasons = [f"{name} ({reason})" for name, reason in report.untestable.items()]
        yield f"Not testable, which is not the same as no drift: {_cut(reasons)}."


def _attribution(found: Attribution | None) -> Iterator[str]:
    """Say which of the drifted columns the champion rests on."""
    drifted = [] if found is None else [column for column in found.columns if column.is_drift]
    if found is None or not drifted:
        return
    if found.metric is None:
        yield f"Whether it matters to the champion is not known: {found.reason}."
        return
    edge = HARDLY * max((column.importance or 0.0 for column in found.columns), default=0.0)
    known = [column for column in drifted if column.importance is not None]
    used = [column for column in known if (column.importance or 0.0) > edge]
    if used:
        parts = [_use(column, found.metric) for column in used]
        yield f"Of what moved, these matter to version {found.version}: {_cut(parts)}."
    for columns, text in (
        (
            [c for c in known if (c.importance or 0.0) <= edge],
            f"These moved, but version {found.version} hardly uses them",
        ),
        (
            [c for c in drifted if c.importance is None],
            f"These moved, and are no measured features of version {found.version}",
        ),
    ):
        if columns:
            yield f"{text}: {_cut(column.name for column in columns)}."


def _use(column: AttributedColumn, metric: str) -> str:
    lost = number(column.importance)
    return f"{column.name} (effect {column.effect_size:.3g}; scrambling it costs {lost} {metric})"


def _finding(test: ColumnDrift) -> str:
    name = "all columns together" if test.name == "*" else test.name
    effect = "" if test.effect_size is None else f"effect {test.effect_size:.3g}, "
    return f"{name} changed ({test.detector}: {effect}adjusted p {number(test.adjusted_p_value)})"


def _scores(outcome: Outcome, notes: Mapping[str, str]) -> Iterator[str]:
    told = {
        "champion": "Before anything learnt from these rows, the champion scored on them",
        "challenger": "The challenger scored on the rows held out from its training",
    }
    for role, text in told.items():
        scores = outcome.metrics.get(role)
        if scores:
            known = [f"{name} {number(v)}" for name, v in scores.items() if v is not None]
            yield f"{text}: {', '.join(known) or 'nothing that is defined'}."
    undefined = [f"{name.partition('.')[2]} ({note})" for name, note in notes.items()]
    if undefined:
        yield f"Undefined here: {_cut(dict.fromkeys(undefined))}."


def _details(details: Mapping[str, float | None]) -> Iterator[str]:
    if details:
        parts = (f"{name.replace('_', ' ')} {number(value)}" for name, value in details.items())
        yield f"The fitted model: {', '.join(parts)}."


def _estimated(found: Iterable[EstimateView]) -> Iterator[str]:
    """Say what was estimated with its error bars, and once what it assumes."""
    known = [one for one in found if one.value is not None]
    unknown = [f"{one.metric} ({one.note})" for one in found if one.value is None]
    if known:
        parts = [
            f"{one.metric} {number(one.value)} ({number(one.lower)} to {number(one.upper)})"
            for one in known
        ]
        yield f"Estimated for want of labels, with error bars: {_cut(parts)}."
        yield f"The estimate's method: {'; '.join(dict.fromkeys(one.note for one in known))}."
    if unknown:
        yield f"Could not be estimated: {_cut(unknown)}."


def _decision(decision: Decision, challenger: int | None) -> Iterator[str]:
    if challenger is not None:
        yield f"The challenger is kept as version {challenger}."
    if decision.makes_good:
        yield f"It makes good the retraining that was put off on: {_cut(decision.makes_good)}."
    if len(decision.attempts) > 1:
        yield _attempts(decision)
    if decision.comparison is not None:
        yield _comparison(decision.comparison)
    yield from map(_rule, decision.rules)
    if decision.warnings:
        yield f"Warnings: {_cut(decision.warnings)}."
    if decision.alternatives:
        yield f"It could also have been: {'; '.join(decision.alternatives)}."
    cost = {name: seconds for name, seconds in decision.cost_seconds.items() if seconds >= 0.05}
    if cost:
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in cost.items())
        yield f"It took {sum(cost.values()):.1f} seconds ({parts})."


def _attempts(decision: Decision) -> str:
    """Say what was tried, and how it shared the chance of a false promotion."""
    words = {(True, True): "chosen", (True, False): "accepted, but another was better"}
    parts = []
    for tried in decision.attempts:
        is_named = tried.version is None or tried.mode.endswith(f" version {tried.version}")
        version = "" if is_named else f" (version {tried.version})"
        judged = words.get((tried.is_accepted, tried.is_chosen), tried.reason)
        seconds = f", {tried.fit_seconds:.1f} CPU seconds" if tried.fit_seconds >= 0.05 else ""
        parts.append(f"{tried.mode}{version}: {judged}{seconds}")
    budget = decision.error_budget
    shared = ""
    if budget is not None:
        shared = (
            f"; all that must be better, {budget.n_tries} at most, share a chance of "
            f"{budget.alpha:.3g} that one takes over that is not"
        )
    return f"Tried: {_cut(parts)}{shared}."


def _comparison(found: Comparison) -> str:
    if found.difference is None:
        return f"Champion and challenger could not be compared by {found.metric}: {found.reason}."
    side = "better" if found.difference > 0 else "worse" if found.difference < 0 else "no different"
    return (
        f"On the same {found.n_rows:,} held-out rows the challenger has {found.metric} "
        f"{number(found.challenger)} and the champion {number(found.champion)}: {side} by "
        f"{number(abs(found.difference))}, and with {found.confidence:.0%} confidence on each "
        f"side the gain lies between {number(found.lower)} and {number(found.upper)}."
    )


def _rule(rule: Rule) -> str:
    word = {True: "passed", False: "failed", None: "could not be tested"}[rule.passed]
    observed = "" if rule.observed is None else f"observed {number(rule.observed)}"
    wanted = "" if rule.threshold is None else f"bound {number(rule.threshold)}"
    facts = ", ".join(fact for fact in (observed, wanted, rule.note or "") if fact)
    return f"Rule {rule.name!r} {word}{f' ({facts})' if facts else ''}."


def _when(at: str | None) -> str:
    return "" if at is None else f"at {at[:19].replace('T', ' ')} UTC"


def number(value: float | str | None) -> str:
    """Return a number with four digits, and text as it is."""
    if value is None:
        return "unknown"
    return value if isinstance(value, str) else f"{value:.4g}"


def count(n: int, noun: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count(1, "test"), count(2000, "test")
    ('1 test', '2,000 tests')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _cut(items: Iterable[str]) -> str:
    shown = list(items)
    more = f"; and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return "; ".join(shown[:SHOWN]) + more
