"""``calmops generate``: streams, injected drift, scenarios, rows like real ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calmops_flows.cli.commands.generate_clinic import clinic
from calmops_flows.cli.commands.generate_feed import deploy, feed
from calmops_flows.cli.commands.generate_privacy import privacy
from calmops_flows.cli.commands.generate_report import report
from calmops_flows.cli.commands.generate_synthesize import synthesize
from calmops_flows.cli.options import Escape, Json
from calmops_flows.cli.tables import table_of

if TYPE_CHECKING:
    import pandas as pd

    from calmops_flows.spec.base import Part

Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="New file, .csv or .parquet.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same data.")]

generate = typer.Typer(
    help="Make data in which something known happens.", no_args_is_help=True, rich_markup_mode=None
)
generate.command(
    "clinic", epilog="Example: calmops generate clinic biomarker_trial --out trial --seed 1"
)(clinic)
generate.command(
    "privacy",
    epilog="Example: calmops generate privacy plan.yaml --in patients.csv --out protected.csv",
)(privacy)
generate.command(
    "report", epilog="Example: calmops generate report real.csv generated.csv --out report.html"
)(report)
generate.command("feed", epilog="Example: calmops generate feed sea-feed.yaml --times 3")(feed)
generate.command("deploy", epilog="Example: calmops generate deploy sea-feed.yaml --every 3600")(
    deploy
)


generate.command(
    "synthesize",
    epilog="Example: calmops generate synthesize june.csv --out june-like.csv --report june.html",
)(synthesize)


@generate.command("list", epilog="Example: calmops generate list")
def list_(*, json: Json = False) -> None:
    """List generators, injectors, studies, scenarios and methods of synthesis."""
    from calmops_flows.cli.output import emit_json, say, say_table
    from calmops_flows.generators.clinic import EFFECTS, LAYERS, ready_studies
    from calmops_flows.generators.injection import INJECTORS
    from calmops_flows.generators.privacy import WAYS
    from calmops_flows.generators.scenario import ready
    from calmops_flows.generators.synthesis import METHODS
    from calmops_flows.generators.synthetic import CONCEPTS

    kinds: dict[str, Mapping[str, type[Part]]] = {
        "synthetic": CONCEPTS,
        "inject": INJECTORS,
        "clinic layer": LAYERS,
        "clinic effect": EFFECTS,
        "privacy": WAYS,
        "synthesize": METHODS,
    }
    known = [
        (family, name, _about(kind), _parameters(kind))
        for family, members in kinds.items()
        for name, kind in members.items()
    ]
    known += [("clinic", name, study.about, []) for name, study in ready_studies().items()]
    known += [("scenario", name, scenario.about, []) for name, scenario in ready().items()]
    names = ("family", "name", "about", "parameters")
    if json:
        emit_json([dict(zip(names, row, strict=True)) for row in known])
        return
    say_table(names[:3], [row[:3] for row in known])
    say("Parameters of each: calmops generate list --json")


@generate.command(
    "synthetic",
    epilog="Example: calmops generate synthetic sea 10000 --out sea.csv --param variant=1",
)
def synthetic(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A generator; see list.")],
    rows: Annotated[int, typer.Argument(metavar="ROWS", help="How many rows.")],
    out: Out,
    param: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A parameter; may be repeated.")
    ] = None,
    drift: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML with one drift, or a list.")
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Draw a synthetic stream; the target is the last column."""
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.cli.values import params_of, yaml_of
    from calmops_flows.generators import generate as draw
    from calmops_flows.generators.write import write_table

    drifts = None if drift is None else yaml_of(drift)
    stream = draw(name, rows, random_state=seed, drift=drifts, **params_of(param or []))
    write_table(stream.frame(), out)
    if json:
        emit_json({"file": str(out), "change_points": stream.change_points} | stream.metadata)
        return
    say(f"{rows} rows of {name!r} are in {out}")
    if stream.change_points:
        say(f"changes at rows {', '.join(map(str, stream.change_points))}")


@generate.command(
    "inject", epilog="Example: calmops generate inject june.csv plan.yaml --out june-drifted.csv"
)
def inject(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Data in any known format.")],
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="YAML with the steps.")],
    out: Out,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write every changed cell.")
    ] = None,
    seed: Seed = 0,
    escape: Escape = False,
    json: Json = False,
) -> None:
    """Put drift into a file, and say exactly where."""
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.generators import inject as put
    from calmops_flows.generators.write import write_table

    done = put(table_of(file), plan, random_state=seed)
    write_table(done.data, out, escape_formulas=escape)
    if log is not None:
        write_table(done.log, log, escape_formulas=escape)
    cells = Counter(zip(done.log["step"].tolist(), done.log["kind"].tolist(), strict=True))
    told = [{"step": step, "kind": kind, "changes": n} for (step, kind), n in cells.items()]
    if json:
        emit_json({"file": str(out), "log": None if log is None else str(log), "steps": told})
        return
    for (step, kind), n in cells.items():
        say(f"step {step + 1} ({kind}): {n} changes")
    say(f"{len(done.data)} rows are in {out}")


@generate.command(
    "scenario", epilog="Example: calmops generate scenario seasonal_demand --out demand"
)
def scenario(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A scenario; see list.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="New folder.")],
    periods: Annotated[int | None, typer.Option(help="Fewer periods.")] = None,
    rows: Annotated[int | None, typer.Option(help="Rows of a period.")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Write the snapshots of a scenario, and the spec of a pipeline that consumes them."""
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.generators.scenario import generate_scenario

    spec = generate_scenario(
        name, out, random_state=seed, periods=periods, rows=rows, bases={"flights": _flights}
    )
    if json:
        emit_json({"folder": str(out), "spec": str(spec)})
        return
    say(f"the snapshots are in {out}. Next: calmops run {spec}")


def _flights() -> list[pd.DataFrame]:
    from calmops_flows.demo.flights import data_folder, read_months

    return [month.rows for month in read_months(data_folder())]


def _parameters(kind: type[Part]) -> list[str]:
    return [name for name in kind.model_fields if name != "kind"]


def _about(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n")[0]
