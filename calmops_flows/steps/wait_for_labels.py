"""Training may wait for labels that come later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.records import Role
from calmops_flows.steps.decide import Action, Plan

if TYPE_CHECKING:
    from calmops_flows.steps.run import SnapshotRun


def waits_for_labels(run: SnapshotRun, *, n_labelled: int, n_rows: int) -> bool:
    """Tell whether a snapshot's training waits: most of its rows have no label yet."""
    labels = run.spec.labels
    if labels is None or not labels.wait or run.snapshot.role is not Role.DATA:
        return False
    return 2 * n_labelled < n_rows


def awaits_labels(plan: Plan, *, n_labelled: int, n_rows: int) -> Plan:
    """Return the plan of a snapshot that is decided on when its labels come."""
    reason = f"{n_labelled} of {n_rows} rows are labelled; training waits for the labels"
    return Plan(Action.AWAIT_LABELS, reason, plan.rules, plan.champion_fails)
