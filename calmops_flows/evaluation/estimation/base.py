"""What an estimate of performance without labels is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from calmops_flows.records import Evaluation

ASSUMPTION = "assumes that P(y|x) has not changed since the holdout: it cannot see concept drift"
MIN_CALIBRATION_ROWS = 200
# Standard errors to each side: 97.5 % if the calibration held exactly on the current rows. Under
# covariate shift it holds only nearly; then 9 of 10 bars hold (benchmarks/estimation.py).
REACH = 2.24


@dataclass(frozen=True, slots=True)
class Estimated:
    """A metric's estimate and the bounds within which it should be found."""

    value: float
    lower: float
    upper: float
    error: float

    @classmethod
    def around(
        cls, value: float, error: float, *, least: float | None = None, most: float | None = None
    ) -> Estimated:
        """Return an estimate with its error bars, cut at the metric's range."""
        low, high = value - REACH * error, value + REACH * error
        if least is not None:
            low = max(low, least)
        if most is not None:
            high = min(high, most)
        return cls(value, low, high, error)


@dataclass(frozen=True, slots=True)
class PerformanceEstimate:
    """Performance on rows without labels, by metric.

    Attributes
    ----------
    method : str
        ``cbpe`` or ``direct_loss``.
    n_rows, n_calibration : int
        Rows estimated, and labelled rows that it was learnt from.
    metrics : mapping of str to Estimated or None
        None where untestable; the notes say why.
    notes : mapping of str to str
        Reason by metric.
    assumption : str
        What must hold for any of it to be true.
    reason : str or None
        Why nothing could be estimated.
    """

    method: str
    n_rows: int
    n_calibration: int
    metrics: Mapping[str, Estimated | None]
    notes: Mapping[str, str] = field(default_factory=dict)
    assumption: str = ASSUMPTION
    reason: str | None = None

    def to_evaluation(self) -> Evaluation:
        """Return the values as scores, with error bars, and method and assumption as notes."""
        known = {name: found for name, found in self.metrics.items() if found is not None}
        values = {name: known[name].value if name in known else None for name in self.metrics}
        notes = {**self.notes, **dict.fromkeys(known, f"{self.method}; {self.assumption}")}
        bounds = {name: (found.lower, found.upper) for name, found in known.items()}
        return Evaluation(self.n_rows, values, notes, bounds)


def untestable(
    method: str, n_rows: int, n_calibration: int, names: tuple[str, ...], reason: str
) -> PerformanceEstimate:
    """Return an estimate without numbers, for a reason."""
    notes = dict.fromkeys(names, reason)
    return PerformanceEstimate(
        method, n_rows, n_calibration, dict.fromkeys(names), notes, reason=reason
    )
