"""Distances between all rows of two samples, and quadratic forms of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from calmops_flows.detectors.multivariate.encode import Encoded


def squared_distances(encoded: Encoded) -> NDArray[np.float32]:
    """Return the squared Euclidean distances of all pairs of rows.

    Parameters
    ----------
    encoded : Encoded
        Features of both samples; their weights apply.

    Returns
    -------
    ndarray of shape (n_rows, n_rows)
        Symmetric up to rounding, not negative, 0 on the diagonal.
    """
    weighted = encoded.features * encoded.weights[:, np.newaxis]
    lengths = np.einsum("ij,ij->j", weighted, weighted)
    squares: NDArray[np.float32] = weighted.T @ weighted
    squares *= -2.0
    squares += lengths[:, np.newaxis]
    squares += lengths
    np.maximum(squares, 0.0, out=squares)
    np.fill_diagonal(squares, 0.0)
    return squares


def forms(
    kernel: NDArray[np.float32],
) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """Return the function that maps labels ``s`` to ``s' K s``, off the diagonal.

    Parameters
    ----------
    kernel : ndarray of shape (n_rows, n_rows)
        Symmetric kernel; its diagonal is set to 0, since it adds the same constant
        for all labels.

    Returns
    -------
    callable
        From labels of shape (n_labellings, n_rows) to shape (n_labellings, 1). One
        matrix product serves all labellings.
    """
    np.fill_diagonal(kernel, 0.0)

    def apply(labels: NDArray[np.float32]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.einsum(
            "ij,ij->i", labels @ kernel, labels, dtype=np.float64
        )
        return found[:, np.newaxis]

    return apply
