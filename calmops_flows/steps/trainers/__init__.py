"""Trainers: what each kind of pipeline does in its own way."""

from calmops_flows.steps.trainers.base import Trainer

__all__ = ["Trainer"]
