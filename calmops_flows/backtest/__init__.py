"""Replay a pipeline's past under several policies, beside the live pipeline."""

from calmops_flows.backtest.keep import keep
from calmops_flows.backtest.run import Options, backtest

__all__ = ["Options", "backtest", "keep"]
