"""``calmops drift``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calmops_flows.cli.options import Json

if TYPE_CHECKING:
    from calmops_flows.records import DriftReport

HEADERS = ("column", "kind", "detector", "statistic", "adjusted p", "effect", "drift", "reason")


def drift(
    reference: Annotated[Path, typer.Argument(metavar="REF", help="File of the reference.")],
    current: Annotated[Path, typer.Argument(metavar="CUR", help="File to compare with it.")],
    alpha: Annotated[float, typer.Option(help="Chance of any false alarm.")] = 0.05,
    json: Json = False,
) -> None:
    """Compare two data files, column by column and jointly."""
    from calmops_flows.api import detect_drift
    from calmops_flows.cli.output import emit_json
    from calmops_flows.detectors.policy import DriftPolicy
    from calmops_flows.errors import SpecError

    for file in (reference, current):
        if not file.is_file():
            raise SpecError(f"there is no file {str(file)!r}")
    report = detect_drift(reference, current, DriftPolicy(alpha=alpha))
    if json:
        emit_json(report.to_dict())
    else:
        _say(report)


def _say(report: DriftReport) -> None:
    from calmops_flows.cli.output import say, say_table

    words = {True: "yes", False: "no", None: "untestable"}
    say_table(
        HEADERS,
        [
            (
                "all columns together" if t.name == "*" else t.name,
                t.kind,
                t.detector,
                t.statistic,
                t.adjusted_p_value,
                t.effect_size,
                words[t.is_drift],
                t.reason,
            )
            for t in report.tests
        ],
    )
    say()
    for note in report.notes:
        say(f"Note: {note}.")
    if report.is_drift is None:
        say("Nothing could be tested.")
    elif report.is_drift:
        say(f"Drift in {', '.join(report.drifted) or 'the joint distribution'}.")
    else:
        say("No drift.")
