"""Patients of a clinical study as the rows of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from calmops_flows.errors import SpecError
from calmops_flows.generators.clinic import Study, generate_study, parse_study
from calmops_flows.generators.clinic.names import PATIENT, VISIT

if TYPE_CHECKING:
    import pandas as pd

FILLED_IN = ("name", "visits", "files", "drift", "pipeline")


def study_of(values: Mapping[str, Any], *, name: str, patients: int) -> Study:
    """Read the study of a scenario: every patient is seen once.

    Parameters
    ----------
    values : mapping
        Parts of a study; the number of patients and what concerns time are the scenario's.
    name : str
        Of the scenario.
    patients : int
        Rows over all periods.

    Returns
    -------
    Study
        Checked.

    Raises
    ------
    SpecError
        If a part is not valid, or is the scenario's, or there is no target.
    """
    own = [key for key in FILLED_IN if key in values]
    if own:
        raise SpecError(f"study: {own[0]} belongs to the scenario; leave it out")
    cohort = values.get("cohort")
    if not isinstance(cohort, Mapping) or "patients" in cohort:
        raise SpecError("study: give a cohort without patients; rows and periods say how many")
    study = parse_study({**values, "name": name, "cohort": {**cohort, "patients": patients}})
    if study.target is None:
        raise SpecError("study: name the target of the scenario")
    return study


def draw_patients(study: Study, *, random_state: int) -> pd.DataFrame:
    """Return one row per patient: a date to be set first, then what was measured."""
    rows = generate_study(study, random_state=random_state).frame()
    return rows.sort_values(PATIENT, ignore_index=True).drop(columns=[PATIENT, VISIT])
