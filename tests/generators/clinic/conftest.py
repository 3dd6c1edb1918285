"""A study of two groups, with the parts that a test asks for."""

from __future__ import annotations

from typing import Any

from calmops_flows.generators.clinic import Clinical, generate_study

GROUPS = {"control": 0.5, "case": 0.5}


def values(patients: int = 1000, **parts: Any) -> dict[str, Any]:
    cohort = {"patients": patients, "groups": GROUPS} | parts.pop("cohort", {})
    return {"name": "trial", "cohort": cohort} | parts


def drawn(patients: int = 1000, *, seed: int = 1, **parts: Any) -> Clinical:
    return generate_study(values(patients, **parts), random_state=seed)
