"""The estimator that is fitted."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from calmops_flows.spec.base import Part


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
