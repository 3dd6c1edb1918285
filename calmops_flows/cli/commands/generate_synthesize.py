"""``calmops generate synthesize``: rows like those of a file, and how good they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calmops_flows.cli.options import Escape, Json

if TYPE_CHECKING:
    from calmops_flows.generators.quality import Quality

REPORTS = (".json", ".html")


def synthesize(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Data in any known format.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="New file, .csv or .parquet.")],
    *,
    rows: Annotated[int | None, typer.Option(help="New rows; default: as many as learnt.")] = None,
    method: Annotated[str, typer.Option(help="A method; see list.")] = "cart",
    param: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A parameter; may be repeated.")
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="YAML: conditions, balance, bounds, block, time …"),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="New file with measures, .json or .html.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="What a model in the report predicts.")] = None,
    sensitive: Annotated[
        str | None, typer.Option(help="What an intruder in the report looks for.")
    ] = None,
    holdout: Annotated[
        float | None,
        typer.Option(help="Share of rows not learnt; default: 0.2 with --report, else 0."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same data.")] = 0,
    escape: Escape = False,
    json: Json = False,
) -> None:
    """Draw rows like those of a file."""
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.cli.tables import table_of
    from calmops_flows.cli.values import params_of, yaml_of
    from calmops_flows.generators import synthesize as draw
    from calmops_flows.generators.write import check_new_pair, write_table, write_text

    check_new_pair(out, report, *REPORTS)
    unseen = holdout if holdout is not None else 0.2 if report is not None else 0.0
    real = table_of(file)
    wished = rows if rows is not None else len(real) - round(unseen * len(real))
    new = draw(
        real,
        wished,
        method=method,
        random_state=seed,
        holdout=unseen,
        plan=None if plan is None else yaml_of(plan),
        **params_of(param or []),
    )
    measured = None
    if report is not None:
        measured = new.report(target=target, sensitive=sensitive)
        write_text(_text(measured, report.suffix), report)
    write_table(new.data, out, escape_formulas=escape)
    if json:
        where = None if report is None else str(report)
        quality = None if measured is None else measured.in_short()
        emit_json({"file": str(out), "report": where, **new.metadata, "quality": quality})
        return
    say(f"{wished} rows like those of {file} are in {out}")
    if measured is not None:
        told = {name: value for name, value in measured.in_short().items() if value is not None}
        say("; ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in told.items()))
        say(f"the report is in {report}")
    for note in new.metadata["notes"]:
        say(f"note: {note}")


def _text(quality: Quality, suffix: str) -> str:
    if suffix == ".html":
        return quality.to_html()
    from json import dumps

    from calmops_flows.store.encoding import plain

    return dumps(plain(quality.to_dict()), indent=2, allow_nan=False) + "\n"
