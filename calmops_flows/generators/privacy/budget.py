"""A budget of differential privacy: what is spent adds up, and nothing more is spent."""

from __future__ import annotations

import math

from calmops_flows.errors import SpecError

ROUNDING = 1e-9


class Budget:
    """The most epsilon that all releases from one table may spend together.

    Releases compose sequentially: their epsilons add up [1]_. A second budget over the same data
    knows nothing of the first; who makes two promises the sum of both.

    Parameters
    ----------
    epsilon : float
        The whole budget.

    References
    ----------
    .. [1] C. Dwork, A. Roth, "The Algorithmic Foundations of Differential Privacy", 2014,
       theorem 3.16.

    Examples
    --------
    >>> budget = Budget(1.0)
    >>> budget.spend(0.75, on="mean of age")
    >>> budget.left
    0.25
    """

    def __init__(self, epsilon: float) -> None:
        if not (math.isfinite(epsilon) and epsilon > 0):
            raise SpecError(f"a budget's epsilon must be positive and finite, got {epsilon!r}")
        self.epsilon = float(epsilon)
        self._spent: list[tuple[str, float]] = []

    @property
    def spent(self) -> float:
        """What was spent so far."""
        return math.fsum(epsilon for _, epsilon in self._spent)

    @property
    def left(self) -> float:
        """What can still be spent."""
        return max(0.0, self.epsilon - self.spent)

    def spend(self, epsilon: float, *, on: str) -> None:
        """Take a part of the budget, before anything is drawn with it.

        Raises
        ------
        SpecError
            If it is not positive, or more than is left; nothing is taken then.
        """
        if not (math.isfinite(epsilon) and epsilon > 0):
            raise SpecError(f"{on}: epsilon must be positive and finite, got {epsilon!r}")
        if epsilon > self.left + ROUNDING * self.epsilon:
            raise SpecError(
                f"{on} asks for epsilon {epsilon:g}, and {self.left:g} of {self.epsilon:g} is "
                "left; ask for less, release fewer figures, or promise a larger budget"
            )
        self._spent.append((on, float(epsilon)))
