"""Outcomes: numbers or classes by a formula over what is true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from calmops_flows.errors import SpecError
from calmops_flows.generators.clinic.shares import chances
from calmops_flows.generators.formula import evaluate
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Outcome(Part):
    """What follows from a patient's true values, before batches and missing values."""

    formula: str
    """Over all columns, features of layers (their level: true log2 abundance), and outcomes
    above."""
    kind: Literal["number", "probability", "logit"] = "logit"
    """probability, logit: 1 or 0 is drawn with it."""
    prevalence: float | None = Field(default=None, ge=0.0, le=1.0)
    """logit: expected share of ones; the constant of the formula follows from it."""
    noise: float = Field(default=0.0, ge=0.0)
    """number: standard deviation that is added."""
    per: Literal["visit", "patient"] = "visit"
    """patient: once, from the first visit."""

    @model_validator(mode="after")
    def _fits(self) -> Outcome:
        if self.prevalence is not None and self.kind != "logit":
            raise ValueError("prevalence belongs to kind logit")
        if self.noise and self.kind != "number":
            raise ValueError("noise belongs to kind number")
        return self

    def draw(self, columns: Mapping[str, NDArray[Any]], rng: np.random.Generator) -> NDArray[Any]:
        """Draw the outcome of every row.

        Parameters
        ----------
        columns : mapping of str to ndarray of shape (n_rows,)
            What the formula can name.
        rng : numpy.random.Generator
            Where randomness comes from.

        Returns
        -------
        ndarray of shape (n_rows,)
            Numbers, or 0 and 1.

        Raises
        ------
        SpecError
            If the formula gives no probabilities where it should, or values that are not finite.
        """
        value = evaluate(self.formula, columns).astype(float)
        if self.kind == "number":
            return np.asarray(value + self.noise * rng.standard_normal(len(value)))
        if self.kind == "logit":
            chance = chances(value, self.prevalence)
        elif ((value >= 0) & (value <= 1)).all():
            chance = value
        else:
            raise SpecError(
                f"the formula {self.formula!r} gives {value.min():g} to {value.max():g}, and a "
                "probability lies between 0 and 1"
            )
        return (rng.random(len(value)) < chance).astype(np.int64)
