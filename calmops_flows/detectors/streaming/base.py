"""What a streaming detector is, and what it finds in the errors of one snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scan:
    """Where a pass over errors ended; rows count from 0 within these errors.

    Attributes
    ----------
    alarm_row : int or None
        Row at which the alarm was raised; rows after it were not looked at.
    change_point : int or None
        First row after the change, as estimated; 0 if it may lie before these errors.
    n_warnings : int
        Rows in the detector's warning zone.
    statistic, threshold : float or None
        Largest statistic, and what it would have to exceed, where there is such a pair.
    """

    alarm_row: int | None = None
    change_point: int | None = None
    n_warnings: int = 0
    statistic: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class StreamResult:
    """Verdict on the errors of one snapshot, and the state for the next one.

    ``is_drift`` is None when nothing could be tested; ``reason`` then says why.
    """

    is_drift: bool | None
    scan: Scan
    n_rows: int
    state: bytes | None
    reason: str | None = None


class StreamingDetector(Protocol):
    """Looks for a rise of the error level; it remembers what it has seen."""

    def scan(self, errors: Floats) -> Scan:
        """Take in errors of shape (n,), each in [0, 1], up to the first alarm."""

    def to_bytes(self) -> bytes:
        """Return the state."""


def watch(
    load: Callable[[bytes | None], StreamingDetector], errors: Floats, state: bytes | None
) -> StreamResult:
    """Look for a change in the errors of one snapshot, going on from a state.

    After an alarm, the state is that of the rows before the change: while the model serves on,
    later snapshots are still compared with what it was like before.

    Parameters
    ----------
    load : callable
        Member of the family: bytes of a state, or None, to a detector.
    errors : ndarray of shape (n,)
        Errors in the order of the rows, each in [0, 1].
    state : bytes or None
        From the result on the snapshot before; None to begin.

    Returns
    -------
    StreamResult
        Untestable when there are no errors; the state is then the old one.

    Raises
    ------
    ValueError
        If an error is not within [0, 1].

    Examples
    --------
    >>> from calmops_flows.detectors.streaming import STREAMING
    >>> rng = np.random.default_rng(0)
    >>> errors = (rng.random(5000) < np.repeat([0.2, 0.3], 2500)).astype(float)
    >>> found = watch(STREAMING["auto"], errors, None)
    >>> found.is_drift, abs(found.scan.change_point - 2500) < 200
    (True, True)
    """
    if len(errors) == 0:
        return StreamResult(None, Scan(), 0, state, "there are no labelled rows")
    if not (errors.min() >= 0.0 and errors.max() <= 1.0):
        raise ValueError("errors must be numbers within [0, 1]")
    detector = load(state)
    scan = detector.scan(errors)
    if scan.alarm_row is None:
        return StreamResult(False, scan, len(errors), detector.to_bytes())
    before = load(state)
    before.scan(errors[: min(scan.change_point or 0, scan.alarm_row)])
    return StreamResult(True, scan, len(errors), before.to_bytes())


def locate(errors: Floats, first: int = 0) -> tuple[int, bool]:
    """Split errors in two at the most likely change of the mean.

    Parameters
    ----------
    errors : ndarray of shape (n,)
        Up to the alarm.
    first : int, default 0
        Smallest split that is considered.

    Returns
    -------
    split : int
        First row of the second part; 0 when there are fewer than two rows.
    is_rise : bool
        Whether the second part has the larger mean.

    Examples
    --------
    >>> locate(np.array([0.0, 0.0, 1.0, 1.0, 1.0]))
    (2, True)
    """
    n = len(errors)
    sizes = np.arange(max(first, 1), n)
    if len(sizes) == 0:
        return 0, True
    left = np.cumsum(errors)[sizes - 1]
    gap = (errors.sum() - left) / (n - sizes) - left / sizes
    best = int(np.argmax(gap**2 * sizes * (n - sizes)))
    return int(sizes[best]), bool(gap[best] > 0)
