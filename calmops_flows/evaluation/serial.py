"""Serial dependence of a series: how long the blocks of a block bootstrap must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from calmops_flows.evaluation.case import Codes, Floats


def block_length(series: Floats) -> int:
    """Choose the block length of the circular block bootstrap of a series' mean [1]_ [2]_.

    The length minimises the mean squared error of the bootstrap's variance. The spectrum is
    estimated with a flat-top lag window that ends where the autocorrelations become negligible.

    Parameters
    ----------
    series : ndarray of shape (n,)
        Finite numbers in order of time.

    Returns
    -------
    int
        At least 1, at most a third of the series; 1 for a constant or very short one.

    References
    ----------
    .. [1] D. N. Politis, H. White, "Automatic block-length selection for the dependent
       bootstrap", Econometric Reviews 23, 2004, section 3.2.
    .. [2] A. Patton, D. N. Politis, H. White, "Correction to [1]", Econometric Reviews 28, 2009,
       eq. 9.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(size=1000)
    >>> block_length(noise), block_length(np.convolve(noise, np.ones(20), "valid"))
    (1, 37)
    """
    n = len(series)
    if n < 9:
        return 1
    centred = series - series.mean()
    if not centred.any():
        return 1
    run = max(5, int(np.ceil(np.log10(n))))
    longest = min(int(np.ceil(np.sqrt(n))) + run, n - 1)
    covariances = _autocovariances(centred, longest)
    bandwidth = min(2 * _last_lag(covariances / covariances[0], n, run), longest)
    if bandwidth == 0:
        return 1
    lags = np.arange(1, bandwidth + 1)
    window = np.minimum(1.0, 2.0 * (1.0 - lags / bandwidth))
    weighted = window * covariances[1 : bandwidth + 1]
    density = covariances[0] + 2.0 * weighted.sum()
    slope = 2.0 * (lags * weighted).sum()
    upper = int(np.ceil(min(3.0 * np.sqrt(n), n / 3.0)))
    if density <= 0:
        return upper if slope > 0 else 1
    best = (1.5 * (slope / density) ** 2 * n) ** (1.0 / 3.0)
    return int(np.clip(np.ceil(best), 1, upper))


def block_times(n: int, length: int, rng: np.random.Generator, size: int) -> Codes:
    """Draw the times of ``size`` circular block resamples, shape (size, n)."""
    n_blocks = -(-n // length)
    starts = rng.integers(0, n, size=(size, n_blocks))
    times = (starts[:, :, None] + np.arange(length)) % n
    drawn: Codes = times.reshape(size, -1)[:, :n]
    return drawn


def block_sums(series: Floats, length: int) -> Floats:
    """Return the sums over all circular blocks of a length, shape (n,)."""
    wrapped = np.concatenate([series, series[: length - 1]])
    total = np.concatenate([[0.0], np.cumsum(wrapped)])
    sums: Floats = total[length:] - total[:-length]
    return sums


def _autocovariances(centred: Floats, longest: int) -> Floats:
    """Return the autocovariances at lags 0 to ``longest``, by Fourier transform."""
    n = len(centred)
    spectrum = np.fft.rfft(centred, 2 * n)
    found: Floats = np.fft.irfft(np.abs(spectrum) ** 2)[: longest + 1] / n
    return found


def _last_lag(correlations: Floats, n: int, run: int) -> int:
    """Return the lag after which ``run`` autocorrelations in a row are negligible."""
    edge = 2.0 * np.sqrt(np.log10(n) / n)
    is_large = np.abs(correlations[1:]) >= edge
    for lag in range(len(is_large) - run + 1):
        if not is_large[lag : lag + run].any():
            return lag
    return int(np.flatnonzero(is_large)[-1]) + 1
