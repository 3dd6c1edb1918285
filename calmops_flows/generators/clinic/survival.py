"""Times until an event, and until patients leave for other reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from calmops_flows.errors import SpecError
from calmops_flows.generators.formula import evaluate
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

EVENT, END, NONE = "event", "end", "none"

INVERSE: dict[str, Callable[[NDArray[np.float64], float, float], NDArray[np.float64]]] = {
    "exponential": lambda total, rate, _shape: total / rate,
    "gompertz": lambda total, rate, shape: np.log1p(shape * total / rate) / shape,
    "weibull": lambda total, rate, shape: (total / rate) ** (1.0 / shape),
}
"""Time at which the cumulative baseline hazard has reached a total."""


class Survival(Part):
    """Times until an event with proportional hazards [1]_.

    The hazard at t is baseline(t) * exp(log_hazard); the baseline is `rate` (exponential),
    `rate` * `shape` * t ** (`shape` - 1) (weibull), `rate` * exp(`shape` * t) (gompertz).

    References
    ----------
    .. [1] Bender, R., Augustin, T. and Blettner, M. (2005). Generating survival times to simulate
       Cox proportional hazards models. Statistics in Medicine 24, 1713-1723, table II.
    """

    kind: Literal["exponential", "weibull", "gompertz"] = "exponential"
    rate: float = Field(gt=0.0)
    """Per year (weibull: per year to the power of the shape)."""
    shape: float | None = Field(default=None, gt=0.0)
    """weibull, gompertz: how the hazard grows."""
    log_hazard: str = "0"
    """Formula over the first visit, for example ``log(2) * (group == 'case')``: hazard ratio 2."""
    ends_visits: bool = True
    """Whether there are no visits after the event."""

    @model_validator(mode="after")
    def _fits(self) -> Survival:
        if (self.kind == "exponential") != (self.shape is None):
            raise ValueError("shape belongs to weibull and gompertz, and they need it")
        return self

    def times(
        self, first: Mapping[str, NDArray[Any]], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw the time of every patient's event, in years from the first visit.

        Parameters
        ----------
        first : mapping of str to ndarray of shape (n_patients,)
            Columns at the first visit.
        rng : numpy.random.Generator
            Where randomness comes from.

        Returns
        -------
        ndarray of shape (n_patients,)
            Times.
        """
        ratio = hazard_ratio(self.log_hazard, first)
        total = rng.standard_exponential(len(ratio)) / ratio
        return INVERSE[self.kind](total, self.rate, self.shape or 1.0)


class Loss(Part):
    """A reason to leave, with a constant hazard."""

    rate: float = Field(ge=0.0)
    """Per year."""
    log_hazard: str = "0"
    """Formula over the first visit."""

    def times(
        self, first: Mapping[str, NDArray[Any]], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw when each patient leaves for this reason, in years from the first visit."""
        ratio = hazard_ratio(self.log_hazard, first)
        drawn = rng.standard_exponential(len(ratio))
        return drawn / (self.rate * ratio) if self.rate else np.full(len(ratio), np.inf)


def hazard_ratio(formula: str, first: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Return exp of a formula.

    Raises
    ------
    SpecError
        If it is not finite.
    """
    with np.errstate(over="ignore"):
        ratio = np.exp(evaluate(formula, first).astype(float))
    if not (np.isfinite(ratio) & (ratio > 0)).all():
        raise SpecError(f"log_hazard {formula!r} gives hazard ratios that are not finite")
    return np.asarray(ratio)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """How each patient's time in the study ends; arrays of shape (n_patients,).

    Parameters
    ----------
    time : ndarray
        Years from the first visit until it ends; infinite where nothing ends it.
    reason : ndarray
        `event`, `end` (of the study), the name of a loss, or `none`.
    event_time : ndarray
        When the event happens, also if nobody sees it.
    """

    time: NDArray[np.float64]
    reason: NDArray[Any]
    event_time: NDArray[np.float64]

    @property
    def event(self) -> NDArray[np.int64]:
        """1 where the event is seen, 0 where it is censored."""
        return np.asarray(self.reason == EVENT, dtype=np.int64)


def first_of(times: Mapping[str, NDArray[np.float64]], n_patients: int) -> FollowUp:
    """Return what comes first for each patient."""
    nothing = np.full(n_patients, np.inf)
    known = {NONE: nothing, **times}
    table = np.column_stack(list(known.values()))
    first = table.argmin(axis=1)
    reason = np.array(list(known), dtype=object)[first]
    return FollowUp(table.min(axis=1), reason, times.get(EVENT, nothing))
