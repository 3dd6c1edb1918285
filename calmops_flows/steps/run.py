"""What the steps of one snapshot share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from calmops_flows.data.contract import Contract
from calmops_flows.records import Snapshot
from calmops_flows.spec import PipelineSpec
from calmops_flows.store.pipelines import PipelineState
from calmops_flows.store.store import Store

if TYPE_CHECKING:
    from calmops_flows.steps.kinds import Kind


@dataclass(frozen=True, slots=True)
class SnapshotRun:
    """One snapshot under work: where it stands and where its files may lie.

    ``folder`` is private and temporary; ``now`` is the drain's clock; ``labels_of`` are the ids of
    the snapshots whose rows a label file brings back; ``since`` is the time of the oldest outcome
    whose rows may teach (None: all).
    """

    store: Store
    state: PipelineState
    snapshot: Snapshot
    contract: Contract | None
    folder: Path
    now: datetime
    run_id: str | None
    kind: Kind
    labels_of: frozenset[int] = frozenset()
    since: str | None = None

    @property
    def spec(self) -> PipelineSpec:
        """The spec that this run follows."""
        return self.state.spec

    @property
    def block_column(self) -> str | None:
        """The column that says whose rows these are; it is no feature and never drifts."""
        return self.kind.block_column(self.spec)

    def seed(self, step: str) -> int:
        """Derive the seed of a step, so that repeating it gives the same result."""
        text = f"{self.spec.random_state}/{self.snapshot.digest}/{step}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
