"""Which flow drains which kind of pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from calmops_flows.flows.block_flow import block
from calmops_flows.flows.ipip_flow import ipip
from calmops_flows.flows.stream_flow import stream

if TYPE_CHECKING:
    from prefect import Flow

FLOWS: dict[str, Flow[Any, Any]] = {"stream": stream, "block": block, "ipip": ipip}
