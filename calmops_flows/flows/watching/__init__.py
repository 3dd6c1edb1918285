"""Watch the sources of pipelines, and wake a run when files have settled."""

from __future__ import annotations

from calmops_flows.flows.watching.reactions import Announce, Drain, Reaction
from calmops_flows.flows.watching.watcher import Watcher

__all__ = ["Announce", "Drain", "Reaction", "Watcher"]
