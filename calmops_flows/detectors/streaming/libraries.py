"""What the adapters to frouros and river share: row-wise detectors, pickled between snapshots."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from calmops_flows.detectors.streaming.base import Floats, Scan, locate


@dataclass
class RowWise:
    """A library's detector behind our interface.

    Some of them also alarm when the error falls; such an alarm is passed over, because a better
    model is no reason to retrain.

    Parameters
    ----------
    detector : object
        The library's own.
    step : callable
        Feeds it one error; returns whether it is in drift, and whether it warns.
    """

    detector: Any
    step: Callable[[Any, float], tuple[bool, bool]]

    def scan(self, errors: Floats) -> Scan:
        """Take in errors up to the first alarm that is no improvement."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # some divide by a spread of 0
            return self._scan(errors)

    def _scan(self, errors: Floats) -> Scan:
        n_warnings = since = 0
        for row, error in enumerate(errors.tolist()):
            is_drift, is_warning = self.step(self.detector, error)
            n_warnings += is_warning
            if not is_drift:
                continue
            split, is_rise = locate(errors[since : row + 1])
            if is_rise:
                return Scan(row, since + split, n_warnings)
            since = row + 1
        return Scan(n_warnings=n_warnings)

    def to_bytes(self) -> bytes:
        """Return a pickle of the library's detector."""
        return pickle.dumps(self.detector, protocol=5)


def loader(
    build: Callable[[], Any], step: Callable[[Any, float], tuple[bool, bool]]
) -> Callable[[bytes | None], RowWise]:
    """Return the family's function: a state, or None, to a detector.

    Unpickling runs code: a state comes from the artifact store, which checks its digest first.
    """

    def load(state: bytes | None) -> RowWise:
        detector = build() if state is None else pickle.loads(state)  # noqa: S301 - digest checked
        return RowWise(detector, step)

    return load
