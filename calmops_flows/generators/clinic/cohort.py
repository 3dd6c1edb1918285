"""Who takes part: demographics, groups, conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, model_validator

from calmops_flows.generators.clinic.copula import Pair, latent_correlation, uniforms
from calmops_flows.generators.clinic.names import GROUP, Name, check_formula, check_new
from calmops_flows.generators.clinic.shares import chances, check_shares, pick
from calmops_flows.generators.clinic.variables import Variable
from calmops_flows.generators.formula import evaluate
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.generators.clinic.seeds import Seeds


class Condition(Part):
    """Something a patient has or has not, as 1 and 0."""

    prevalence: float = Field(ge=0.0, le=1.0)
    """Expected share of the patients that have it."""
    formula: str = "0"
    """Log-odds, up to a constant that follows from the prevalence; over variables, `group`, and
    conditions above."""


class Cohort(Part):
    """Patients, before anything is measured."""

    patients: int = Field(ge=1, le=10_000_000)
    variables: dict[Name, Variable] = Field(default_factory=dict)
    correlations: tuple[Pair, ...] = ()
    """Rank correlations; a variable with few values has a weaker one than is asked for."""
    groups: dict[Name, float] = Field(default_factory=lambda: {"all": 1.0})
    """Share of each group; the first one is the one without effects in most studies."""
    conditions: dict[Name, Condition] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Cohort:
        check_shares(self.groups, "the shares of the groups")
        check_new(self.columns)
        latent_correlation(list(self.variables), self.correlations)
        known = [*self.variables, GROUP]
        for name, condition in self.conditions.items():
            check_formula(condition.formula, known, where=f"condition {name!r}")
            known.append(name)
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of variables and conditions."""
        return (*self.variables, *self.conditions)

    def draw(self, rng: Seeds) -> dict[str, NDArray[Any]]:
        """Draw the patients.

        Parameters
        ----------
        rng : callable
            The generator of random numbers of each part by name.

        Returns
        -------
        dict of str to ndarray of shape (n_patients,)
            Variables, `group`, and conditions.
        """
        names, n = list(self.variables), self.patients
        u = uniforms(latent_correlation(names, self.correlations), n, rng("variables"))
        found = {name: self.variables[name].quantiles(u[:, i]) for i, name in enumerate(names)}
        place = pick(rng("groups").random(n), list(self.groups.values()))
        found[GROUP] = np.array(list(self.groups), dtype=object)[place]
        for name, condition in self.conditions.items():
            scores = evaluate(condition.formula, found).astype(float)
            has = rng("condition", name).random(n) < chances(scores, condition.prevalence)
            found[name] = has.astype(np.int64)
        return found
