"""When and how models are trained, judged and paused."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from calmops_flows.spec.base import Part

RetrainingMode = Literal["full", "incremental", "window", "stacking", "replay_mix", "recalibration"]


WINDOW_ROWS = 5_000  # chosen on real streams; benchmarks/real_streams.py

HISTORICAL_MODES: dict[int, RetrainingMode] = {
    0: "full",
    1: "incremental",
    2: "window",
    4: "stacking",
    5: "replay_mix",
    6: "recalibration",
}


class CustomSpec(Part):
    """User functions in place of the built-in ones."""

    train: str | None = None
    """`module:function` that fits the first model."""
    retrain: str | None = None
    """`module:function` that fits a challenger."""
    fallback: str | None = None
    """`module:function` tried after a rejection."""


class RetrainSpec(Part):
    """When and how a challenger is trained."""

    when: str = "drift"
    """`drift` (of data, concept or performance, or a broken threshold), `performance` (a broken
    threshold, a drop, drift of the concept), `data` (drift of the data alone), `always`, `never` or
    `every:N`."""
    mode: Literal[RetrainingMode, "auto"] = "auto"
    """Retraining mode, by name or historical number. Default `auto`: mode `window`; where its model
    is turned away, `full` on the new and on all retained data, if shown to be better."""
    fallback: RetrainingMode | None = None
    """Mode tried once after a rejection."""
    scope: Literal["new", "all"] = "new"
    """Data of mode `full`: the new snapshot, or all that are retained."""
    window_size: int | None = Field(None, ge=1)
    """Rows of mode `window`. Default: 5,000, or all new ones where a snapshot brings more."""
    replay_fraction: float = Field(0.4, gt=0, lt=1)
    """Share of old rows in mode `replay_mix`."""
    custom: CustomSpec | None = None
    """User functions."""
    budget: float | None = Field(None, gt=0)
    """Models that may be fitted for each snapshot on average, the first one and those turned away
    among them. A snapshot without drift leaves its share to later ones. Default: no limit."""
    cost: float | None = Field(None, ge=0)
    """Rows' worth of score that a CPU second of fitting must win: a champion is retrained only if
    the share of its holdout score lost on the snapshot, times the labelled rows, is at least `cost`
    times the seconds of the last fit. Default: not weighed."""

    @field_validator("mode", "fallback", mode="before")
    @classmethod
    def _historical_number(cls, mode: object) -> object:
        number = int(mode) if isinstance(mode, str) and mode.isdigit() else mode
        if not isinstance(number, int) or isinstance(number, bool):
            return mode
        if number in HISTORICAL_MODES:
            return HISTORICAL_MODES[number]
        known = ", ".join(f"{key} {value}" for key, value in HISTORICAL_MODES.items())
        raise ValueError(f"historical mode {number} never existed; the modes are {known}")

    @field_validator("when")
    @classmethod
    def _when_is_known(cls, when: str) -> str:
        known = {"drift", "performance", "data", "always", "never"}
        if when in known or re.match(r"^every:[1-9]\d*$", when):
            return when
        raise ValueError(f"must be one of {sorted(known)} or every:N")

    def window_rows(self, n_new: int = 0) -> int:
        """Return how many rows mode ``window`` learns from when so many are new."""
        return max(WINDOW_ROWS, n_new) if self.window_size is None else self.window_size

    @property
    def every(self) -> int | None:
        """N of ``every:N``, else None."""
        return int(self.when.removeprefix("every:")) if self.when.startswith("every:") else None


class PromotionSpec(Part):
    """When a challenger takes over."""

    rule: Literal["auto", "better", "no_worse", "thresholds", "always"] = "auto"
    """`better`: shown to be better. `no_worse`: not shown to be worse. `thresholds`: those alone.
    `always`: every challenger. `auto`: `no_worse` for a refresh of the champion's own recipe on
    newer data, `better` for any other."""
    metric: str | None = None
    """Metric that is compared; default: balanced_accuracy or rmse, by task."""
    min_gain: float = 0.0
    """`better`: lower bound of the difference must exceed this."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Confidence of the bounds."""
    margin: float = Field(0.02, ge=0)
    """Tolerance of the non-inferiority test."""


class EvaluationSpec(Part):
    """How models are judged."""

    holdout: float = Field(0.2, gt=0, lt=1)
    """Share of a snapshot's rows that judges and does not train; more, up to half, where it would
    hold fewer than 20 rows of a class."""
    split: Literal["last", "random", "stratified"] = "last"
    """Which rows are held out."""
    thresholds: dict[str, float] = Field(default_factory=dict)
    """Bound by metric: scores at least, losses at most this value."""
    promotion: PromotionSpec = PromotionSpec()
    """The promotion rule."""
    refit: bool = True
    """Fit an accepted challenger once more on training and holdout rows."""


class BreakerSpec(Part):
    """When retraining pauses after failures."""

    max_failures: int = Field(3, ge=1)
    """Consecutive failures that open the breaker."""
    backoff_minutes: float = Field(120.0, gt=0)
    """First pause."""
    factor: float = Field(2.0, ge=1)
    """Growth of the pause with each trip."""
    max_backoff_minutes: float = Field(1440.0, gt=0)
    """Longest pause."""


class BlockSpec(Part):
    """Kind `block`: which column slices the data."""

    column: str
    """Column that holds the block id."""
    eval_blocks: tuple[str | int, ...] = ()
    """Blocks that judge; default: the newest."""
    fallback: Literal["global", "ensemble"] = "global"
    """Who predicts for an unknown block."""


class IpipSpec(Part):
    """Kind `ipip`: identical partitions for imbalance problems."""

    minority_fraction: float = Field(0.75, gt=0, le=1)
    """Share of the minority rows that a partition draws."""
    majority_share: float = Field(0.55, gt=0, lt=1)
    """Share of majority rows within a partition."""
    max_attempts: int | None = Field(None, ge=1)
    """Misses in a row after which an ensemble stops growing."""
    metric: Literal["balanced_accuracy", "kappa", "mcc"] = "balanced_accuracy"
    """Metric that a model must raise to stay."""
    validation_share: float = Field(0.2, gt=0, lt=1)
    """Stratified share of a block that validates."""
