"""Clouds round random centroids, which may wander (Bifet and others, 2009)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from calmops_flows.generators.synthetic.base import Columns, Concept, Values

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Centroids:
    """What a seed draws; arrays have one entry (one row) per centroid."""

    centre: NDArray[np.float64]
    label: NDArray[np.int64]
    spread: NDArray[np.float64]
    weight: NDArray[np.float64]


class RandomRbf(Concept):
    """A row lies at a normal distance from a weighted random centroid, in a random direction."""

    seed_model: int = 0
    """Draws centroids, their classes, spreads, weights and directions."""
    n_classes: int = Field(default=2, ge=2, le=1000)
    n_features: int = Field(default=10, ge=1, le=1000)
    n_centroids: int = Field(default=50, ge=1, le=10_000)
    change_speed: float = Field(default=0.0, ge=0.0)
    """How far a wandering centroid goes with every row; it turns back at the cube's walls."""
    n_drift_centroids: int = Field(default=50, ge=0)
    """The first so many wander (at most all)."""

    def centroids(self) -> Centroids:
        """Draw the centroids, in the order in which river draws them."""
        draw = random.Random(self.seed_model)  # noqa: S311 - the same numbers as river's
        centre, label, spread, weight = [], [], [], []
        for _ in range(self.n_centroids):
            centre.append([draw.random() for _ in range(self.n_features)])
            label.append(draw.randint(0, self.n_classes - 1))
            spread.append(draw.random())
            weight.append(draw.random())
        return Centroids(np.array(centre), np.array(label), np.array(spread), np.array(weight))

    def directions(self) -> NDArray[np.float64]:
        """Return the unit steps of the wandering centroids, of shape (n_wandering, n_features)."""
        draw = random.Random(self.seed_model)  # noqa: S311 - the same numbers as river's
        n_wandering = min(self.n_drift_centroids, self.n_centroids)
        steps = np.array(
            [[draw.random() for _ in range(self.n_features)] for _ in range(n_wandering)]
        )
        return np.asarray(steps / np.linalg.norm(steps, axis=1, keepdims=True))

    def sample(self, n_rows: int, rng: np.random.Generator) -> tuple[Columns, Values]:
        """Draw centroids by weight, and rows round them."""
        model = self.centroids()
        edges = np.cumsum(model.weight)
        chosen = np.searchsorted(edges, rng.random(n_rows) * edges[-1], side="right")
        direction = rng.random((n_rows, self.n_features)) * 2.0 - 1.0
        far = rng.standard_normal(n_rows) * model.spread[chosen]
        far /= np.sqrt(np.einsum("ij,ij->i", direction, direction))
        values = direction * far[:, None] + self._where(model, chosen)
        columns = {f"x{i}": values[:, i].copy() for i in range(self.n_features)}
        return columns, model.label[chosen]

    def _where(self, model: Centroids, chosen: NDArray[np.intp]) -> NDArray[np.float64]:
        centre = model.centre[chosen]
        if not self.change_speed or not self.n_drift_centroids:
            return centre
        steps = self.directions()
        wanders = chosen < len(steps)
        row = np.arange(1, len(chosen) + 1)[wanders, None]
        moved = centre[wanders] + steps[chosen[wanders]] * self.change_speed * row
        # There and back between the walls 0 and 1.
        centre[wanders] = 1.0 - np.abs(moved % 2.0 - 1.0)
        return centre
