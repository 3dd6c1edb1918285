"""A scenario: features that move over time, a target by formula, and what goes wrong."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from calmops_flows.errors import SpecError
from calmops_flows.generators.clinic import Study
from calmops_flows.generators.scenario.dynamics import Dynamic, moved
from calmops_flows.generators.scenario.patients import study_of
from calmops_flows.generators.values import DateText
from calmops_flows.spec.base import Part


class Feature(Part):
    """How one feature is drawn; `dynamics` move its mean, or the weight of the last option."""

    kind: Literal["normal", "uniform", "lognormal", "poisson", "choice"] = "normal"
    mean: float = 0.0
    """normal, lognormal (of the logarithm), poisson (its rate)."""
    sd: float = Field(default=1.0, ge=0.0)
    low: float = 0.0
    high: float = 1.0
    options: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    """choice: relative frequencies, default equal."""
    dynamics: tuple[Dynamic, ...] = ()
    hidden: bool = False
    """Formulas can name it, and the files do not have it."""

    @model_validator(mode="after")
    def _fits(self) -> Feature:
        if (self.kind == "choice") != bool(self.options):
            raise ValueError("options belong to choice, and choice needs them")
        if self.weights and len(self.weights) != len(self.options):
            raise ValueError("weights must be as many as options")
        if any(weight < 0 for weight in self.weights) or (self.weights and not sum(self.weights)):
            raise ValueError("weights must not be negative, and not all zero")
        return self

    def draw(self, time: Any, rng: np.random.Generator) -> Any:
        """Draw the feature at each time; an array of shape (n_rows,)."""
        level = moved(self.dynamics, time, rng)
        n_rows = len(time)
        if self.kind == "normal":
            return self.mean + level + self.sd * rng.standard_normal(n_rows)
        if self.kind == "uniform":
            return self.low + level + (self.high - self.low) * rng.random(n_rows)
        if self.kind == "lognormal":
            return np.exp(self.mean + level + self.sd * rng.standard_normal(n_rows))
        if self.kind == "poisson":
            return rng.poisson(np.maximum(self.mean + level, 0.0))
        return self._choice(level, rng)

    def _choice(self, level: Any, rng: np.random.Generator) -> Any:
        weights = np.tile(self.weights or (1.0,) * len(self.options), (len(level), 1)).astype(float)
        weights[:, -1] = np.maximum(weights[:, -1] + level, 0.0)
        edges = np.cumsum(weights, axis=1)
        chosen = (rng.random(len(level))[:, None] * edges[:, -1:] >= edges).sum(axis=1)
        return np.array(self.options, dtype=object)[np.minimum(chosen, len(self.options) - 1)]


class Target(Part):
    """What is to be predicted."""

    name: str = "target"
    formula: str
    """Over the features and `t` (time in periods)."""
    kind: Literal["number", "probability", "logit"] = "number"
    """probability, logit: 0 and 1 are drawn with it."""
    noise: float = Field(default=0.0, ge=0.0)
    """number: standard deviation added."""


class Fault(Part):
    """An injection into some periods."""

    periods: tuple[int, ...] = Field(min_length=1)
    """Numbers of the periods, from 1."""
    step: dict[str, Any]
    """A step of an injection plan; see `inject`."""


class Scenario(Part):
    """What a folder of snapshots looks like, and the pipeline that consumes it."""

    name: str
    about: str
    base: Literal["flights"] | None = None
    """Real data, one table per period, instead of `features` and `target`."""
    periods: int = Field(ge=1, le=10_000)
    rows: int = Field(default=1000, ge=1, le=10_000_000)
    """Rows in a period (`base`: at most so many are kept)."""
    start: DateText = "2024-01-01"
    every: str = "MS"
    """Between two periods, as pandas writes frequencies: ``MS`` months, ``7D`` weeks."""
    features: dict[str, Feature] = Field(default_factory=dict)
    target: Target | None = None
    study: dict[str, Any] | None = None
    """Patients of a clinical study, seen once each, instead of `features` and `target`; see
    `generate_study`."""
    faults: tuple[Fault, ...] = ()
    pipeline: dict[str, Any]
    """The spec of the pipeline; name, source and target are filled in."""

    @model_validator(mode="after")
    def _fits(self) -> Scenario:
        is_drawn = bool(self.features) and self.target is not None
        is_mixed = bool(self.features) != (self.target is not None)
        if is_mixed or is_drawn + (self.base is not None) + (self.study is not None) != 1:
            raise ValueError("give features and target, or a base, or a study")
        if self.study is not None:
            self.clinical()
        try:
            self.dates()
        except (ValueError, TypeError) as err:
            raise ValueError(f"start and every make no dates: {err}") from err
        late = [number for fault in self.faults for number in fault.periods]
        if late and not 1 <= min(late) <= max(late) <= self.periods:
            raise ValueError(f"faults name periods outside 1 to {self.periods}")
        return self

    @property
    def target_name(self) -> str | None:
        """The column to be predicted; None where the scenario starts from real data."""
        if self.study is not None:
            return self.clinical().target
        return None if self.target is None else self.target.name

    def clinical(self) -> Study:
        """Return the study with a patient for every row.

        Raises
        ------
        SpecError
            If there is none, or it is not valid.
        """
        if self.study is None:
            raise SpecError(f"scenario {self.name!r} has no study")
        return study_of(self.study, name=self.name, patients=self.periods * self.rows)

    def dates(self) -> list[pd.Timestamp]:
        """Return the first moment of each period, and of the one after the last."""
        return list(pd.date_range(self.start, periods=self.periods + 1, freq=self.every))
