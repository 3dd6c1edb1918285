"""``generate_study``: a study drawn, and written as a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from calmops_flows.generators.clinic.files import Period, disturb, split, table
from calmops_flows.generators.clinic.load import parse_study
from calmops_flows.generators.clinic.names import GROUP, PATIENT
from calmops_flows.generators.clinic.seeds import seeds
from calmops_flows.generators.clinic.simulate import Truth, simulate
from calmops_flows.generators.clinic.study import BY_VISIT, Study
from calmops_flows.generators.clinic.truth import attended, patient_ids, tables
from calmops_flows.generators.write import new_folder, write_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPEC, ARRIVALS, TRUTH, PATIENTS, STUDY = (
    "pipeline.yaml",
    "arrivals",
    "truth",
    "patients",
    "study.yaml",
)


@dataclass(frozen=True, slots=True)
class Clinical:
    """A study that was drawn.

    Parameters
    ----------
    study : Study
        What was to happen.
    periods : tuple of Period
        One table per visit or period, as a clinic would hand it over.
    patients : DataFrame of shape (n_patients, n_columns)
        The cohort; with a survival, `survival_time` in years and `event`.
    truth : dict of str to DataFrame
        Patients, visits, features, effects, batches, changes of group, and cells that were
        changed or removed; only tables with rows.
    """

    study: Study
    periods: tuple[Period, ...]
    patients: pd.DataFrame
    truth: dict[str, pd.DataFrame]

    def frame(self) -> pd.DataFrame:
        """Return the rows of all periods in one table."""
        return pd.concat([period.rows for period in self.periods], ignore_index=True)


def generate_study(
    study: Study | Mapping[str, Any] | str | Path, *, random_state: int = 0
) -> Clinical:
    """Draw a clinical study.

    Parameters
    ----------
    study : Study, mapping, str or Path
        What is to happen; a path names a YAML file, another text a ready study.
    random_state : int, default=0
        Seed; the same seed gives the same study. Another layer, measure, outcome, or batch changes
        no value of the others.

    Returns
    -------
    Clinical
        Tables, and the truth about them.

    Raises
    ------
    SpecError
        If the study is not valid; the message says where, and lists what is.

    Examples
    --------
    >>> study = {
    ...     "name": "trial",
    ...     "cohort": {"patients": 200, "groups": {"control": 0.5, "case": 0.5}},
    ...     "visits": {"times": [0.0, 1.0]},
    ...     "measures": {"crp": {"formula": "5.0", "intercept_sd": 1.0}},
    ...     "effects": [
    ...         {"acts_on": "crp", "groups": ["case"], "effect": {"kind": "shift", "size": 2}}
    ...     ],
    ... }
    >>> made = generate_study(study, random_state=1)
    >>> [(period.file_name, len(period.rows)) for period in made.periods]
    [('visit-001.csv', 200), ('visit-002.csv', 200)]
    >>> made.frame().groupby("group")["crp"].mean().round(1).to_dict()
    {'case': 7.9, 'control': 5.1}
    """
    checked = parse_study(study)
    truth = simulate(checked, seeds(random_state))
    kept = attended(checked, truth)
    parts = disturb(
        checked,
        split(checked, table(checked, truth, kept)),
        {name: features.names for name, features in truth.features.items()},
        random_state,
    )
    periods = tuple(
        Period(number, file_name(checked, number), _shown(checked, rows))
        for number, rows in sorted(parts.rows.items())
    )
    known = tables(checked, truth, kept)
    cells = [log for log in parts.log if len(log)]
    if cells:
        known["cells"] = pd.concat(cells, ignore_index=True)
    return Clinical(checked, periods, _patients(checked, truth), known)


def file_name(study: Study, number: int) -> str:
    """Return the name of the file of a visit or period."""
    what = BY_VISIT if study.files == BY_VISIT else "period"
    return f"{what}-{number:03}.{study.format}"


def write_study(made: Clinical, folder: str | Path) -> Path:
    """Write a study: files that arrive, patients, the truth, and a pipeline if it has a target.

    The folder appears when it is whole.

    Parameters
    ----------
    made : Clinical
        A study that was drawn.
    folder : str or Path
        Does not exist yet.

    Returns
    -------
    Path
        The pipeline's spec, or the folder of the files if there is no target.

    Raises
    ------
    NameConflictError
        If the folder exists.
    """
    folder, study = Path(folder), made.study
    with new_folder(folder) as partial:
        for name in (ARRIVALS, TRUTH):
            (partial / name).mkdir()
        for period in made.periods:
            write_table(period.rows, partial / ARRIVALS / period.file_name)
        write_table(made.patients, partial / f"{PATIENTS}.csv")
        for name, rows in made.truth.items():
            write_table(rows, partial / TRUTH / f"{name}.csv")
        _yaml(partial / TRUTH / STUDY, study.model_dump(mode="json"), "")
        if study.target is not None:
            _yaml(partial / SPEC, spec_of(study), study.about)
    return folder / (ARRIVALS if study.target is None else SPEC)


def spec_of(study: Study) -> dict[str, Any]:
    """Return the spec of the pipeline that consumes the files, as plain values."""
    what = BY_VISIT if study.files == BY_VISIT else "period"
    source = {"path": ARRIVALS, "pattern": f"{what}-*.{study.format}", "settle_seconds": 0}
    named = {"name": study.name.replace("_", "-"), "target": study.target, "source": source}
    return named | study.pipeline


def _yaml(file: Path, values: dict[str, Any], about: str) -> None:
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    head = "".join(f"# {line}\n" for line in about.splitlines())
    file.write_text(head + text, encoding="utf-8")


def _shown(study: Study, rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop(columns=[name for name in study.hidden if name in rows.columns])


def _patients(study: Study, truth: Truth) -> pd.DataFrame:
    values: dict[str, NDArray[Any]] = {PATIENT: patient_ids(len(truth.plan.entry))}
    values |= {name: truth.patients[name] for name in (GROUP, *study.cohort.columns)}
    if study.survival is not None:
        values |= {"survival_time": truth.follow_up.time, "event": truth.follow_up.event}
    return _shown(study, pd.DataFrame(values))
