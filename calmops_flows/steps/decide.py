"""Decide whether to train, from drift, performance, policy and breaker."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select

from calmops_flows.detectors.over_time import persists
from calmops_flows.evaluation.thresholds import check_thresholds
from calmops_flows.records import DriftReport, Evaluation, Role, Rule
from calmops_flows.spec import PersistSpec
from calmops_flows.steps.allowance import fits_allowed
from calmops_flows.steps.run import SnapshotRun
from calmops_flows.store.tables import model_versions, outcomes, snapshots

MIN_LABELLED_ROWS = 10  # fewer cannot be split into a part that teaches and one that judges


_NOT_ABOUT_DATA = frozenset(
    {"breaker", "labelled rows", "cost", "knows enough", "fits within the budget"}
)


class Action(StrEnum):
    """What is done about a snapshot."""

    TRAIN = "train"
    RETRAIN = "retrain"
    KEEP = "keep"
    DEFER = "defer"
    AWAIT_LABELS = "await_labels"
    PREDICT = "predict"


@dataclass(frozen=True, slots=True)
class Plan:
    """An action with the reason and the rules it rests on.

    ``n_fits`` says how many models may be fitted; None: no limit.
    """

    action: Action
    reason: str
    rules: tuple[Rule, ...] = ()
    champion_fails: bool = False
    n_fits: int | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether something was found to be wrong: drift, a threshold, a drop, the errors."""
        return any(
            rule.passed is False
            for rule in self.rules
            if rule.name not in _NOT_ABOUT_DATA and not rule.name.startswith("estimated ")
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found about a snapshot; None where nothing was tested.

    ``drop``, ``concept`` and ``estimate`` are rules that are broken when there is drift,
    ``knowledge`` when a refresh would learn from many more rows than the champion did,
    ``worth`` when a fit costs more than it may win.
    """

    drift: DriftReport | None = None
    scores: Evaluation | None = None
    drop: Rule | None = None
    concept: Rule | None = None
    estimate: Rule | None = None
    knowledge: Rule | None = None
    worth: Rule | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a kind of pipeline says about training, in place of the policy, and why."""

    wants: bool
    reason: str


def decide(
    run: SnapshotRun, evidence: Evidence, *, n_labelled: int, opinion: Opinion | None = None
) -> Plan:
    """Choose the action for a snapshot; pure but for counting snapshots since training."""
    rules, fails = _rules(run, evidence)
    action = Action.TRAIN if run.state.champion is None else Action.RETRAIN
    if opinion is not None:
        wants, reason = opinion.wants, opinion.reason
    elif run.state.champion is None:
        wants, reason = True, "there is no champion yet"
    else:
        wants, reason = _policy(run, evidence, fails=fails)
    if not wants:
        return Plan(Action.KEEP, reason, rules, fails)
    if n_labelled < MIN_LABELLED_ROWS:
        label_rule = Rule("labelled rows", n_labelled, MIN_LABELLED_ROWS, passed=False)
        waiting = f"{reason}, but only {n_labelled} rows are labelled"
        return Plan(Action.AWAIT_LABELS, waiting, (*rules, label_rule), fails)
    if _is_broken(evidence.worth):
        return Plan(Action.KEEP, f"{reason}, but a fit costs more than it may win", rules, fails)
    breaker = run.state.breaker
    allows = breaker.allows(now=run.now)
    breaker_rule = Rule("breaker", breaker.state, "closed or half-open", passed=allows)
    if not allows:
        waiting = f"{reason}, but the circuit breaker is open"
        return Plan(Action.DEFER, waiting, (*rules, breaker_rule), fails)
    allowed = fits_allowed(run) if action is Action.RETRAIN else None
    rules = (*rules, breaker_rule)
    if allowed is not None:
        rules = (*rules, Rule("fits within the budget", allowed, 1, passed=allowed >= 1))
    if allowed == 0:
        return Plan(Action.KEEP, f"{reason}, but the budget of fits is spent", rules, fails)
    return Plan(action, reason, rules, fails, allowed)


def _rules(run: SnapshotRun, evidence: Evidence) -> tuple[tuple[Rule, ...], bool]:
    """Return the rules on drift and performance, and whether the champion fails one of its own."""
    rules: list[Rule] = []
    drift, scores = evidence.drift, evidence.scores
    if drift is not None:
        clean = None if drift.is_drift is None else not drift.is_drift
        rules.append(Rule("no data drift", _where(drift), f"none at alpha {drift.alpha:g}", clean))
    own: tuple[Rule, ...] = ()
    if scores is not None:
        own = check_thresholds(scores, run.spec.evaluation.thresholds)
    if evidence.drop is not None:
        own = (*own, evidence.drop)
    rules.extend(own)
    others = (evidence.concept, evidence.estimate, evidence.knowledge, evidence.worth)
    rules.extend(rule for rule in others if rule is not None)
    return tuple(rules), any(rule.passed is False for rule in own)


def _policy(run: SnapshotRun, evidence: Evidence, *, fails: bool) -> tuple[bool, str]:
    """Apply ``retrain.when``: whether it asks for training, and why or why not."""
    when, every = run.spec.retrain.when, run.spec.retrain.every
    if when == "never":
        return False, "the policy is never to retrain"
    if when == "always":
        return True, "the policy is to retrain on every snapshot"
    if every is not None:
        since = snapshots_since_training(run) + 1
        return since >= every, f"{since} of {every} snapshots since the last training"
    reason = None if when == "data" else _reason_to_retrain(evidence, fails=fails)
    return (True, reason) if reason is not None else _policy_on_data(run, evidence, when)


def _policy_on_data(run: SnapshotRun, evidence: Evidence, when: str) -> tuple[bool, str]:
    """Ask for training because the data moved, or because many more rows are known."""
    drift, persist = evidence.drift, run.spec.drift.persist
    against = "no reason to retrain"
    if drift is not None and drift.is_drift and when in {"drift", "data"}:
        if persist is None or _persists(run, drift, persist):
            return True, f"drift in {_where(drift)}"
        against = f"drift, but not in {persist.k} of the last {persist.n} snapshots"
    if when == "drift" and _is_broken(evidence.knowledge):
        return True, "the champion learnt from much less than is known by now"
    return False, against


def _is_broken(rule: Rule | None) -> bool:
    return rule is not None and rule.passed is False


def _reason_to_retrain(evidence: Evidence, *, fails: bool) -> str | None:
    """Name what is wrong with the champion, if anything is."""
    if evidence.drop is not None and evidence.drop.passed is False:
        return "the champion's performance dropped"
    if fails:
        return "the champion fails a threshold"
    if evidence.concept is not None and evidence.concept.passed is False:
        return "the champion's errors rose (concept drift)"
    return None


def _persists(run: SnapshotRun, drift: DriftReport, persist: PersistSpec) -> bool:
    """Tell whether enough of the last testable verdicts, the present one included, were drift."""
    query = (
        select(outcomes.c.is_drift)
        .join(snapshots, snapshots.c.id == outcomes.c.snapshot_id)
        .where(outcomes.c.pipeline == run.spec.name, outcomes.c.is_drift.is_not(None))
        .order_by(snapshots.c.sequence.desc())
        .limit(persist.n - 1)
    )
    with run.store.database.read() as connection:
        earlier = list(connection.execute(query).scalars())[::-1]
    return persists([*earlier, drift.is_drift], k=persist.k, n=persist.n) is True


def _where(drift: DriftReport) -> str:
    """Name the drifted columns, or what drifted when no single one did."""
    columns = drift.drifted
    if not columns:
        return "the joint distribution" if drift.is_drift else "no column"
    shown = ", ".join(columns[:5])
    return shown if len(columns) <= 5 else f"{shown} and {len(columns) - 5} more"


def snapshots_since_training(run: SnapshotRun) -> int:
    """Count the snapshots processed after the newest model was fitted."""
    name = run.spec.name
    newest = (
        select(func.max(snapshots.c.sequence))
        .join(model_versions, model_versions.c.snapshot_id == snapshots.c.id)
        .where(snapshots.c.pipeline == name)
        .scalar_subquery()
    )
    query = (
        select(func.count())
        .select_from(outcomes.join(snapshots, outcomes.c.snapshot_id == snapshots.c.id))
        .where(
            snapshots.c.pipeline == name,
            snapshots.c.role == Role.DATA,
            snapshots.c.sequence > func.coalesce(newest, 0),
        )
    )
    with run.store.database.read() as connection:
        return int(connection.execute(query).scalar_one())
