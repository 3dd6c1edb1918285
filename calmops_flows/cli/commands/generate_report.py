"""``calmops generate report``: generated data beside real data, as a page or as JSON."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from calmops_flows.cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from calmops_flows.reports.document import Document

REPORTS = (".html", ".json", ".md")


def report(
    real: Annotated[Path, typer.Argument(metavar="REAL", help="The real data, or the reference.")],
    generated: Annotated[
        Path, typer.Argument(metavar="GENERATED", help="A file; or a folder of snapshots.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="New .html, .json or .md.")],
    truth: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With a folder: truth.csv of its scenario."),
    ] = None,
    block: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="With a file: judge its blocks by this column."),
    ] = None,
    json: Json = False,
) -> None:
    """Compare generated data with real data, or judge a folder of snapshots, or blocks."""
    from json import dumps

    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.generators.write import check_new, write_text
    from calmops_flows.store.encoding import plain as jsonable

    check_new(out, *REPORTS)
    if block is not None:
        values, page, said = _blocks(real, generated, truth, block)
    else:
        make = _snapshots if generated.is_dir() else _comparison
        values, page, said = make(real, generated, truth)
    if out.suffix == ".json":
        write_text(dumps(jsonable(values), indent=1, allow_nan=False) + "\n", out)
    else:
        write_text(page.to_html() if out.suffix == ".html" else page.to_markdown(), out)
    if json:
        emit_json({"file": str(out), **values})
        return
    say(said)
    say(f"the report is in {out}")


def _comparison(
    real: Path, generated: Path, truth: Path | None
) -> tuple[dict[str, Any], Document, str]:
    from calmops_flows.cli.tables import table_of
    from calmops_flows.errors import SpecError
    from calmops_flows.reports.comparison import compare, plain
    from calmops_flows.reports.comparison_page import comparison_document

    if truth is not None:
        raise SpecError("--truth belongs to a folder of snapshots")
    found = compare(table_of(real), table_of(generated))
    different = sum(one.is_different is True for one in found.columns)
    said = f"{different} of {len(found.columns)} columns differ; the verdict is: {found.verdict}"
    return plain(found), comparison_document(found), said


def _blocks(
    real: Path, generated: Path, truth: Path | None, block: str
) -> tuple[dict[str, Any], Document, str]:
    from calmops_flows.cli.tables import table_of
    from calmops_flows.errors import SpecError
    from calmops_flows.reports.snapshots import blocks_of

    if truth is not None or generated.is_dir():
        raise SpecError("--block belongs to a file without --truth")
    blocks = blocks_of(table_of(generated), block)
    return _judged(table_of(real).drop(columns=block, errors="ignore"), real.name, blocks, None)


def _snapshots(
    real: Path, generated: Path, truth: Path | None
) -> tuple[dict[str, Any], Document, str]:
    from calmops_flows.cli.tables import table_of
    from calmops_flows.reports.snapshots import truth_of

    files = [
        file
        for file in sorted(generated.iterdir())
        if file.is_file() and not file.name.startswith(".") and file.resolve() != real.resolve()
    ]
    known = None
    if truth is not None:
        # truth.csv counts periods; the files are named for them.
        numbers = {_number(file.name, place): file.name for place, file in enumerate(files, 1)}
        known = truth_of(table_of(truth), numbers)
    tables = ((file.name, table_of(file)) for file in files)
    return _judged(table_of(real), real.name, tables, known)


def _judged(
    reference: pd.DataFrame,
    name: str,
    tables: Iterable[tuple[str, pd.DataFrame]],
    truth: Mapping[str, Mapping[str, int]] | None,
) -> tuple[dict[str, Any], Document, str]:
    from calmops_flows.reports.comparison_page import snapshots_document
    from calmops_flows.reports.snapshots import judge, plain_snapshots

    judged = judge(reference, tables, truth)
    values = {"reference": name, "snapshots": plain_snapshots(judged)}
    drifts = sum(one.verdict.is_drift is True for one in judged)
    said = f"{drifts} of {len(judged)} snapshots drift from {name}"
    return values, snapshots_document(judged, name), said


def _number(name: str, place: int) -> int:
    found = re.search(r"(\d+)\.[^.]*$", name)
    return int(found[1]) if found else place
