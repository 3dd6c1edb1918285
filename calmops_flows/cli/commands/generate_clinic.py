"""``calmops generate clinic``: a clinical study as files, with the truth beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from calmops_flows.cli.options import Json


def clinic(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="YAML file, or a study; see list.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="New folder.")],
    patients: Annotated[int | None, typer.Option(help="Another number of patients.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same data.")] = 0,
    json: Json = False,
) -> None:
    """Write a clinical study: one file per visit or period, the patients, and the truth."""
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.errors import NameConflictError
    from calmops_flows.generators.clinic import generate_study, parse_study, write_study
    from calmops_flows.generators.clinic.load import with_patients

    if out.exists():
        raise NameConflictError(f"{str(out)!r} exists; choose another name")
    wanted = parse_study(study)
    if patients is not None:
        wanted = with_patients(wanted, patients)
    made = generate_study(wanted, random_state=seed)
    written = write_study(made, out)
    has_spec = wanted.target is not None
    if json:
        emit_json(
            {
                "folder": str(out),
                "spec": str(written) if has_spec else None,
                "patients": len(made.patients),
                "files": [
                    {"file": period.file_name, "rows": len(period.rows)} for period in made.periods
                ],
                "truth": sorted(made.truth),
            }
        )
        return
    for period in made.periods:
        say(f"{period.file_name}: {len(period.rows)} rows")
    next_step = f" Next: calmops run {written}" if has_spec else ""
    say(f"{len(made.patients)} patients are in {out}.{next_step}")
