"""The truth about a study, as tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from calmops_flows.generators.clinic.names import CALENDAR, DATE, GROUP, PATIENT, TIME, VISIT
from calmops_flows.generators.clinic.survival import NONE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.generators.clinic.simulate import Truth
    from calmops_flows.generators.clinic.study import Study


def patient_ids(n_patients: int) -> NDArray[Any]:
    """Return the names of patients, all of one length."""
    width = max(4, len(str(n_patients)))
    return np.array([f"P{number:0{width}}" for number in range(1, n_patients + 1)], dtype=object)


def attended(study: Study, truth: Truth) -> NDArray[np.bool_]:
    """Return which visits of the schedule take place before a patient's time ends."""
    ended = truth.follow_up.time.copy()
    if study.survival is not None and not study.survival.ends_visits:
        ended[truth.follow_up.event == 1] = np.inf
    # The first visit takes place even where the study ends on that day.
    plan = truth.plan
    return np.asarray((plan.time <= ended[plan.patient]) | (plan.visit == 1))


def tables(study: Study, truth: Truth, kept: NDArray[np.bool_]) -> dict[str, pd.DataFrame]:
    """Return patients, visits, features, effects, batches and changes of group.

    Parameters
    ----------
    study, truth : Study, Truth
        What was to happen, and what did.
    kept : ndarray of shape (n_rows,)
        Which visits of the schedule took place.

    Returns
    -------
    dict of str to DataFrame
        By the name of the table; tables without rows are left out.
    """
    ids = patient_ids(len(truth.plan.entry))
    changes = truth.course.changes
    found = {
        "patients": _patients(truth, ids, kept),
        "visits": _visits(study, truth, ids, kept),
        "features": _features(truth),
        "effects": _effects(truth),
        "batches": _batches(truth),
        "changes": changes.assign(patient=ids[changes[PATIENT].to_numpy(dtype=np.intp)]),
    }
    return {name: table for name, table in found.items() if len(table)}


def _patients(truth: Truth, ids: NDArray[Any], kept: NDArray[np.bool_]) -> pd.DataFrame:
    plan, ended = truth.plan, truth.follow_up
    values: dict[str, Any] = {PATIENT: ids, GROUP: truth.patients[GROUP], "entry": plan.entry}
    for number, members in truth.members.items():
        values[f"in_subgroup_of_effect_{number}"] = members.astype(int)
    for name, drawn in truth.random.items():
        values[f"{name}_intercept"], values[f"{name}_slope"] = drawn.intercept, drawn.slope
    values["event_time"] = np.where(np.isfinite(ended.event_time), ended.event_time, np.nan)
    values["end_time"] = np.where(ended.reason == NONE, np.nan, ended.time)
    values["end_reason"] = ended.reason
    values["n_visits"] = np.bincount(plan.patient[kept], minlength=len(ids))
    values["n_scheduled"] = np.bincount(plan.patient, minlength=len(ids))
    return pd.DataFrame(values)


def _visits(study: Study, truth: Truth, ids: NDArray[Any], kept: NDArray[np.bool_]) -> pd.DataFrame:
    plan, course = truth.plan, truth.course
    values: dict[str, Any] = {
        PATIENT: ids[plan.patient],
        VISIT: plan.visit,
        DATE: study.visits.dates(plan.calendar),
        TIME: plan.time,
        CALENDAR: plan.calendar,
        GROUP: course.group,
        "years_in_group": course.since,
    }
    for name, codes in truth.batches.items():
        values[name] = np.array(list(study.batches[name].shares), dtype=object)[codes]
    for acting in truth.acting:
        values[f"strength_of_effect_{acting.number}"] = acting.strength[:, 0]
    values |= {f"{name}_depth": layer.depths for name, layer in truth.molecules.items()}
    values |= {f"{name}_true": truth.columns[name] for name in truth.measured}
    return pd.DataFrame(values)[kept].reset_index(drop=True)


def _features(truth: Truth) -> pd.DataFrame:
    parts = [
        features.frame().assign(layer=name)[
            ["layer", "feature", "module", "mean", "sd", "dispersion"]
        ]
        for name, features in truth.features.items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _effects(truth: Truth) -> pd.DataFrame:
    lines = []
    for acting in truth.acting:
        disease, on = acting.disease, acting.disease.acts_on
        names = truth.features[on].names if on in truth.features else (on,)
        values = {
            "effect": acting.number,
            "kind": disease.effect.kind,
            "on": on,
            "groups": " ".join(disease.groups),
            "feature": [names[i] for i in acting.chosen.features],
            "sign": acting.chosen.signs.astype(int),
            "parameters": json.dumps(disease.effect.model_dump(mode="json"), sort_keys=True),
        }
        lines.append(pd.DataFrame(values))
    return pd.concat(lines, ignore_index=True) if lines else pd.DataFrame()


def _batches(truth: Truth) -> pd.DataFrame:
    lines = []
    for (name, on), drawn in truth.deviations.items():
        names = truth.features[on].names if on in truth.features else (on,)
        for code, batch in enumerate(drawn.batches):
            values = {
                "batches": name,
                "batch": batch,
                "on": on,
                "feature": names,
                "shift": drawn.shift[code],
                "scale": drawn.scale[code],
            }
            lines.append(pd.DataFrame(values))
    return pd.concat(lines, ignore_index=True) if lines else pd.DataFrame()
