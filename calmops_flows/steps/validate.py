"""Check what a spec means, against the families that are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calmops_flows.data.table import check_options
from calmops_flows.detectors.streaming import STREAMING
from calmops_flows.errors import SpecError
from calmops_flows.evaluation.metrics import find_metric
from calmops_flows.learning.build import build_steps
from calmops_flows.learning.retraining import RETRAINERS
from calmops_flows.learning.search import check_search
from calmops_flows.settings import Settings
from calmops_flows.spec import PipelineSpec
from calmops_flows.steps.code import check_code
from calmops_flows.steps.folders import check_folders
from calmops_flows.steps.kinds import KINDS
from calmops_flows.steps.recipes import POLICIES
from calmops_flows.steps.schedules import check_schedule

# What a mode asks of the model's last step; a regressor is recalibrated by its predictions.
MODE_NEEDS: Mapping[str, str] = {"incremental": "partial_fit", "recalibration": "predict_proba"}


def validate(spec: PipelineSpec, settings: Settings) -> None:
    """Refuse a spec that could not run.

    Raises
    ------
    SpecError
        If a read option or metric is unknown or of the wrong task, folders overlap, a schedule
        means nothing, the
        model's class or parameters cannot be used, or the mode is not there.
    MissingExtraError
        If a detector needs a library that is not installed.
    """
    KINDS[spec.kind].trainer.check(spec)
    check_options(spec.source.read_options)
    _check_retraining(spec)
    check_folders(spec)
    check_schedule(spec)
    check_code(spec, settings.trusted)
    _check_metrics(spec)
    _check_concept(spec)
    task = None if spec.task == "auto" else spec.task
    model = build_steps(spec.model, task=task, trusted=settings.trusted)[-1]
    if spec.model.search is not None:
        check_search(spec.model.search, model, task=task)
    for field, mode in (("mode", spec.retrain.mode), ("fallback", spec.retrain.fallback)):
        _check_mode(f"retrain.{field}", mode, model, spec)
    if spec.target in spec.contract and spec.task == "regression":
        declared = spec.contract[spec.target]
        if declared not in {"int", "float", "bool"}:
            raise SpecError(f"a regression needs a numeric target, but contract says {declared!r}")


def _check_retraining(spec: PipelineSpec) -> None:
    """Refuse a mode that is not there, and a rule without what it judges by."""
    for field, mode in (("mode", spec.retrain.mode), ("fallback", spec.retrain.fallback)):
        if mode is not None and mode not in {*RETRAINERS, *POLICIES}:
            raise SpecError(f"retrain.{field} must be one of {sorted(RETRAINERS)}, got {mode!r}")
    if spec.evaluation.promotion.rule == "thresholds" and not spec.evaluation.thresholds:
        raise SpecError(
            "evaluation.promotion.rule 'thresholds' judges by evaluation.thresholds alone, and "
            "none is declared; declare one, or choose another rule"
        )


def _check_mode(field: str, mode: str | None, model: Any, spec: PipelineSpec) -> None:
    """Refuse a mode that the model cannot follow."""
    from sklearn.base import is_regressor

    needed = MODE_NEEDS.get(mode or "")
    if needed is None or hasattr(model, needed):
        return
    if needed == "predict_proba" and (spec.task == "regression" or is_regressor(model)):
        return
    name = spec.model.steps[-1].class_ if spec.model.steps else spec.model.class_
    raise SpecError(
        f"{field} {mode!r} needs a model with {needed}(), and {name} has none as it is declared; "
        "choose another mode or model"
    )


def _check_concept(spec: PipelineSpec) -> None:
    name = spec.drift.concept
    if name is None:
        return
    if name not in STREAMING:
        raise SpecError(f"drift.concept must be one of {sorted(STREAMING)}, got {name!r}")
    STREAMING[name](None)


def _check_metrics(spec: PipelineSpec) -> None:
    named = {f"evaluation.thresholds.{name}": name for name in spec.evaluation.thresholds}
    if spec.evaluation.promotion.metric is not None:
        named["evaluation.promotion.metric"] = spec.evaluation.promotion.metric
    if spec.drift.performance is not None and spec.drift.performance.metric is not None:
        named["drift.performance.metric"] = spec.drift.performance.metric
    tasks = set()
    for field, name in named.items():
        try:
            task = find_metric(name).task
        except SpecError as err:
            raise SpecError(f"{field}: {err}") from err
        if spec.task not in {"auto", task}:
            raise SpecError(f"{field}: {name!r} is a {task} metric, but task is {spec.task!r}")
        tasks.add(task)
    if len(tasks) > 1:
        raise SpecError(f"thresholds and promotion mix metrics of {sorted(tasks)}")
