"""A hyperplane through the unit cube, which may turn (Hulten, Spencer and Domingos, 2001)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, model_validator

from calmops_flows.errors import SpecError
from calmops_flows.generators.synthetic.base import Columns, Rule, Values, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Hyperplane(Rule):
    """Features between 0 and 1; class 1 where their weighted sum reaches half of the weights'."""

    seed: int = 0
    """Draws the weights."""
    n_features: int = Field(default=10, ge=1, le=1000)
    n_drift_features: int = Field(default=2, ge=0)
    """The first so many weights move, if `mag_change` is positive."""
    mag_change: float = Field(default=0.0, ge=0.0, le=1.0)
    """How far a moving weight goes with every row."""
    noise_percentage: float = Field(default=0.05, ge=0.0, le=1.0)
    """A class is flipped with this probability less 0.01 (as river draws it)."""
    sigma: float = Field(default=0.1, ge=0.0, le=1.0)
    """A moving weight turns round with this probability less 0.01 (as river draws it)."""
    weights: tuple[float, ...] | None = None
    """Weights of your own instead of drawn ones."""

    @model_validator(mode="after")
    def _fits(self) -> Hyperplane:
        if self.n_drift_features > self.n_features:
            raise ValueError("n_drift_features exceeds n_features")
        if self.weights is not None and len(self.weights) != self.n_features:
            raise ValueError(f"weights must have n_features = {self.n_features} entries")
        return self

    def start(self) -> NDArray[np.float64]:
        """Return the weights of the first row, of shape (n_features,)."""
        if self.weights is not None:
            return np.array(self.weights)
        draw = random.Random(self.seed)  # noqa: S311 - the same numbers as river's weights
        return np.array([draw.random() for _ in range(self.n_features)])

    def between(self, other: Hyperplane, share: float) -> Hyperplane:
        """Return the hyperplane whose weights lie between both.

        Raises
        ------
        SpecError
            If both have different numbers of features.
        """
        if self.n_features != other.n_features:
            raise SpecError("an incremental drift cannot move 'n_features'")
        moved = (1.0 - share) * self.start() + share * other.start()
        return self.model_copy(update={"weights": tuple(moved.tolist())})

    def features(self, n_rows: int, rng: np.random.Generator) -> Columns:
        """Draw the features."""
        return uniform([f"x{i}" for i in range(self.n_features)], n_rows, rng)

    def label(self, columns: Mapping[str, Values]) -> Values:
        """Say on which side of the first row's hyperplane each row lies."""
        weights = self.start()
        total = np.zeros(len(columns["x0"]))
        for i, weight in enumerate(weights):
            total += weight * columns[f"x{i}"]
        return np.asarray(total >= weights.sum() * 0.5).astype(np.int64)

    def sample(self, n_rows: int, rng: np.random.Generator) -> tuple[Columns, Values]:
        """Draw rows; weights move from row to row if `mag_change` is positive."""
        columns = self.features(n_rows, rng)
        target = self._turning(columns, n_rows, rng) if self.mag_change else self.label(columns)
        target ^= rng.random(n_rows) < self.noise_percentage - 0.01
        return columns, target

    def _turning(self, columns: Columns, n_rows: int, rng: np.random.Generator) -> Values:
        weights = self.start()
        total, half = np.zeros(n_rows), np.zeros(n_rows)
        for i, weight in enumerate(weights):
            path: float | NDArray[np.float64] = float(weight)
            if i < self.n_drift_features:
                turns = rng.random(n_rows) < self.sigma - 0.01
                direction = np.cumprod(np.where(turns, -1.0, 1.0))
                # A row is drawn before the weight moves for the next one.
                step = np.concatenate([[0.0], np.cumsum(np.concatenate([[1.0], direction]))])
                path = weight + self.mag_change * step[:n_rows]
            total += path * columns[f"x{i}"]
            half += path
        return np.asarray(total >= half * 0.5).astype(np.int64)
