"""Adapter to frouros' streaming detectors; frouros is imported when one of them is chosen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from calmops_flows.detectors.streaming.libraries import RowWise, loader
from calmops_flows.errors import MissingExtraError

# Left out: ECDD, whose configuration holds a lambda and cannot be kept; BOCD, whose state grows as
# the square of the rows (32 MB after 2,000); KSWIN, which draws from numpy's global generator, so
# that a repeated step could differ (river's has a generator of its own).
_CLASSES: dict[str, tuple[str, dict[str, Any]]] = {
    "frouros_adwin": ("ADWIN", {}),
    "frouros_cusum": ("CUSUM", {}),
    "frouros_ddm": ("DDM", {}),
    "frouros_eddm": ("EDDM", {}),
    "frouros_gma": ("GeometricMovingAverage", {}),
    "frouros_hddm_a": ("HDDMA", {}),
    "frouros_hddm_w": ("HDDMW", {}),
    "frouros_page_hinkley": ("PageHinkley", {}),
    "frouros_rddm": ("RDDM", {}),
    "frouros_stepd": ("STEPD", {}),
}


def _build(name: str) -> Any:
    cls, params = _CLASSES[name]
    try:
        family = import_module("frouros.detectors.concept_drift")
    except ModuleNotFoundError as err:
        raise MissingExtraError(
            f"detector {name!r} needs frouros; install calmops-flows[detectors]"
        ) from err
    return getattr(family, cls)(getattr(family, f"{cls}Config")(**params))


def _step(detector: Any, error: float) -> tuple[bool, bool]:
    detector.update(value=error)
    is_drift = bool(detector.drift)
    is_warning = bool(getattr(detector, "warning", False))
    if is_drift:
        detector.reset()  # as its documentation asks; else it stays in drift
    return is_drift, is_warning


FROUROS: dict[str, Callable[[bytes | None], RowWise]] = {
    name: loader(partial(_build, name), _step) for name in _CLASSES
}
