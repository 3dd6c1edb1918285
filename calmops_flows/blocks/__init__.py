"""The Prefect blocks of this package: they say where things are, and whom to tell."""

from __future__ import annotations

from calmops_flows.blocks.mail import CalmopsMail
from calmops_flows.blocks.places import CalmopsPipeline, CalmopsStore

__all__ = ["CalmopsMail", "CalmopsPipeline", "CalmopsStore"]
