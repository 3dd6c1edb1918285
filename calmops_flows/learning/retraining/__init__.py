"""Retraining modes: one file each, and one dict."""

from calmops_flows.learning.retraining.base import Fitted, Retrainer, TrainingContext
from calmops_flows.learning.retraining.full import full

RETRAINERS: dict[str, Retrainer] = {"full": full}

__all__ = ["RETRAINERS", "Fitted", "Retrainer", "TrainingContext", "full"]
