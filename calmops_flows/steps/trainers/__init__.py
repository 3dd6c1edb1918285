"""Trainers: what each kind of pipeline does in its own way."""

from calmops_flows.steps.trainers.base import Trainer
from calmops_flows.steps.trainers.block import BlockTrainer

__all__ = ["BlockTrainer", "Trainer"]
