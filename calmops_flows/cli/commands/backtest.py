"""``calmops backtest``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calmops_flows.cli.options import Json, Name

if TYPE_CHECKING:
    from calmops_flows.read.backtests import Backtest

HEADERS = ("policy", "score", "fits", "refits", "promoted", "CPU seconds", "front")


def backtest(
    name: Name,
    policies: Annotated[
        str,
        typer.Option(
            help="Comma-separated: current, never, always, every:N, drift, data, performance, a "
            "mode, key=value, or several joined by '+'. Default: the usual ones and each mode."
        ),
    ] = "",
    metric: Annotated[
        str | None, typer.Option(help="What is compared; default: the promotion metric.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes at a time; default: one per processor.")
    ] = None,
    retained: Annotated[
        bool, typer.Option("--retained", help="Replay the copies in the store, not the files.")
    ] = False,
    hours: Annotated[
        float, typer.Option(min=0.0, help="Hours between two snapshots, as the breaker sees it.")
    ] = 24.0,
    chart: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a chart as one page of HTML.")
    ] = None,
    json: Json = False,
) -> None:
    """Replay the past under several policies, beside the live pipeline, and compare them."""
    from datetime import UTC, datetime, timedelta

    from calmops_flows.backtest import Options, keep
    from calmops_flows.backtest import backtest as replay
    from calmops_flows.cli.output import emit_json, say, tell
    from calmops_flows.errors import SpecError
    from calmops_flows.store.store import open_store

    def advance(policy: str, done: int, total: int) -> None:
        tell(f"[{policy}] {done}/{total} snapshots")

    if chart is not None and not chart.parent.is_dir():
        raise SpecError(f"there is no folder {str(chart.parent)!r} for --chart")
    named = tuple(part.strip() for part in policies.split(",") if part.strip())
    options = Options(named, metric, jobs, retained, timedelta(hours=hours))
    with open_store(create=False) as store:
        found = replay(store, name, options, on_progress=advance)
        digest = keep(store, found, now=datetime.now(UTC))
    if chart is not None:
        _draw(found, chart)
    if json:
        emit_json({**found.to_dict(), "artifact": digest})
        return
    _say(found)
    if chart is not None:
        say(f"Wrote {chart}.")


def _draw(found: Backtest, file: Path) -> None:
    from calmops_flows.charts import backtest_figure
    from calmops_flows.errors import MissingExtraError

    try:
        figure = backtest_figure(found)
    except ModuleNotFoundError as err:
        raise MissingExtraError(
            f"--chart needs plotly ({err}); pip install 'calmops-flows[dashboard]'"
        ) from err
    figure.write_html(file, include_plotlyjs=True)


def _say(found: Backtest) -> None:
    from calmops_flows.cli.output import say, say_table

    better = "lower" if found.is_loss else "higher"
    say(
        f"{found.metric} on {found.rows} rows of {found.snapshots} snapshots, each scored before "
        f"anyone learnt from it ({better} is better):"
    )
    rows: list[tuple[object, ...]] = [
        (r.policy, r.score, r.fits, r.refits, r.promotions, r.cpu_seconds, "*" * r.on_front)
        for r in found.results
    ]
    baseline = ("no change (label of the row before)", found.no_change, 0, 0, 0, None, "")
    say_table(HEADERS, [*rows, baseline])
    say("* no other policy is as good in score, fits and CPU seconds, and better in one.")
    for result in found.results:
        if result.failure is not None:
            say(f"{result.policy} failed: {result.failure}")
        elif result.quarantined or result.deferred:
            say(f"{result.policy}: {result.quarantined} quarantined, {result.deferred} deferred")
    for note in found.notes[:10]:
        say(f"Note: {note}.")
    if len(found.notes) > 10:
        say(f"... and {len(found.notes) - 10} more notes; see --json.")
