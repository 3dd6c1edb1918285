"""What the user declares: ``PipelineSpec`` and its parts (YAML, Python, JSON)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from calmops_flows.errors import NotYetError, SpecError

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Format = Literal[
    "auto", "csv", "tsv", "txt", "parquet", "feather", "arff", "json", "jsonl", "xls", "xlsx"
]
RetrainingMode = Literal["full", "incremental", "window", "stacking", "replay_mix", "recalibration"]
HISTORICAL_MODES: dict[int, RetrainingMode] = {
    0: "full",
    1: "incremental",
    2: "window",
    4: "stacking",
    5: "replay_mix",
    6: "recalibration",
}
CONTRACT_TYPES = ("bool", "int", "float", "string", "category", "date", "timestamp")


class Part(BaseModel):
    """Base of all parts: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SourceSpec(Part):
    """Where snapshots arrive."""

    path: str
    """Directory or fsspec URL (`s3://bucket/folder`) that is watched."""
    pattern: str = "*"
    """Glob that a file's path relative to the source must match."""
    format: Format = "auto"
    """File format; `auto` chooses by suffix."""
    read_options: dict[str, Any] = Field(default_factory=dict)
    """Options of the reader: `delimiter`, `encoding`, `decimal`, `sheet`, `date_format`."""
    order: str = "name"
    """Processing order: `name`, `modified`, or `column:NAME` (smallest value of that column)."""
    settle_seconds: float = Field(2.0, ge=0)
    """A file is taken when size and mtime have not changed for so long."""
    duplicates: Literal["skip", "process"] = "skip"
    """What to do with a file whose bytes were seen before."""

    @field_validator("path")
    @classmethod
    def _path_is_plain(cls, path: str) -> str:
        if not path.strip() or any(ord(c) < 32 for c in path):
            raise ValueError("must be a folder or URL without control characters")
        return path

    @field_validator("order")
    @classmethod
    def _order_is_known(cls, order: str) -> str:
        if order in {"name", "modified"} or re.match(r"^column:.+$", order):
            return order
        raise ValueError("must be name, modified or column:NAME")


class PreprocessSpec(Part):
    """User code that turns a frame into features and target."""

    function: str
    """`module:function` or `path.py:function`, `(DataFrame) -> (X, y)`."""
    later: str | None = None
    """Another function for all files after the first."""


class SearchSpec(Part):
    """Hyper-parameter search around each fit."""

    params: dict[str, list[Any]]
    """Values to try for each parameter."""
    method: Literal["grid", "random", "halving"] = "grid"
    """How the values are tried."""
    cv: int = Field(3, ge=2)
    """Folds of the cross-validation."""
    scoring: str | None = None
    """Metric that chooses; default: the promotion metric."""


class StepSpec(Part):
    """One estimator: an importable class and its parameters."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True
    )

    class_: Annotated[str, Field(alias="class", pattern=r"^[A-Za-z_][\w.]*$")]
    """Dotted path, for example `sklearn.ensemble.RandomForestClassifier`."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the class."""


class ModelSpec(StepSpec):
    """The estimator that is fitted: one class, or a pipeline of steps."""

    class_: Annotated[str, Field("sklearn.pipeline.Pipeline", alias="class")] = (
        "sklearn.pipeline.Pipeline"
    )
    """Dotted path of the estimator; left out when `steps` are given."""
    steps: tuple[StepSpec, ...] = ()
    """Steps of a scikit-learn Pipeline, first to last."""
    search: SearchSpec | None = None
    """Optional hyper-parameter search."""

    @model_validator(mode="after")
    def _class_or_steps(self) -> Self:
        if not self.steps and self.class_ == "sklearn.pipeline.Pipeline":
            raise ValueError("give either class or steps")
        if self.steps and (self.params or self.class_ != "sklearn.pipeline.Pipeline"):
            raise ValueError("give either class (with params) or steps, not both")
        return self


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
    threshold, a drop, drift of the concept), `data` (new data), `always`, `never` or `every:N`."""
    mode: RetrainingMode = "full"
    """Retraining mode, by name or historical number."""
    fallback: RetrainingMode | None = None
    """Mode tried once after a rejection."""
    scope: Literal["new", "all"] = "new"
    """Data of mode `full`: the new snapshot, or all that are retained."""
    window_size: int = Field(10_000, ge=1)
    """Rows of mode `window`."""
    replay_fraction: float = Field(0.4, gt=0, lt=1)
    """Share of old rows in mode `replay_mix`."""
    custom: CustomSpec | None = None
    """User functions."""
    cost: float | None = Field(None, ge=0)
    """Weight of measured fit seconds against expected gain."""

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

    @property
    def every(self) -> int | None:
        """N of ``every:N``, else None."""
        return int(self.when.removeprefix("every:")) if self.when.startswith("every:") else None


class PromotionSpec(Part):
    """When a challenger takes over."""

    rule: Literal["auto", "better", "no_worse", "thresholds", "always"] = "auto"
    """`auto`: `no_worse` for a refresh of the same recipe, `better` for a change of it."""
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
    """Share of a snapshot's rows that judges and does not train."""
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


class ScheduleSpec(Part):
    """One schedule: exactly one of cron, interval or rrule."""

    cron: str | None = None
    """Five-field cron expression."""
    interval_seconds: float | None = Field(None, gt=0)
    """Seconds between runs."""
    rrule: str | None = None
    """iCalendar recurrence rule."""
    timezone: str = "UTC"
    """IANA time zone of cron and rrule."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [v for v in (self.cron, self.interval_seconds, self.rrule) if v is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of cron, interval_seconds and rrule")
        return self

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as err:
            raise ValueError("is not an IANA time zone") from err
        return name

    @field_validator("cron")
    @classmethod
    def _cron_has_five_fields(cls, cron: str | None) -> str | None:
        if cron is not None and len(cron.split()) != 5:
            raise ValueError("must have five fields")
        return cron


class TriggersSpec(Part):
    """What wakes a run."""

    file_arrival: bool = True
    """An event per settled file."""
    schedule: ScheduleSpec | None = None
    """A schedule of its own; without one the safety net of five minutes stays."""


class LabelsSpec(Part):
    """Labels that come later, in files of their own."""

    path: str
    """Folder or URL of the label files."""
    key: str
    """Column that joins them to the rows."""
    pattern: str = "*"
    """Glob of the label files."""
    target: str | None = None
    """Column of the label; default: the pipeline's target."""
    wait: bool = True
    """Whether training waits for them."""


class PredictionsSpec(Part):
    """Where predictions are written besides the store."""

    path: str
    """Folder or URL."""
    probabilities: bool = False
    """Write class probabilities too."""


class RetentionLimit(Part):
    """How much of one kind of artifact is kept."""

    count: int | None = Field(None, ge=0)
    """At most so many."""
    days: float | None = Field(None, ge=0)
    """None older than this."""
    bytes: int | None = Field(None, ge=0)
    """At most so many bytes together."""


class RetentionSpec(Part):
    """How long artifacts are kept, by kind."""

    snapshots: RetentionLimit | None = None
    """Parquet copies of the data."""
    predictions: RetentionLimit | None = None
    """Predictions."""
    candidates: RetentionLimit | None = None
    """Rejected challengers."""
    profiles: RetentionLimit | None = None
    """Profiles."""


class PipelineSpec(Part):
    """A pipeline: what is watched, what is fitted, and how it is judged."""

    name: str = Field(pattern=NAME_PATTERN)
    """Name of the pipeline: letters, digits, dot, underscore, dash; at most 64."""
    kind: Literal["stream", "block", "ipip"] = "stream"
    """Unit that is learnt from."""
    target: str | None = None
    """Column to predict."""
    task: Literal["auto", "classification", "regression"] = "auto"
    """Kind of prediction; `auto` decides by the target's type."""
    prediction_only: bool = False
    """Only predict with the champion; no target is needed."""
    random_state: int = Field(0, ge=0, lt=2**32)
    """Seed from which all seeds derive."""
    source: SourceSpec
    """Where snapshots arrive."""
    preprocess: PreprocessSpec | None = None
    """User code before the model."""
    model: ModelSpec
    """The estimator."""
    drift: DriftSpec = DriftSpec()
    """Drift policy."""
    retrain: RetrainSpec = RetrainSpec()
    """Retraining policy."""
    evaluation: EvaluationSpec = EvaluationSpec()
    """Judging policy."""
    breaker: BreakerSpec = BreakerSpec()
    """Circuit breaker."""
    block: BlockSpec | None = None
    """Kind `block`."""
    ipip: IpipSpec | None = None
    """Kind `ipip`."""
    triggers: TriggersSpec = TriggersSpec()
    """What wakes a run."""
    notify: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Prefect notification blocks by event."""
    labels: LabelsSpec | None = None
    """Labels that come later."""
    predictions: PredictionsSpec | None = None
    """Where else predictions go."""
    contract: dict[
        str, Literal["bool", "int", "float", "string", "category", "date", "timestamp"]
    ] = Field(default_factory=dict)
    """Declared column types; columns left out are learnt from the first snapshot."""
    retention: RetentionSpec | None = None
    """How long artifacts are kept."""

    @model_validator(mode="after")
    def _parts_fit_kind(self) -> Self:
        if not self.prediction_only and self.target is None and self.preprocess is None:
            raise ValueError("target is needed unless prediction_only is true")
        if self.kind == "block" and self.block is None:
            raise ValueError("kind block needs the part block with its column")
        return self


def parse_spec(values: object, *, where: str = "the spec") -> PipelineSpec:
    """Validate plain values as a spec.

    Parameters
    ----------
    values : object
        Mapping as read from YAML or JSON.
    where : str
        Named in the error message, for example a path.

    Raises
    ------
    SpecError
        One line naming the first offending field, what it got, and how many more there are.
    """
    if not isinstance(values, dict):
        raise SpecError(f"{where}: expected a mapping of fields, got {type(values).__name__}")
    try:
        return PipelineSpec.model_validate(values)
    except ValidationError as err:
        raise SpecError(f"{where}: {_first_error(err)}") from err


def _first_error(err: ValidationError) -> str:
    errors = err.errors(include_url=False)
    first = errors[0]
    field = ".".join(str(part) for part in first["loc"]) or "spec"
    message = first["msg"].removeprefix("Value error, ")
    shown = repr(first.get("input"))
    if len(shown) > 80:
        shown = shown[:77] + "..."
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{field}: {message}, got {shown}{more}; see `calmops schema`"


def read_spec(path: str | Path) -> PipelineSpec:
    """Read a spec from a YAML (or JSON) file; relative source paths start there.

    Raises
    ------
    SpecError
        If the file cannot be read, is not YAML, or is not a valid spec.
    """
    file = Path(path)
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError) as err:
        reason = " ".join(str(err).split())
        raise SpecError(f"cannot read a spec from {str(path)!r}: {reason}") from err
    spec = parse_spec(values, where=str(file))
    if "://" in spec.source.path:
        return spec
    absolute = str((file.absolute().parent / Path(spec.source.path).expanduser()).resolve())
    return spec.model_copy(update={"source": spec.source.model_copy(update={"path": absolute})})


def dump_spec(spec: PipelineSpec) -> str:
    """Return the canonical JSON of a spec, as the store keeps it."""
    values = spec.model_dump(mode="json", by_alias=True)
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the spec, for editors."""
    schema = PipelineSpec.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


# Fields that are validated but whose behaviour comes later; each row vanishes as it lands.
NOT_YET: dict[str, Callable[[PipelineSpec], bool]] = {
    "kind (other than stream)": lambda s: s.kind != "stream",
    "prediction_only": lambda s: s.prediction_only,
    "preprocess": lambda s: s.preprocess is not None,
    "model.search": lambda s: s.model.search is not None,
    "retrain.when (data)": lambda s: s.retrain.when == "data",
    "retrain.mode (other than full)": lambda s: s.retrain.mode != "full",
    "retrain.fallback": lambda s: s.retrain.fallback is not None,
    "retrain.scope (all)": lambda s: s.retrain.scope != "new",
    "retrain.custom": lambda s: s.retrain.custom is not None,
    "retrain.cost": lambda s: s.retrain.cost is not None,
    "evaluation.promotion.rule (no_worse, thresholds, always)": lambda s: (
        s.evaluation.promotion.rule not in {"auto", "better"}
    ),
    "block": lambda s: s.block is not None,
    "ipip": lambda s: s.ipip is not None,
    "notify": lambda s: bool(s.notify),
    "labels": lambda s: s.labels is not None,
    "predictions": lambda s: s.predictions is not None,
    "retention": lambda s: s.retention is not None,
}


def refuse_not_yet(spec: PipelineSpec) -> None:
    """Raise NotYetError if the spec uses a field whose behaviour is still missing."""
    used = [field for field, uses in NOT_YET.items() if uses(spec)]
    if used:
        raise NotYetError(f"pipeline {spec.name!r}: not yet in this version: {', '.join(used)}")
