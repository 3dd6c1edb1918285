"""Which policies are worth a look: the Pareto front."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pareto_front(costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the rows that no other row dominates.

    Parameters
    ----------
    costs : ndarray of shape (n, n_costs)
        Less is better; a row with NaN is never on the front.

    Returns
    -------
    ndarray of shape (n,)
        True where no other row is as low in every cost and lower in one.

    Examples
    --------
    >>> pareto_front(np.array([[1.0, 3.0], [2.0, 1.0], [2.0, 3.0], [float("nan"), 0.0]]))
    array([ True,  True, False, False])
    """
    known = ~np.isnan(costs).any(axis=1)
    as_low = (costs[:, None, :] <= costs[None, :, :]).all(axis=2)
    lower = (costs[:, None, :] < costs[None, :, :]).any(axis=2)
    dominated: NDArray[np.bool_] = (as_low & lower & known[:, None]).any(axis=0)
    on_front: NDArray[np.bool_] = known & ~dominated
    return on_front
