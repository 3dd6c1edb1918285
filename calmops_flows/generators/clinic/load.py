"""Studies from plain values, from YAML files, and those that come with the package."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from calmops_flows.errors import SpecError
from calmops_flows.generators.clinic.study import Study
from calmops_flows.generators.values import declared


def ready_studies() -> dict[str, Study]:
    """Return the studies that come with the package, by name."""
    folder = resources.files("calmops_flows.generators.clinic") / "ready"
    found = [
        parse_study(yaml.safe_load(file.read_text(encoding="utf-8")))
        for file in folder.iterdir()
        if file.name.endswith(".yaml")
    ]
    return {study.name: study for study in sorted(found, key=lambda one: one.name)}


def parse_study(study: Study | Mapping[str, Any] | str | Path) -> Study:
    """Read a study from plain values, or from a YAML file.

    Parameters
    ----------
    study : Study, mapping, str or Path
        A study, its values, the path of a YAML file, or the name of a ready study.

    Returns
    -------
    Study
        Checked.

    Raises
    ------
    SpecError
        If the file cannot be read, or a part is not valid.
    """
    if not isinstance(study, str | Path):
        return declared(Study, study, where="study")
    if not Path(study).exists() and Path(study).suffix == "":
        return _ready(str(study))
    try:
        values = yaml.safe_load(Path(study).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as err:
        raise SpecError(f"cannot read the study {str(study)!r}: {err}") from err
    return declared(Study, values, where=f"study {str(study)!r}")


def _ready(name: str) -> Study:
    known = ready_studies()
    if name not in known:
        raise SpecError(
            f"there is no file and no ready study {name!r}; ready: {', '.join(known)}; a file is "
            "named with its suffix, like trial.yaml"
        )
    return known[name]


def with_patients(study: Study, patients: int) -> Study:
    """Return a study with another number of patients.

    Raises
    ------
    SpecError
        If it is not positive.
    """
    values = study.model_dump(mode="json")
    values["cohort"]["patients"] = patients
    return parse_study(values)
