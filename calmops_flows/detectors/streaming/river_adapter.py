"""River's streaming detectors; river is imported when one of them is chosen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from calmops_flows.detectors.streaming.libraries import RowWise, loader
from calmops_flows.errors import MissingExtraError

_CLASSES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "river_adwin": ("river.drift", "ADWIN", {}),
    "river_kswin": ("river.drift", "KSWIN", {"seed": 0}),
    "river_page_hinkley": ("river.drift", "PageHinkley", {"mode": "up"}),
    "river_ddm": ("river.drift.binary", "DDM", {}),
    "river_eddm": ("river.drift.binary", "EDDM", {}),
    "river_fhddm": ("river.drift.binary", "FHDDM", {}),
    "river_hddm_a": ("river.drift.binary", "HDDM_A", {}),
    "river_hddm_w": ("river.drift.binary", "HDDM_W", {}),
}

_OF_HITS = {"river_fhddm"}  # takes 1 for a right answer, whatever its documentation says


def _build(name: str) -> Any:
    module, cls, params = _CLASSES[name]
    try:
        return getattr(import_module(module), cls)(**params)
    except ModuleNotFoundError as err:
        raise MissingExtraError(
            f"detector {name!r} needs river; install calmops-flows[detectors]"
        ) from err


def _step(detector: Any, error: float, *, of_hits: bool = False) -> tuple[bool, bool]:
    detector.update(1.0 - error if of_hits else error)
    return bool(detector.drift_detected), bool(getattr(detector, "warning_detected", False))


RIVER: dict[str, Callable[[bytes | None], RowWise]] = {
    name: loader(partial(_build, name), partial(_step, of_hits=name in _OF_HITS))
    for name in _CLASSES
}
