"""A study: who takes part, what is measured when, what the disease does, what goes wrong."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from calmops_flows.generators.clinic.batches import Batch
from calmops_flows.generators.clinic.checks import check
from calmops_flows.generators.clinic.cohort import Cohort
from calmops_flows.generators.clinic.disease import Disease
from calmops_flows.generators.clinic.layers import AnyLayer
from calmops_flows.generators.clinic.measures import Measure
from calmops_flows.generators.clinic.names import Name
from calmops_flows.generators.clinic.outcomes import Outcome
from calmops_flows.generators.clinic.survival import Loss, Survival
from calmops_flows.generators.clinic.visits import Visits
from calmops_flows.spec.base import Part

BY_VISIT = "visit"


class Gaps(Part):
    """Values that are missing, by visit."""

    columns: tuple[str, ...] = Field(min_length=1)
    """Columns, or names of layers for all their features."""
    rate: float | tuple[float, ...]
    """Share of the values that are missing, or one share for each visit of the schedule."""
    mechanism: Literal["mcar", "mar", "mnar"] = "mcar"
    """Completely at random; likelier where `by` is high; likelier where the value is high."""
    by: str | None = None
    """mar: the column that decides."""


class Drift(Part):
    """A step of an injection plan, in some files of the study."""

    step: dict[str, Any]
    """See `inject`; ``rows: {column: visit, blocks: [3]}`` or dates choose rows."""
    periods: tuple[int, ...] | None = Field(default=None, min_length=1)
    """Numbers of the files (visits, or periods), from 1; default: all."""


class Study(Part):
    """A clinical study; see `generate_study`."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    about: str = ""
    cohort: Cohort
    visits: Visits = Visits()
    transitions: dict[Name, dict[Name, float]] = Field(default_factory=dict)
    """Group: other group: changes per year."""
    measures: dict[Name, Measure] = Field(default_factory=dict)
    layers: dict[Name, AnyLayer] = Field(default_factory=dict)
    effects: tuple[Disease, ...] = ()
    outcomes: dict[Name, Outcome] = Field(default_factory=dict)
    survival: Survival | None = None
    dropout: dict[Name, Loss] = Field(default_factory=dict)
    """Reasons to leave; each censors survival."""
    end: float | None = Field(default=None, gt=0.0)
    """Years after which the study ends: administrative censoring."""
    batches: dict[Name, Batch] = Field(default_factory=dict)
    """Each is also a column that names the batch."""
    missing: tuple[Gaps, ...] = ()
    drift: tuple[Drift, ...] = ()
    hidden: tuple[str, ...] = ()
    """Columns that formulas can name, and the files do not have."""
    files: str = BY_VISIT
    """One file per ``visit``, or per period: a frequency as pandas writes it, ``MS`` or ``7D``."""
    format: Literal["csv", "parquet"] = "csv"
    target: str | None = None
    """Outcome, or other column, that a pipeline predicts."""
    pipeline: dict[str, Any] = Field(default_factory=dict)
    """The rest of the pipeline's spec; name, source and target are filled in."""

    @model_validator(mode="after")
    def _fits(self) -> Study:
        check(self)
        return self
