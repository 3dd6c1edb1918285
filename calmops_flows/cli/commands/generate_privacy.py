"""``calmops generate privacy``: a table with a plan of protection done to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calmops_flows.cli.options import Escape, Json

if TYPE_CHECKING:
    from calmops_flows.generators.privacy.report import PrivacyReport

REPORTS = (".json", ".md", ".html")


def privacy(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="YAML with steps, check, release.")],
    source: Annotated[Path, typer.Option("--in", metavar="FILE", help="Data in any known format.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="New file, .csv or .parquet.")],
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="New file, .json, .md or .html.")
    ] = None,
    escape: Escape = False,
    json: Json = False,
) -> None:
    """Protect a table: pseudonyms, coarser values, k-anonymity, figures with noise."""
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.cli.tables import table_of
    from calmops_flows.generators.privacy.protect import protect
    from calmops_flows.generators.write import check_new_pair, write_table, write_text

    check_new_pair(out, report, *REPORTS)
    done = protect(table_of(source), plan)
    if report is not None:
        write_text(_text(done.report, report.suffix), report)
    write_table(done.data, out, escape_formulas=escape)
    if json:
        emit_json({"file": str(out), "report": done.report.to_dict()})
        return
    _say_report(done.report)
    say(f"{done.report.rows_after} of {done.report.rows_before} rows are in {out}")


def _text(report: PrivacyReport, suffix: str) -> str:
    from json import dumps

    if suffix == ".json":
        return dumps(report.to_dict(), indent=2, allow_nan=False) + "\n"
    document = report.document()
    return document.to_markdown() if suffix == ".md" else document.to_html()


def _say_report(report: PrivacyReport) -> None:
    from calmops_flows.cli.output import say

    for number, step in enumerate(report.steps, start=1):
        say(f"step {number} ({step.kind}): it does not protect: {step.leaves}")
    if report.before is not None and report.after is not None:
        say(f"k-anonymity: {report.before.k} as it came, {report.after.k} now")
    for release in report.releases:
        shown = release.value if isinstance(release.value, dict) else f"{release.value:.6g}"
        say(f"{release.name}: {shown} (epsilon {release.epsilon:g})")
