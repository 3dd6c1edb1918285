"""Another correlation, every marginal kept (Iman and Conover, 1982)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, field_validator

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.base import Changed, Injector, numbers, put

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

ROUNDS = 30
TOLERANCE = 1e-3
SMALLEST = 1e-8  # least eigenvalue of a matrix that counts as positive definite


class Correlation(Injector):
    """Reorder the values of some columns until they have the wanted Pearson correlations."""

    columns: tuple[str, ...] = Field(min_length=2)
    matrix: tuple[tuple[float, ...], ...]
    """Wanted correlations, in the order of the columns."""
    magnitude: float = Field(default=1.0, ge=0.0, le=1.0)
    """How far on the way from the present matrix to the wanted one."""

    @field_validator("matrix")
    @classmethod
    def _is_correlation(cls, value: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
        if len({len(row) for row in value} | {len(value)}) != 1:
            raise ValueError("matrix must be square")
        array = np.array(value)
        if not np.allclose(array, array.T) or not np.allclose(np.diag(array), 1.0):
            raise ValueError("matrix must be symmetric with ones on its diagonal")
        if np.linalg.eigvalsh(array).min() < SMALLEST:
            near = nearest_correlation(array).round(3).tolist()
            raise ValueError(f"matrix is not positive definite; the nearest that is: {near}")
        return value

    def inject(
        self, frame: pd.DataFrame, strength: NDArray[np.float64], rng: np.random.Generator
    ) -> Changed:
        """Reorder the values among the rows that the drift acts on."""
        if len(self.matrix) != len(self.columns):
            raise SpecError(
                f"matrix has {len(self.matrix)} rows, and there are {len(self.columns)} columns"
            )
        values = np.column_stack([numbers(frame, name) for name in self.columns])
        share = self.magnitude * float(strength.max(initial=0.0))
        rows = (strength > 0) & np.isfinite(values).all(axis=1)
        if not share or rows.sum() < len(self.columns) + 2:
            return Changed(frame)
        now = np.corrcoef(values[rows], rowvar=False)
        if not np.isfinite(now).all():
            raise SpecError("a constant column has no correlation")
        wanted = (1.0 - share) * now + share * np.array(self.matrix)
        values[rows] = reordered(values[rows], wanted, rng)
        for i, name in enumerate(self.columns):
            frame = put(frame, name, values[:, i], rows)
        return Changed(frame)


def reordered(
    values: NDArray[np.float64], wanted: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return each column's values in the order that gives the wanted correlations.

    Scores with the wanted correlation set the order of every column; the correlations that
    come out are compared with the wanted ones, and the scores corrected by the difference.
    """
    scores = rng.standard_normal(values.shape)
    whitened = scores @ np.linalg.inv(np.linalg.cholesky(np.cov(scores, rowvar=False))).T
    ordered = np.sort(values, axis=0)
    aim, best, least = wanted.copy(), values, np.inf
    for _ in range(ROUNDS):
        mixed = whitened @ np.linalg.cholesky(nearest_correlation(aim)).T
        ranks = np.argsort(np.argsort(mixed, axis=0), axis=0)
        found = np.take_along_axis(ordered, ranks, axis=0)
        difference = wanted - np.corrcoef(found, rowvar=False)
        if np.abs(difference).max() < least:
            best, least = found, float(np.abs(difference).max())
        if least < TOLERANCE:
            break
        aim = np.clip(aim + difference, -0.9999, 0.9999)
        np.fill_diagonal(aim, 1.0)
    return best


def nearest_correlation(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nearest positive definite correlation matrix (Higham, 2002, by projections)."""
    found, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(100):
        start = found - correction
        values, vectors = np.linalg.eigh((start + start.T) / 2.0)
        if values.min() >= SMALLEST and np.allclose(np.diag(start), 1.0):
            break
        projected = (vectors * np.maximum(values, 1e-6)) @ vectors.T
        correction = projected - start
        found = projected.copy()
        np.fill_diagonal(found, 1.0)
    root = np.sqrt(np.diag(found))
    values, vectors = np.linalg.eigh(found / np.outer(root, root))
    safe = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    root = np.sqrt(np.diag(safe))
    return np.asarray(safe / np.outer(root, root))
