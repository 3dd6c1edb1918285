"""Whether what a retraining may win is worth what a fit costs (``retrain.cost``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation.drop import performance_drop
from calmops_flows.records import Rule
from calmops_flows.steps.holdout import load_holdout
from calmops_flows.steps.performance import drop_metric
from calmops_flows.store.tables import model_versions

if TYPE_CHECKING:
    from calmops_flows.steps.evaluate import Champion, Labels, Scored
    from calmops_flows.steps.run import SnapshotRun

COST_RULE = "cost"


def worth_a_fit(
    run: SnapshotRun, champion: Champion, labels: Labels, scored: Scored
) -> Rule | None:
    """Weigh the score that a new fit may win back against the time of the last fit.

    Returns
    -------
    Rule or None
        None without ``retrain.cost`` or labels. Untestable, so no obstacle, where the drop or
        the time of a fit is unknown.
    """
    weight = run.spec.retrain.cost
    if weight is None or len(labels.rows) == 0:
        return None
    seconds = last_fit_seconds(run)
    judged = load_holdout(run, champion)
    if seconds is None or judged is None:
        missing = "how long a fit takes" if seconds is None else "the champion's holdout"
        return Rule(COST_RULE, None, None, None, f"not known: {missing}")
    try:
        found = performance_drop(
            judged.holdout,
            labels.y,
            scored.predictions.take(labels.rows),
            metric=drop_metric(run.spec, labels.task),
            confidence=run.spec.evaluation.promotion.confidence,
        )
    except UntestableError as err:
        return Rule(COST_RULE, None, weight * seconds, None, str(err))
    return cost_rule(found.drop, len(labels.rows), weight=weight, seconds=seconds)


def cost_rule(drop: float, n_rows: int, *, weight: float, seconds: float) -> Rule:
    """Compare the expected gain with the weighted time of a fit.

    Parameters
    ----------
    drop : float
        Share of the champion's holdout score that is lost on the snapshot: what a fit may win
        back. A negative one is no gain.
    n_rows : int
        Labelled rows of the snapshot.
    weight : float
        ``retrain.cost``, in rows' worth of score per second.
    seconds : float
        CPU seconds of the last fit.

    Returns
    -------
    Rule
        Named ``cost``; broken when ``max(drop, 0) * n_rows < weight * seconds``.

    Examples
    --------
    >>> cost_rule(0.1, 500, weight=10, seconds=4).passed
    True
    >>> cost_rule(0.1, 500, weight=10, seconds=6).passed
    False
    """
    gain, price = max(drop, 0.0) * n_rows, weight * seconds
    note = (
        f"a fit may win back {max(drop, 0.0):.1%} of the score on {n_rows} rows; the last one took "
        f"{seconds:.4g} CPU seconds, each of which must win {weight:g} rows"
    )
    return Rule(COST_RULE, gain, price, gain >= price, note)


def last_fit_seconds(run: SnapshotRun) -> float | None:
    """Return the CPU seconds of the newest fit, its refit included; None before the first."""
    query = (
        select(model_versions.c.fit_seconds)
        .where(model_versions.c.pipeline == run.spec.name, model_versions.c.fit_seconds > 0)
        .order_by(model_versions.c.version.desc())
        .limit(1)
    )
    with run.store.database.read() as connection:
        found = connection.execute(query).scalar()
    return None if found is None else float(found)
