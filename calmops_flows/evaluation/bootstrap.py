"""One-sided bounds of a paired difference that hold their level with few telling rows.

The plain percentile bootstrap is too sure of itself when a handful of rows carry the difference
(a rare class: .08 instead of .05 at 5 % minority). Two corrections use the *effective number* of
telling rows, (sum d^2)^2 / sum d^4 over the rows' influences d: the percentile is taken further
out, as a t quantile asks [1]_, and the bound is never tighter than the t interval's.

Rows in order of time are resampled in circular blocks [2]_ whose length fits the dependence of the
influences; then blocks tell, not rows. A block bootstrap underrates the variance of strongly
dependent rows, so the t interval takes no smaller one than a first-order autoregression has.

References
----------
.. [1] T. C. Hesterberg, "What teachers should know about the bootstrap", The American Statistician
   69, 2015, section 3.3 (expanded percentile interval).
.. [2] D. N. Politis, J. P. Romano, "A circular block-resampling procedure for stationary data", in
   "Exploring the Limits of Bootstrap", 1992 (the moving-block bootstrap of H. R. Kuensch, Annals of
   Statistics 17, 1989, on a circle, so that every row counts alike).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation.pairs import MAX_UNITS
from calmops_flows.evaluation.serial import block_length, block_sums, block_times

if TYPE_CHECKING:
    from collections.abc import Callable

    from calmops_flows.evaluation.case import Floats
    from calmops_flows.evaluation.pairs import Pairs

_CHUNK_CELLS = 4_000_000
_FEWEST_EFFECTIVE = 1.5  # one telling row: half a degree of freedom, a very wide interval
_MAX_UNDEFINED_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Bounds:
    """A difference and one-sided bounds at the same confidence each."""

    difference: float
    lower: float
    upper: float


def paired_bounds(
    pairs: Pairs,
    *,
    confidence: float,
    rng: np.random.Generator,
    n_resamples: int | None = None,
    is_ordered: bool = False,
) -> Bounds:
    """Bound challenger minus champion from below and from above.

    Parameters
    ----------
    pairs : Pairs
        The two models on the same rows.
    confidence : float
        Of each bound by itself, in (0.5, 1).
    rng : numpy.random.Generator
        Source of the resamples.
    n_resamples : int, optional
        Number of resamples; default: so many that 100 lie beyond each bound, within 2,000 and
        20,000.
    is_ordered : bool, default False
        The rows are in order of time and may depend on their neighbours.

    Returns
    -------
    Bounds
        All zero when no row tells the models apart.

    Raises
    ------
    UntestableError
        If the difference is undefined on the rows or on too many resamples.
    """
    from scipy.special import ndtr, stdtrit

    observed = pairs.observed
    if not np.isfinite(observed):
        raise UntestableError("the difference is not finite on these rows")
    found = _telling(pairs)
    if found.error == 0.0:
        return Bounds(observed, observed, observed)
    if n_resamples is None:
        n_resamples = int(np.clip(np.ceil(100.0 / (1.0 - confidence)), 2000, 20_000))
    timeline = _Timeline.of(pairs) if is_ordered else None
    length = block_length(timeline.series) if timeline else 1
    if timeline is not None and length > 1:
        found = _telling_blocks(timeline.series, length, found)
        weigh = partial(timeline.weights, length=length)
    else:
        weigh = partial(_weights, pairs.counts)
    resampled = _resample(pairs, weigh, rng, n_resamples)
    quantile = float(stdtrit(found.effective - 1.0, confidence))
    spread = np.sqrt(found.effective / (found.effective - 1.0))
    tail = float(ndtr(-quantile * spread))
    low, high = np.quantile(resampled, [tail, 1.0 - tail])
    reach = quantile * found.error
    return Bounds(observed, min(float(low), observed - reach), max(float(high), observed + reach))


@dataclass(frozen=True, slots=True)
class _Telling:
    """Effective number of telling units, and the standard error of the difference."""

    effective: float
    error: float


@dataclass(frozen=True, slots=True)
class _Timeline:
    """The influences in order of time, and which units each point of it holds."""

    series: Floats
    holds: Any

    @classmethod
    def of(cls, pairs: Pairs) -> _Timeline:
        """Line up the rows; a long line is cut into pools of neighbours."""
        from scipy.sparse import csr_array

        n = len(pairs.order)
        n_points = min(n, MAX_UNITS)
        points = np.arange(n) * n_points // n
        shape = (n_points, len(pairs.counts))
        holds = csr_array((np.ones(n), (points, pairs.order)), shape=shape)
        return cls(holds @ pairs.influence, holds)

    def weights(self, rng: np.random.Generator, size: int, *, length: int) -> Floats:
        """Draw the weights of circular block resamples, shape (size, n_units)."""
        n = len(self.series)
        times = block_times(n, length, rng, size) + np.arange(size)[:, None] * n
        drawn = np.bincount(times.ravel(), minlength=size * n).reshape(size, n)
        weights: Floats = drawn.astype(float) @ self.holds
        return weights


def _telling(pairs: Pairs) -> _Telling:
    n = pairs.counts.sum()
    largest = np.abs(pairs.influence).max()
    if not np.isfinite(largest) or n < 2:
        raise UntestableError("the difference has no finite standard error on these rows")
    if largest <= 1e-12:
        return _Telling(1.0, 0.0)
    scaled = pairs.influence / largest
    second = float(pairs.counts @ scaled**2)
    fourth = float(pairs.counts @ scaled**4)
    error = float(largest * np.sqrt(second / (n * (n - 1))))
    return _Telling(max(second**2 / fourth, _FEWEST_EFFECTIVE), error)


def _telling_blocks(series: Floats, length: int, rows: _Telling) -> _Telling:
    """Return what blocks tell; never more than the rows would if they were independent."""
    n = len(series)
    n_blocks = n / length
    centred = series - series.mean()
    sums = block_sums(centred, length)
    second, fourth = float((sums**2).sum()), float((sums**4).sum())
    effective = min(second**2 / (fourth * length), rows.effective)
    by_blocks = second / length * n_blocks / max(n_blocks - 1.0, 1.0)
    largest = max(by_blocks, _autoregressive(centred))
    # The series sums pools where rows are many, but relative to its own variance all the same.
    error = rows.error * np.sqrt(largest / float((centred**2).sum()))
    return _Telling(max(effective, _FEWEST_EFFECTIVE), max(float(error), rows.error))


def _autoregressive(centred: Floats) -> float:
    """Return n times the long-run variance of a first-order autoregression [1]_.

    Its coefficient is corrected for the bias of its estimate in short series.

    References
    ----------
    .. [1] P. Shaman, R. A. Stine, "The bias of autoregressive coefficient estimators", Journal of
       the American Statistical Association 83, 1988.
    """
    n = len(centred)
    total = float((centred**2).sum())
    slope = float(centred[1:] @ centred[:-1]) / total
    slope = float(np.clip(slope + (1.0 + 3.0 * slope) / n, 0.0, 0.97))
    return total * (1.0 + slope) / (1.0 - slope)


def _resample(
    pairs: Pairs,
    weigh: Callable[[np.random.Generator, int], Floats],
    rng: np.random.Generator,
    n_resamples: int,
) -> Floats:
    """Return the finite differences over resamples, in chunks of bounded memory."""
    step = max(1, _CHUNK_CELLS // max(len(pairs.counts), min(len(pairs.order), MAX_UNITS)))
    parts = []
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, n_resamples, step):
            size = min(step, n_resamples - start)
            parts.append(pairs.difference(weigh(rng, size)))
    differences = np.concatenate(parts)
    finite: Floats = differences[np.isfinite(differences)]
    if len(finite) < (1 - _MAX_UNDEFINED_SHARE) * n_resamples:
        raise UntestableError("the metric is undefined on many resamples of these rows")
    return finite


def _weights(counts: Floats, rng: np.random.Generator, size: int) -> Floats:
    """Draw multinomial weights, shape (size, n_units)."""
    n, n_units = int(counts.sum()), len(counts)
    if n > n_units:
        return rng.multinomial(n, counts / n, size=size).astype(float)
    drawn = rng.integers(0, n_units, size=(size, n_units))
    drawn += np.arange(size)[:, None] * n_units
    return np.bincount(drawn.ravel(), minlength=size * n_units).reshape(size, n_units).astype(float)
