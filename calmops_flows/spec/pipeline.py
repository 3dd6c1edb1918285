"""A pipeline's spec: all parts together."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from calmops_flows.spec.base import Part
from calmops_flows.spec.data import LabelsSpec, PredictionsSpec, PreprocessSpec, SourceSpec
from calmops_flows.spec.drift import DriftSpec
from calmops_flows.spec.learning import (
    BlockSpec,
    BreakerSpec,
    EvaluationSpec,
    IpipSpec,
    RetrainSpec,
)
from calmops_flows.spec.model import ModelSpec
from calmops_flows.spec.operations import NotifyBlock, NotifyEvent, RetentionSpec, TriggersSpec

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


CONTRACT_TYPES = ("bool", "int", "float", "string", "category", "date", "timestamp")


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
    code: dict[str, str] = Field(default_factory=dict)
    """Digests of the files of user code; `apply` fills them in."""
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
    notify: dict[NotifyEvent, tuple[NotifyBlock, ...]] = Field(default_factory=dict)
    """Prefect notification blocks (`type/name`) by event, for example `circuit.opened`."""
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

    @property
    def needs_target(self) -> bool:
        """Whether a file without the target is refused."""
        return not self.prediction_only and self.labels is None

    @model_validator(mode="after")
    def _parts_fit_kind(self) -> Self:
        if not self.prediction_only and self.target is None and self.preprocess is None:
            raise ValueError("target is needed unless prediction_only is true")
        if self.labels is not None and self.target is None:
            raise ValueError("labels needs target: the name under which labels are learnt")
        if self.labels is not None and self.labels.key == self.target:
            raise ValueError("labels.key names rows and cannot be the target")
        if self.kind == "block" and self.block is None:
            raise ValueError("kind block needs the part block with its column")
        return self
