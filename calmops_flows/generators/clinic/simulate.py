"""Everything that is true in a study, visit by visit, before anything goes missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.generators.clinic.checks import features_of
from calmops_flows.generators.clinic.disease import (
    Acting,
    Chosen,
    Disease,
    standardised,
    strength_of,
)
from calmops_flows.generators.clinic.molecules import Molecules, Samples, draw_layer
from calmops_flows.generators.clinic.names import CALENDAR, GROUP, TIME, VISIT
from calmops_flows.generators.clinic.survival import END, EVENT, FollowUp, first_of
from calmops_flows.generators.clinic.visits import Course, Plan, follow
from calmops_flows.generators.formula import names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.generators.clinic.batches import Deviations
    from calmops_flows.generators.clinic.layers import Features
    from calmops_flows.generators.clinic.measures import Measured
    from calmops_flows.generators.clinic.seeds import Seeds
    from calmops_flows.generators.clinic.study import Study

Columns = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Truth:
    """What happened in a study, before missing values and injected drift.

    Parameters
    ----------
    plan, course : Plan, Course
        Visits of the schedule, and groups at each.
    patients : dict of str to ndarray of shape (n_patients,)
        The cohort.
    columns : dict of str to ndarray of shape (n_rows,)
        Everything that formulas can name, true.
    measured : dict of str to ndarray of shape (n_rows,)
        Measures as the batches measure them.
    random : dict of str to Measured
        Random effects of the measures.
    molecules : dict of str to Molecules
        Layers as measured.
    features : dict of str to Features
        Drawn parameters of the layers.
    acting : tuple of Acting
        Effects, with the features and strengths that were drawn.
    members : dict of int to ndarray of shape (n_patients,)
        Number of an effect on a subgroup: its patients.
    batches : dict of str to ndarray of shape (n_rows,)
        Number of each row's batch.
    deviations : dict of (str, str) to Deviations
        Name of the batches and of a layer or measure: what they do.
    follow_up : FollowUp
        How each patient's time ends.
    """

    plan: Plan
    course: Course
    patients: Columns
    columns: Columns
    measured: dict[str, NDArray[np.float64]]
    random: dict[str, Measured]
    molecules: dict[str, Molecules]
    features: dict[str, Features]
    acting: tuple[Acting, ...]
    members: dict[int, NDArray[np.bool_]]
    batches: dict[str, NDArray[np.intp]]
    deviations: dict[tuple[str, str], Deviations]
    follow_up: FollowUp


def simulate(study: Study, rng: Seeds) -> Truth:
    """Draw a study.

    Parameters
    ----------
    study : Study
        Checked.
    rng : callable
        The generator of random numbers of each part by name.

    Returns
    -------
    Truth
        Everything that happens.

    Raises
    ------
    SpecError
        If a formula or effect does not fit the values that it meets.
    """
    patients = study.cohort.draw(rng)
    plan = study.visits.plan(study.cohort.patients, rng)
    course = follow(plan, patients[GROUP], study.transitions, rng("transitions"))
    columns: Columns = {name: values[plan.patient] for name, values in patients.items()}
    columns |= {GROUP: course.group, VISIT: plan.visit, TIME: plan.time, CALENDAR: plan.calendar}
    truth = Truth(
        plan,
        course,
        patients,
        columns,
        {},
        {},
        {},
        {},
        (),
        {},
        {},
        {},
        first_of({}, len(plan.entry)),
    )
    return _Simulation(study, truth, rng).run()


class _Simulation:
    """The steps in their order; each adds to the truth."""

    def __init__(self, study: Study, truth: Truth, rng: Seeds) -> None:
        self.study, self.truth, self.rng = study, truth, rng
        self.acting: list[Acting] = []

    def run(self) -> Truth:
        study, truth = self.study, self.truth
        # Rules may name measures, so measures come first, and their batches after.
        for name in study.measures:
            self._measure(name)
        for name, batch in study.batches.items():
            truth.batches[name] = batch.assign(truth.columns, truth.plan.patient, self.rng, name)
        for name in study.measures:
            self._read(name)
        for name in study.layers:
            self._layer(name)
        for name, outcome in study.outcomes.items():
            values = outcome.draw(truth.columns, self.rng("outcome", name))
            if outcome.per == "patient":
                values = values[truth.plan.first][truth.plan.patient]
            truth.columns[name] = values
        return self._ended()

    def _acting(self, on: str, chosen_of: Any) -> list[Acting]:
        """Draw the effects on a layer or measure."""
        found = []
        for number, disease in enumerate(self.study.effects, start=1):
            if disease.acts_on == on:
                found.append(self._act(number, disease, chosen_of(disease, number)))
        self.acting += found
        return found

    def _act(self, number: int, disease: Disease, chosen: Chosen) -> Acting:
        truth, effect = self.truth, disease.effect
        members = effect.members(truth.patients, self.rng("subgroup", str(number)))
        if members is not None:
            truth.members[number] = members
            members = members[truth.plan.patient]
        strength = strength_of(disease, truth.course.group, truth.course.since, members)
        by = effect.driver
        driver = None if by is None else standardised(truth.columns, by)
        return Acting(number, disease, chosen, strength, driver)

    def _measure(self, name: str) -> None:
        truth, measure = self.truth, self.study.measures[name]
        n = len(truth.plan.entry)
        drawn = measure.draw(truth.columns, truth.plan.patient, n, self.rng("measure", name))
        truth.random[name] = drawn
        mean, sd = _moments(drawn.values)
        only = Chosen(np.zeros(1, dtype=np.intp), np.ones(1))
        values = drawn.values[:, None].copy()
        for acting in self._acting(name, lambda disease, _: _turned(only, disease)):
            values = acting.apply(values, 0, mean, sd, is_log2=False)
        truth.columns[name] = values[:, 0]

    def _read(self, name: str) -> None:
        truth = self.truth
        mean, sd = _moments(truth.random[name].values)
        values = truth.columns[name][:, None].copy()
        for deviations, codes in self._deviations(name, 1):
            values = deviations.apply(values, 0, codes, mean, sd)
        truth.measured[name] = values[:, 0]

    def _layer(self, name: str) -> None:
        truth, layer, study = self.truth, self.study.layers[name], self.study
        features = layer.features(name, self.rng("layer", name, "features"))
        truth.features[name] = features
        acting = self._acting(
            name,
            lambda disease, number: disease.choose(
                features.names, features.module, self.rng("effect", str(number))
            ),
        )
        made = draw_layer(
            name,
            layer,
            features,
            Samples(truth.plan.patient, len(truth.plan.entry)),
            acting,
            self._deviations(name, layer.n_features),
            named_features(study),
            self.rng,
        )
        truth.molecules[name] = made
        truth.columns.update(made.levels)

    def _deviations(self, on: str, n: int) -> list[tuple[Deviations, NDArray[np.intp]]]:
        found = []
        for name, batch in self.study.batches.items():
            deviations = batch.deviations(name, on, n, self.rng)
            if deviations is not None:
                self.truth.deviations[name, on] = deviations
                found.append((deviations, self.truth.batches[name]))
        return found

    def _ended(self) -> Truth:
        study, truth = self.study, self.truth
        first = {name: values[truth.plan.first] for name, values in truth.columns.items()}
        times = {}
        if study.survival is not None:
            times[EVENT] = study.survival.times(first, self.rng("survival"))
        for name, loss in study.dropout.items():
            times[name] = loss.times(first, self.rng("dropout", name))
        if study.end is not None:
            times[END] = np.maximum(study.end - truth.plan.entry, 0.0)
        ended = first_of(times, len(truth.plan.entry))
        acting = tuple(sorted(self.acting, key=lambda one: one.number))
        return replace(truth, acting=acting, follow_up=ended)


def named_features(study: Study) -> frozenset[str]:
    """Return the features of layers that formulas of the study name."""
    texts = [outcome.formula for outcome in study.outcomes.values()]
    texts += [loss.log_hazard for loss in study.dropout.values()]
    if study.survival is not None:
        texts.append(study.survival.log_hazard)
    said = frozenset().union(*(names(text) for text in texts))
    return said & frozenset(features_of(study)) if said else said


def _turned(only: Chosen, disease: Disease) -> Chosen:
    return Chosen(only.features, -only.signs) if disease.direction == "down" else only


def _moments(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.array([values.mean()]), np.array([values.std()])
