"""Trainers: what each kind of pipeline does in its own way."""

from calmops_flows.steps.trainers.base import Trainer
from calmops_flows.steps.trainers.block import BlockTrainer
from calmops_flows.steps.trainers.ipip import IpipTrainer

__all__ = ["BlockTrainer", "IpipTrainer", "Trainer"]
