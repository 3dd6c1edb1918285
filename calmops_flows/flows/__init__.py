"""Runs as Prefect flows; they load when first used, for detecting Prefect must stay cheap."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calmops_flows.flows.block_flow import block
    from calmops_flows.flows.generate_flow import generate
    from calmops_flows.flows.ipip_flow import ipip
    from calmops_flows.flows.stream_flow import stream

_MODULES = {
    "block": "calmops_flows.flows.block_flow",
    "generate": "calmops_flows.flows.generate_flow",
    "ipip": "calmops_flows.flows.ipip_flow",
    "stream": "calmops_flows.flows.stream_flow",
}

__all__ = ["block", "generate", "ipip", "stream"]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
