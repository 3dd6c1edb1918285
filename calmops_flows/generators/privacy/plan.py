"""Plans of protection: steps, what must hold afterwards, and figures to release."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.privacy import WAYS
from calmops_flows.generators.privacy.differential import Release, dp_histogram, dp_mean
from calmops_flows.generators.privacy.key import refuse_secret
from calmops_flows.generators.values import declared, member, without
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    import pandas as pd

    from calmops_flows.generators.privacy.base import Way
    from calmops_flows.generators.privacy.budget import Budget


class Check(Part):
    """What must hold when the steps are done."""

    quasi_identifiers: tuple[str, ...] = Field(min_length=1)
    """Columns that an outsider may know."""
    sensitive: tuple[str, ...] = ()
    """Columns whose diversity is counted."""
    k: int = Field(default=1, ge=1)
    """Fewest rows that must share each combination."""


class Mean(Part):
    """A mean to release."""

    kind: Literal["mean"]
    column: str
    low: float
    high: float
    epsilon: float = Field(gt=0)
    missing: float | None = None

    def release(self, data: pd.DataFrame, budget: Budget) -> Release:
        """Release it; see `dp_mean`."""
        values = without(self.model_dump(), "kind", "column")
        return dp_mean(data, self.column, budget=budget, **values)


class Histogram(Part):
    """A histogram to release."""

    kind: Literal["histogram"]
    column: str
    epsilon: float = Field(gt=0)
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    def release(self, data: pd.DataFrame, budget: Budget) -> Release:
        """Release it; see `dp_histogram`."""
        values = without(self.model_dump(), "kind", "column")
        return dp_histogram(data, self.column, budget=budget, **values)


class Releases(Part):
    """Figures to release from the table as it came, with differential privacy."""

    epsilon: float = Field(gt=0, allow_inf_nan=False)
    """The budget of all together."""
    figures: tuple[Annotated[Mean | Histogram, Field(discriminator="kind")], ...] = Field(
        min_length=1
    )


class PrivacyPlan(Part):
    """What is done to a table, in order."""

    steps: tuple[dict[str, Any], ...] = ()
    """Each with ``kind``, see `WAYS`, and its parameters."""
    check: Check | None = None
    release: Releases | None = None

    def ways(self) -> list[tuple[str, Way]]:
        """Return the steps with their parameters.

        Raises
        ------
        SpecError
            If there is none of that name, or a parameter is not valid.
        """
        found = []
        for number, step in enumerate(self.steps, start=1):
            kind = step.get("kind")
            way = member(WAYS, kind, what="way of protection")
            where = f"step {number} ({kind})"
            if "key" in step:
                refuse_secret(step["key"], where)
            found.append((str(kind), declared(way, without(step, "kind"), where=where)))
        return found


def parse_privacy_plan(plan: object) -> PrivacyPlan:
    """Read a plan: plain values, or the path of a YAML file.

    Raises
    ------
    SpecError
        If the file cannot be read, a field is not valid, or the plan says nothing.
    """
    if isinstance(plan, str | Path):
        plan = _read(Path(plan))
    if (
        isinstance(plan, Mapping)
        and "steps" in plan
        and not isinstance(plan["steps"], list | tuple)
    ):
        raise SpecError("plan: steps must be a list of mappings with `kind`")
    made = declared(PrivacyPlan, plan, where="plan")
    if not made.steps and made.check is None and made.release is None:
        raise SpecError("the plan says nothing: give steps, check or release")
    made.ways()
    return made


def _read(file: Path) -> object:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as err:
        raise SpecError(f"cannot read the plan {str(file)!r}: {err}") from err
