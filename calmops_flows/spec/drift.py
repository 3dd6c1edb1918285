"""How drift is judged."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from calmops_flows.spec.base import Part


class OverTimeSpec(Part):
    """Budget of false alarms over a run of snapshots."""

    budget: float = Field(1.0, gt=0)
    """Expected false-alarm snapshots ..."""
    per: int = Field(100, ge=1)
    """... in so many snapshots."""
    spending: Literal["expected", "family"] = "expected"
    """Expected number, or the chance of any over `per` snapshots."""


class PersistSpec(Part):
    """Call drift only when k of the last n snapshots drifted."""

    k: int = Field(1, ge=1)
    """Drifted snapshots needed ..."""
    n: int = Field(1, ge=1)
    """... among the last so many."""

    @model_validator(mode="after")
    def _k_of_n(self) -> Self:
        if self.k > self.n:
            raise ValueError("k must not exceed n")
        return self


class MaxDropSpec(Part):
    """Relative performance drop that counts as drift of the concept."""

    max_drop: float = Field(0.05, gt=0)
    """Largest tolerated drop below the champion's own holdout score."""
    metric: str | None = None
    """Metric it is measured in; default: the promotion metric."""


class ColumnDriftSpec(Part):
    """Override of the drift policy for one column."""

    enabled: bool = True
    """Whether the column is tested at all."""
    detector: str | None = None
    """Detector instead of the default one."""
    min_effect: float | None = Field(None, ge=0)
    """Effect floor instead of the default one."""
    threshold: float | None = Field(None, ge=0)
    """Smallest statistic of `detector` that is drift, in its own unit (psi: 0.2)."""


class CoarsenSpec(Part):
    """How much of the rows a stored profile may show."""

    points: int = Field(64, ge=8)
    """Most quantile points of a numeric column; they are rounded."""
    min_rows: int = Field(10, ge=1)
    """Fewest rows of a point, or of a level kept by name."""


class DriftSpec(Part):
    """How drift is judged."""

    alpha: float = Field(0.05, gt=0, lt=1)
    """Chance of any false alarm in one verdict."""
    detectors: tuple[str, ...] = ()
    """Detectors to run; empty: the default suite."""
    min_effect: float | None = Field(None, ge=0)
    """Floor for all effects; default: each detector's own floor."""
    reference: str = "champion"
    """`champion` (data it learnt from), `previous`, `first` or `window:N`."""
    correction: Literal["holm", "bh"] = "holm"
    """Adjustment over columns and tests."""
    vote: str = "any"
    """`any`, `majority` or `share:x` of the columns."""
    multivariate: Literal["auto", "off", "mmd", "domain", "energy", "pca"] = "auto"
    """Joint test besides the columns; `auto` takes the best one available."""
    concept: str | None = None
    """Streaming detector on the champion's errors: `auto`, or a name such as `river_adwin`."""
    performance: MaxDropSpec | None = None
    """Relative drop of performance."""
    dependence: Literal["none", "block"] = "none"
    """`block`: rows are serially dependent."""
    over_time: OverTimeSpec | None = None
    """Budget over snapshots."""
    persist: PersistSpec | None = None
    """k-of-n filter."""
    columns: dict[str, ColumnDriftSpec] = Field(default_factory=dict)
    """Overrides by column name."""
    coarsen: CoarsenSpec | None = None
    """Keep coarse profiles, without values of single rows; default: finer ones."""

    @field_validator("reference")
    @classmethod
    def _reference_is_known(cls, reference: str) -> str:
        if reference in {"champion", "previous", "first"} or re.match(
            r"^window:[1-9]\d*$", reference
        ):
            return reference
        raise ValueError("must be champion, previous, first or window:N")

    @field_validator("vote")
    @classmethod
    def _vote_is_known(cls, vote: str) -> str:
        share = re.match(r"^share:(0?\.\d+|1(\.0*)?)$", vote)
        if vote in {"any", "majority"} or (share and float(share.group(1)) > 0):
            return vote
        raise ValueError("must be any, majority or share:x with 0 < x <= 1")
