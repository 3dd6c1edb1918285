"""How one variable of a patient is distributed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator
from scipy.special import ndtr, ndtri, pdtr

from calmops_flows.generators.clinic.shares import check_shares, pick
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

TINY = 1e-15


class Variable(Part):
    """A distribution, given as its quantile function.

    Examples
    --------
    >>> age = Variable(kind="normal", mean=60, sd=10, low=18)
    >>> age.quantiles(np.array([0.5])).round(1)
    array([60.])
    """

    kind: Literal["normal", "lognormal", "uniform", "poisson", "choice"] = "normal"
    mean: float = 0.0
    """normal, lognormal (of the logarithm), poisson (its rate)."""
    sd: float = Field(default=1.0, gt=0.0)
    low: float | None = None
    """Least value; normal and lognormal are truncated there."""
    high: float | None = None
    """Largest value."""
    options: dict[str, float] = Field(default_factory=dict)
    """choice: share of each option, in the order in which correlations see them."""
    digits: int | None = Field(default=None, ge=0, le=15)
    """Decimals that are kept."""

    @model_validator(mode="after")
    def _fits(self) -> Variable:
        if (self.kind == "choice") != bool(self.options):
            raise ValueError("options belong to choice, and choice needs them")
        if self.options:
            check_shares(self.options, "the shares of the options")
        if self.kind == "uniform" and (self.low is None or self.high is None):
            raise ValueError("uniform needs low and high")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("low must be less than high")
        if self.kind == "lognormal" and self.high is not None and self.high <= 0:
            raise ValueError("high of a lognormal variable must be positive")
        if self.kind == "poisson" and (self.mean < 0 or (self.low, self.high) != (None, None)):
            raise ValueError("poisson has a mean of 0 or more, and neither low nor high")
        return self

    @property
    def is_numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.kind != "choice"

    def quantiles(self, u: NDArray[np.float64]) -> NDArray[Any]:
        """Return the values at these probabilities.

        Parameters
        ----------
        u : ndarray of shape (n,)
            Strictly between 0 and 1.

        Returns
        -------
        ndarray of shape (n,)
            Numbers, or texts of a choice.
        """
        if self.kind == "choice":
            which = pick(u, list(self.options.values()))
            return np.asarray(np.array(list(self.options), dtype=object)[which])
        values = self._numbers(u)
        return np.asarray(values if self.digits is None else values.round(self.digits))

    def _numbers(self, u: NDArray[np.float64]) -> NDArray[Any]:
        if self.kind == "uniform" and self.low is not None and self.high is not None:
            return np.asarray(self.low + (self.high - self.low) * u)
        if self.kind == "poisson":
            # Enough of the tail that its probability rounds to 1.
            counts = np.arange(int(self.mean + 12.0 * np.sqrt(self.mean) + 40.0))
            return np.searchsorted(pdtr(counts, self.mean), u)
        low, high = (self._score(bound) for bound in (self.low, self.high))
        first = 0.0 if low is None else ndtr(low)
        last = 1.0 if high is None else ndtr(high)
        normal = ndtri(np.clip(first + (last - first) * u, TINY, 1.0 - TINY))
        values = self.mean + self.sd * normal
        return np.asarray(np.exp(values) if self.kind == "lognormal" else values)

    def _score(self, bound: float | None) -> float | None:
        if bound is None or (self.kind == "lognormal" and bound <= 0):
            return None
        return float(((np.log(bound) if self.kind == "lognormal" else bound) - self.mean) / self.sd)
