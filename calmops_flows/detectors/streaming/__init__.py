"""Streaming detectors on the champion's errors: one file each, and one dict."""

from collections.abc import Callable

from calmops_flows.detectors.streaming.base import Scan, StreamingDetector, StreamResult, watch
from calmops_flows.detectors.streaming.frouros_adapter import FROUROS
from calmops_flows.detectors.streaming.likelihood_ratio import LikelihoodRatio, load
from calmops_flows.detectors.streaming.river_adapter import RIVER

STREAMING: dict[str, Callable[[bytes | None], StreamingDetector]] = {
    "auto": load,
    "likelihood_ratio": load,
    **FROUROS,
    **RIVER,
}

__all__ = [
    "STREAMING",
    "LikelihoodRatio",
    "Scan",
    "StreamResult",
    "StreamingDetector",
    "watch",
]
