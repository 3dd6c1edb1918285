"""How like real rows generated rows are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.errors import UntestableError
from calmops_flows.generators.quality.efficacy import Efficacy, efficacy
from calmops_flows.generators.quality.marginals import (
    Marginal,
    Pair,
    compare_columns,
    compare_pairs,
)
from calmops_flows.generators.quality.propensity import Propensity, detection_auc, propensity
from calmops_flows.generators.quality.samples import read_samples, thinned

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 10_000
"""Rows of each table from which models learn."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How like real rows generated rows are.

    Parameters
    ----------
    marginals : tuple of Marginal
        Column by column.
    pairs : tuple of Pair
        Pair by pair.
    propensity : Propensity
        Whether a linear model can tell them apart.
    detection_auc : float
        Whether boosted trees can, out of fold; 0.5 is chance.
    detected_against : {"holdout", "learnt"}
        Which real rows they were told from.
    efficacy : Efficacy or None
        Train on generated, test on real rows.
    no_efficacy : str or None
        Why that was not done.
    """

    marginals: tuple[Marginal, ...]
    pairs: tuple[Pair, ...]
    propensity: Propensity
    detection_auc: float
    detected_against: str
    efficacy: Efficacy | None
    no_efficacy: str | None

    @property
    def correlation_error(self) -> float | None:
        """Mean distance of the correlations of two numbers; None without such a pair."""
        return self._mean("correlation")

    @property
    def contingency_error(self) -> float | None:
        """Mean total variation distance of pairs with a category; None without such a pair."""
        return self._mean("contingency")

    def _mean(self, measure: str) -> float | None:
        errors = [pair.error for pair in self.pairs if pair.measure == measure]
        return float(np.mean(errors)) if errors else None


def fidelity(
    real: pd.DataFrame,
    generated: pd.DataFrame,
    holdout: pd.DataFrame | None,
    *,
    target: str | None = None,
    rng: np.random.Generator,
) -> Fidelity:
    """Measure how like real rows generated rows are.

    Parameters
    ----------
    real : DataFrame
        Rows that the method learnt.
    generated : DataFrame
        Its rows.
    holdout : DataFrame or None
        Real rows that it did not learn.
    target : str, optional
        What models shall predict.
    rng : numpy.random.Generator
        Where randomness comes from.

    Raises
    ------
    SpecError
        If the tables have different columns, or the target is none of them.
    """
    samples = read_samples([real, generated])
    unseen = real if holdout is None else holdout
    fresh = read_samples([thinned(unseen, MAX_ROWS, rng), thinned(generated, MAX_ROWS, rng)])
    score, reason = _efficacy(real, generated, holdout, target, rng)
    return Fidelity(
        marginals=compare_columns(samples),
        pairs=compare_pairs(samples),
        propensity=propensity(
            read_samples([thinned(real, MAX_ROWS, rng), thinned(generated, MAX_ROWS, rng)])
        ),
        detection_auc=detection_auc(fresh, rng),
        detected_against="learnt" if holdout is None else "holdout",
        efficacy=score,
        no_efficacy=reason,
    )


def _efficacy(
    real: pd.DataFrame,
    generated: pd.DataFrame,
    holdout: pd.DataFrame | None,
    target: str | None,
    rng: np.random.Generator,
) -> tuple[Efficacy | None, str | None]:
    if target is None:
        return None, "no target was named"
    if holdout is None:
        read_samples([real, generated]).at(target)
        return None, "no real rows were held out to test on"
    samples = read_samples([thinned(one, MAX_ROWS, rng) for one in (real, generated, holdout)])
    try:
        return efficacy(samples, target, rng), None
    except UntestableError as err:
        return None, str(err)
