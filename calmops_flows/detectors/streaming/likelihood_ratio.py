"""Rise of the error level: the likelihood ratio of the newest rows against all before."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field

import numpy as np

from calmops_flows.detectors.streaming.base import Floats, Scan, locate

# Numbers of newest rows that are set against all earlier ones: 32, 45, 64 ... 4096.
WINDOWS = tuple(round(32 * 2 ** (k / 2)) for k in range(15))
MIN_BEFORE = 200  # rows that tell the level before; fewer say too little
_KEPT = WINDOWS[-1]
# Largest ratio over 5,000 stationary rows, 99th percentile over error rates of .01 to .5 and over
# squashed absolute errors, and its growth with the log of the rows (benchmarks/concept_delay.py).
THRESHOLD = 10.8
_CALIBRATED_ROWS = 5_000
_GROWTH = 1.4
_WARNING = 2.5  # below the threshold by this much: about ten times as frequent
_VERSION = 1


@dataclass
class LikelihoodRatio:
    """Generalised likelihood ratio of a rise within the newest rows [1]_, [2]_.

    At each row, for each window of newest rows, the log likelihood ratio of "the window has a
    level of its own" against "one level for all rows since the model serves" is computed (of
    Bernoulli variables for 0/1 errors, of normal ones with the pooled variance for others), and
    the largest over the windows counts, if the window's level is the higher one. The level before
    is not assumed known: its error is part of the ratio. An alarm falls into 5,000 stationary
    rows, or into one larger snapshot, with a chance of about 1 %.

    Parameters
    ----------
    n_older, sum_older, squares_older : float
        Number, sum and sum of squares of the rows older than those kept.
    kept : ndarray of shape (at most 4096,)
        The newest errors, oldest first.

    References
    ----------
    .. [1] T. L. Lai, "Sequential changepoint detection in quality control and dynamical systems",
       Journal of the Royal Statistical Society B 57, 1995, section 3 (window-limited GLR).
    .. [2] M. Basseville, I. Nikiforov, "Detection of Abrupt Changes", 1993, section 2.4.3.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> calm = (rng.random(3000) < 0.2).astype(float)
    >>> worse = (rng.random(1000) < 0.35).astype(float)
    >>> detector = LikelihoodRatio()
    >>> detector.scan(calm).alarm_row is None, detector.scan(worse).alarm_row < 400
    (True, True)
    """

    n_older: int = 0
    sum_older: float = 0.0
    squares_older: float = 0.0
    kept: Floats = field(default_factory=lambda: np.empty(0))

    def scan(self, errors: Floats) -> Scan:
        """Take in errors up to the first alarm."""
        n_kept, threshold = len(self.kept), row_threshold(len(errors))
        rows = np.concatenate([self.kept, errors])
        ratio = self._ratios(rows)[n_kept:]
        is_alarm = ratio > threshold
        alarm = int(np.argmax(is_alarm)) if is_alarm.any() else None
        seen = len(errors) if alarm is None else alarm + 1
        n_warnings = int(np.count_nonzero(ratio[:seen] > threshold - _WARNING))
        change = None
        if alarm is not None:
            change = self._change(rows[: n_kept + seen]) - n_kept
        largest = float(ratio[:seen].max(initial=0.0))
        self._remember(rows[: n_kept + seen])
        return Scan(
            alarm, None if change is None else max(change, 0), n_warnings, largest, threshold
        )

    def to_bytes(self) -> bytes:
        """Return the state: sums and the kept errors, compressed."""
        head = [_VERSION, self.n_older, self.sum_older, self.squares_older]
        return json.dumps(head).encode() + b"\n" + zlib.compress(self.kept.tobytes(), 6)

    def _ratios(self, rows: Floats) -> Floats:
        """Return the largest log likelihood ratio at each row."""
        sums = self.sum_older + np.concatenate([[0.0], np.cumsum(rows)])
        squares = self.squares_older + np.concatenate([[0.0], np.cumsum(rows**2)])
        is_binary = bool(((rows == 0) | (rows == 1)).all()) and self.sum_older == self.squares_older
        largest = np.zeros(len(rows))
        for window in WINDOWS:
            first = max(window, window + MIN_BEFORE - self.n_older)
            if first > len(rows):
                break
            end = np.arange(first, len(rows) + 1)
            n = (self.n_older + end).astype(float)
            recent = sums[end] - sums[end - window]
            parts = (recent, float(window), sums[end], n)
            ratio = _bernoulli(*parts) if is_binary else _normal(*parts, squares[end])
            is_rise = recent * n > sums[end] * window
            np.maximum(
                largest[first - 1 :], np.where(is_rise, ratio, 0.0), out=largest[first - 1 :]
            )
        return largest

    def _change(self, rows: Floats) -> int:
        """Return the most likely first row after the change, among the newest rows."""
        if self.n_older == 0:
            return locate(rows)[0]
        level = self.sum_older / self.n_older
        from_end = np.cumsum((rows - level)[::-1])
        sizes = np.arange(1, len(rows) + 1)
        weight = sizes * (1 + sizes / (self.n_older + len(rows) - sizes))
        rise = np.maximum(from_end, 0.0) ** 2 / weight
        return len(rows) - int(sizes[int(np.argmax(rise))])

    def _remember(self, rows: Floats) -> None:
        leaving, self.kept = rows[: max(len(rows) - _KEPT, 0)], rows[-_KEPT:].copy()
        self.n_older += len(leaving)
        self.sum_older += float(leaving.sum())
        self.squares_older += float((leaving**2).sum())


def row_threshold(n: int) -> float:
    """Return what the ratio must exceed in a snapshot of ``n`` rows."""
    return THRESHOLD + _GROWTH * float(np.log(max(n, _CALIBRATED_ROWS) / _CALIBRATED_ROWS))


def load(state: bytes | None) -> LikelihoodRatio:
    """Return the detector of a state, or a new one.

    Raises
    ------
    ValueError
        If the state is of another version.
    """
    if state is None:
        return LikelihoodRatio()
    head, _, packed = state.partition(b"\n")
    version, n_older, sum_older, squares_older = json.loads(head)
    if version != _VERSION:
        raise ValueError(f"expected a state of version {_VERSION}, got {version!r}")
    kept = np.frombuffer(zlib.decompress(packed), dtype=np.float64).copy()
    return LikelihoodRatio(n_older, sum_older, squares_older, kept)


def _bernoulli(recent: Floats, window: float, total: Floats, n: Floats) -> Floats:
    before, n_before = total - recent, n - window
    fitted = _entropy(recent, window) + _entropy(before, n_before)
    result: Floats = fitted - _entropy(total, n)
    return result


def _entropy(hits: Floats, n: Floats | float) -> Floats:
    """Return the largest log likelihood of n Bernoulli variables with so many hits."""
    from scipy.special import xlogy

    result: Floats = xlogy(hits, hits / n) + xlogy(n - hits, 1 - hits / n)
    return result


def _normal(recent: Floats, window: float, total: Floats, n: Floats, squares: Floats) -> Floats:
    """Return n/2 times minus the log of one minus R² of the two-level fit."""
    before, n_before = total - recent, n - window
    between = (recent / window - before / n_before) ** 2 * window * n_before / n
    spread = np.maximum(squares - total**2 / n, 1e-12 * n)
    share = np.clip(between / spread, 0.0, 1.0 - 1e-12)
    result: Floats = -0.5 * n * np.log1p(-share)
    return result
