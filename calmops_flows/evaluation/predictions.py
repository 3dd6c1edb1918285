"""What a model said about a batch of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from calmops_flows.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Predictions of one model on n rows.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Predicted labels or numbers.
    probabilities : ndarray of shape (n, n_classes) or None
        Probability of each class, in the order of ``classes``.
    classes : tuple or None
        Labels the model knows, sorted; None for a regressor.

    Raises
    ------
    ModelError
        If the shapes do not belong together.
    """

    values: NDArray[Any]
    probabilities: NDArray[np.float64] | None = None
    classes: tuple[Any, ...] | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 1:
            raise ModelError(f"predictions must have one dimension, got {self.values.shape!r}")
        if self.probabilities is None:
            return
        expected = (len(self.values), len(self.classes or ()))
        if self.probabilities.shape != expected:
            raise ModelError(
                f"probabilities must have shape {expected}, got {self.probabilities.shape!r}"
            )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    def take(self, rows: NDArray[Any]) -> Predictions:
        """Return the predictions of some rows, by index or mask."""
        kept = None if self.probabilities is None else self.probabilities[rows]
        return Predictions(self.values[rows], kept, self.classes)
