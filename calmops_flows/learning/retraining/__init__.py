"""Retraining modes: one file each, and one dict."""

from calmops_flows.learning.retraining.base import Fitted, Past, Retrainer, TrainingContext
from calmops_flows.learning.retraining.full import full
from calmops_flows.learning.retraining.incremental import incremental
from calmops_flows.learning.retraining.recalibration import recalibration
from calmops_flows.learning.retraining.replay_mix import replay_mix
from calmops_flows.learning.retraining.stacking import stacking
from calmops_flows.learning.retraining.window import window

RETRAINERS: dict[str, Retrainer] = {
    "full": full,
    "incremental": incremental,
    "window": window,
    "stacking": stacking,
    "replay_mix": replay_mix,
    "recalibration": recalibration,
}

__all__ = [
    "RETRAINERS",
    "Fitted",
    "Past",
    "Retrainer",
    "TrainingContext",
    "full",
    "incremental",
    "recalibration",
    "replay_mix",
    "stacking",
    "window",
]
