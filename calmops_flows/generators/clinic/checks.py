"""What the parts of a study ask of one another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from calmops_flows.errors import SpecError
from calmops_flows.generators.clinic.effects.subgroup import Subgroup
from calmops_flows.generators.clinic.names import (
    DATE,
    GROUP,
    OF_ROWS,
    PATIENT,
    VISIT,
    check_formula,
    check_new,
    listed,
)
from calmops_flows.generators.clinic.survival import END, EVENT, NONE
from calmops_flows.generators.injection.plan import parse_plan

if TYPE_CHECKING:
    from calmops_flows.generators.clinic.study import Study


FREQUENCY = re.compile(r"([1-9]\d{0,3})?(D|W|MS|QS|YS)")


def features_of(study: Study) -> list[str]:
    """Return the names of all features of all layers."""
    return [f for name, layer in study.layers.items() for f in layer.feature_names(name)]


def check(study: Study) -> None:
    """Raise SpecError if parts of a study do not fit one another."""
    own = [*study.cohort.columns, *study.measures, *study.outcomes, *study.batches]
    check_new([*own, *study.layers])
    check_new(features_of(study), own)
    _check_groups(study)
    _check_formulas(study)
    _check_effects(study)
    _check_batches(study)
    _check_losses(study)
    _check_columns(study)
    _check_files(study)


def _check_groups(study: Study) -> None:
    named = [("transitions", group) for group in study.transitions]
    named += [("transitions", to) for row in study.transitions.values() for to in row]
    named += [("effects", group) for effect in study.effects for group in effect.groups]
    named += [("batches", group) for batch in study.batches.values() for group in batch.tilt]
    for where, group in named:
        if group not in study.cohort.groups:
            raise SpecError(f"{where}: no group {group!r}; valid: {listed(study.cohort.groups)}")
    for group, row in study.transitions.items():
        if group in row or any(rate < 0 or rate > 365 for rate in row.values()):
            raise SpecError(
                f"transitions from {group!r}: rates to other groups, from 0 to 365 a year"
            )


def _check_formulas(study: Study) -> None:
    known = [*study.cohort.columns, *OF_ROWS]
    for name, measure in study.measures.items():
        check_formula(measure.formula, known, where=f"measure {name!r}")
        known.append(name)
    for name, batch in study.batches.items():
        for rule in batch.rules.values():
            check_formula(rule, known, where=f"rules of {name!r}")
    known += features_of(study)
    for name, outcome in study.outcomes.items():
        check_formula(outcome.formula, known, where=f"outcome {name!r}")
        known.append(name)
    for name, loss in study.dropout.items():
        check_formula(loss.log_hazard, known, where=f"dropout {name!r}")
    if study.survival is not None:
        check_formula(study.survival.log_hazard, known, where="survival")


def _check_effects(study: Study) -> None:
    for disease in study.effects:
        if disease.acts_on not in study.layers and disease.acts_on not in study.measures:
            valid = listed([*study.layers, *study.measures])
            raise SpecError(f"effects: no layer or measure {disease.acts_on!r}; valid: {valid}")
        if disease.acts_on in study.measures and (
            disease.features or disease.n_features or disease.module
        ):
            raise SpecError(
                f"effects: {disease.acts_on!r} is a measure, and has no features to choose"
            )
        if isinstance(disease.effect, Subgroup) and disease.effect.where is not None:
            known = [*study.cohort.columns, GROUP]
            check_formula(disease.effect.where, known, where=f"subgroup of {disease.acts_on!r}")


def _check_batches(study: Study) -> None:
    for name, batch in study.batches.items():
        for on in batch.acts_on:
            if on not in study.layers and on not in study.measures:
                valid = listed([*study.layers, *study.measures])
                raise SpecError(f"batches {name!r}: no layer or measure {on!r}; valid: {valid}")


def _check_losses(study: Study) -> None:
    for name in study.dropout:
        if name in (EVENT, END, NONE):
            raise SpecError(f"dropout: the reason {name!r} has a meaning of its own")


def _check_columns(study: Study) -> None:
    columns = [PATIENT, VISIT, DATE, GROUP, *study.cohort.columns, *study.batches]
    columns += [*study.measures, *study.outcomes]
    features = set(features_of(study))
    for gaps in study.missing:
        rates = [gaps.rate] if isinstance(gaps.rate, float | int) else gaps.rate
        if not all(0.0 <= rate <= 1.0 for rate in rates):
            raise SpecError("missing: a rate lies between 0 and 1")
        if not isinstance(gaps.rate, float | int) and len(rates) != len(study.visits.times):
            raise SpecError(
                f"missing: {len(rates)} rates, and the schedule has {len(study.visits.times)} "
                "visits; give one rate for each, or one for all"
            )
        for name in gaps.columns:
            if name not in columns and name not in study.layers and name not in features:
                raise SpecError(f"missing: no column {name!r}; valid: {listed(columns)}")
        if (gaps.mechanism == "mar") != (gaps.by is not None):
            raise SpecError("missing: by belongs to the mechanism mar, and mar needs it")
    for name in study.hidden:
        if name not in columns and name not in features:
            raise SpecError(f"hidden: no column {name!r}; valid: {listed(columns)}")
    if study.target is not None and (
        study.target in study.hidden or study.target not in {*columns, *features}
    ):
        raise SpecError(
            f"target: no column {study.target!r} in the files; valid: {listed(columns)}"
        )


def _check_files(study: Study) -> None:
    if study.files != VISIT and not FREQUENCY.fullmatch(study.files):
        raise SpecError(
            "files: `visit`, or a frequency of D, W, MS, QS, YS (days, weeks, starts of months, "
            f"quarters, years) with a number before it, like 7D; got {study.files!r}"
        )
    if study.drift:
        for step in parse_plan([drift.step for drift in study.drift]):
            step.injector()
    if study.pipeline and study.target is None:
        raise SpecError("pipeline: a pipeline needs a target; name a column of the files")
