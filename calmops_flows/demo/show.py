"""What the demo prints: plain text, at most 100 columns wide."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from calmops_flows.errors import NotFoundError
from calmops_flows.store import history
from calmops_flows.store.tables import predictions, snapshots

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from calmops_flows.demo.flights import Month
    from calmops_flows.records import Decision, DriftReport, Outcome
    from calmops_flows.spec import PipelineSpec
    from calmops_flows.store.store import Store

WIDTH = 100
METRIC = "balanced_accuracy"


@dataclass(frozen=True, slots=True)
class Seen:
    """One snapshot of a month with everything that the store says about it.

    ``served`` is the version that was the champion when the month arrived.
    """

    month: str
    late_share: float
    n_columns: int
    outcome: Outcome
    decision: Decision
    drift: DriftReport | None
    served: int | None
    seconds: float
    details: Mapping[str, float | None] = field(default_factory=dict)


def look_up(
    store: Store, spec: PipelineSpec, month: Month, outcome: Outcome, seconds: float
) -> Seen:
    """Read the decision and the drift report of an outcome back from the store."""
    query = select(snapshots.c.id).where(
        snapshots.c.pipeline == spec.name, snapshots.c.digest == outcome.digest
    )
    with store.database.read() as connection:
        snapshot_id = connection.execute(query).scalar_one()
        served = connection.execute(
            select(predictions.c.version).where(predictions.c.snapshot_id == snapshot_id)
        ).scalar()
    decision = history.decision(store.database, snapshot_id)
    if decision is None:
        raise NotFoundError(f"{outcome.snapshot!r} has an outcome but no decision record")
    return Seen(
        month=month.name,
        late_share=month.share,
        details=history.learning_details(store.database, snapshot_id),
        n_columns=month.rows.shape[1],
        outcome=outcome,
        decision=decision,
        drift=history.drift_report(store.database, snapshot_id),
        served=served,
        seconds=seconds,
    )


def month_text(seen: Seen) -> str:
    """Say what was seen in a month, what was decided, and why."""
    outcome = seen.outcome
    facts = f"{outcome.rows or 0:,} flights, {seen.late_share:.1%} late"
    lines = [
        f"{seen.month}  {facts:<70}{seen.seconds:14.1f} s",
        line("drift", drift_text(seen)),
        line("champion", _champion_text(seen)),
        *([line("challenger", _challenger_text(seen))] if seen.decision.comparison else []),
        line("decision", _decision_text(seen)),
        "",
    ]
    return "\n".join(lines)


def line(label: str, text: str) -> str:
    """Put a text behind its label, wrapped and indented."""
    return textwrap.fill(
        text, WIDTH, initial_indent=f"         {label:<12}", subsequent_indent=" " * 21
    )


def drift_text(seen: Seen) -> str:
    """Say what drifted, and how far."""
    drift = seen.drift
    if drift is None:
        return "nothing to compare with yet"
    if drift.is_drift is None:
        return "nothing could be tested"
    if not drift.is_drift:
        return "none"
    if not drift.drifted:
        return "in the joint distribution only; no single column drifted"
    largest = ", ".join(f"{name} {effect:.2f}" for name, effect in _effects(drift)[:3])
    return f"in {len(drift.drifted)} of {seen.n_columns} columns; largest effects: {largest}"


def _effects(drift: DriftReport) -> list[tuple[str, float]]:
    """Return the drifted columns with their largest effect, largest first."""
    effects: dict[str, float] = {}
    for column in drift.columns:
        if column.is_drift and column.effect_size is not None:
            effects[column.name] = max(effects.get(column.name, 0.0), column.effect_size)
    return sorted(effects.items(), key=lambda item: -item[1])


def _champion_text(seen: Seen) -> str:
    scores = seen.outcome.metrics["champion"]
    if scores is None:
        return "none yet"
    scored = score(scores.get(METRIC))
    return f"version {seen.served} scores {scored} on the whole month, before anyone learns from it"


def _challenger_text(seen: Seen) -> str:
    version, compared = seen.outcome.challenger, seen.decision.comparison
    if compared is None or compared.difference is None or compared.lower is None:
        return f"version {version}: {compared.reason if compared else 'not compared'}"
    scores = f"{score(compared.challenger)} against {score(compared.champion)}"
    bound = f"{compared.confidence:.0%} bound {compared.lower:+.3f}"
    return f"version {version}: {scores} on the last days, {compared.difference:+.3f} ({bound})"


def _decision_text(seen: Seen) -> str:
    """Say what was decided; drift has its own line, so only the last reason is repeated."""
    reason = seen.decision.reason.rpartition("; ")[2]
    if not seen.drift:
        reason = seen.decision.reason
    return f"{seen.decision.kind.upper()}, version {seen.outcome.champion} serves: {reason}"


def score(value: float | None) -> str:
    """Write a score."""
    return "n/a" if value is None else f"{value:.3f}"


def mean(scored: Iterable[Mapping[str, float | None] | None], metric: str = METRIC) -> float | None:
    """Return the mean of a metric over the scores that have it."""
    found = [scores.get(metric) for scores in scored if scores]
    values = [value for value in found if value is not None]
    return sum(values) / len(values) if values else None


def table(seen: list[Seen]) -> str:
    """Put the months below one another."""
    header = (
        f"{'month':<9}{'flights':>8}{'late':>8}{'drift':>14}{'served':>8}{'score':>8}"
        f"{'challenger':>12}{'gain':>8}{'at least':>10}   {'decision':<12}"
    ).rstrip()
    total = sum(month.seconds for month in seen)
    lines = [header, "-" * WIDTH, *(_row(month) for month in seen), "-" * WIDTH]
    notes = [
        "score: balanced accuracy on the whole month of the version that served; gain: challenger",
        "less champion on the month's last days; at least: its lower bound, which must be above 0.",
        f"{len(seen)} months in {total:.0f} seconds.",
        "",
    ]
    return "\n".join([*lines, *notes])


def _row(seen: Seen) -> str:
    champion = seen.outcome.metrics["champion"] or {}
    compared = seen.decision.comparison
    gain, lower = (compared.difference, compared.lower) if compared else (None, None)
    drift = "-" if seen.drift is None else f"{len(seen.drift.drifted)} columns"
    challenger = "-" if seen.outcome.challenger is None else f"v{seen.outcome.challenger}"
    return (
        f"{seen.month:<9}{seen.outcome.rows or 0:>8,}{seen.late_share:>8.1%}{drift:>14}"
        f"{'-' if seen.served is None else f'v{seen.served}':>8}"
        f"{score(champion.get(METRIC)) if champion else '-':>8}"
        f"{challenger:>12}{signed(gain):>8}{signed(lower):>10}   {seen.outcome.decision}"
    )


def signed(value: float | None) -> str:
    """Write a difference."""
    return "-" if value is None else f"{value:+.3f}"


def introduction(year: list[Month], facts: Sequence[tuple[str, str]], folder: Path) -> str:
    """Say what is watched, what is predicted, and who decides.

    ``facts`` are pairs of label and text; an empty label goes on with the one before.
    """
    n_rows = sum(len(month.rows) for month in year)
    files = "one monthly file" if len(year) == 1 else f"{len(year)} monthly files"
    lines = [
        "CalmOps demo: a pipeline watches real flights, month by month",
        "",
        f"  data    {n_rows:,} flights that left New York in 2013, {files}",
        *(f"  {label:<8}{text}" for label, text in facts),
        f"  home    {folder}",
        "",
    ]
    return "\n".join(lines)


def next_commands(folder: Path, name: str, snapshot: str) -> str:
    """Name the commands that show more of what the demo left in its home."""
    commands = [
        (f"calmops status {name}", "how the pipeline stands"),
        (f"calmops history {name}", "every decision"),
        (f"calmops explain {name} {snapshot}", "one decision in sentences"),
        (f"calmops show {name}", "spec, data contract, versions"),
        (f"calmops run {name}", "nothing is pending: it ends at once"),
        ("prefect server start", "then `calmops deploy` it"),
    ]
    lines = ["Try next:", "", *(f"  {line}" for line in _environment(folder))]
    lines += [f"  {command:<62}{meaning}" for command, meaning in commands]
    return "\n".join(lines)


def _environment(folder: Path) -> list[str]:
    """Commands that make the others work in the user's shell."""
    lines = []
    if shutil.which("calmops") is None and sys.prefix != sys.base_prefix:
        lines.append(f"source {Path(os.path.relpath(sys.prefix)) / 'bin' / 'activate'}")
    if os.environ.get("CALMOPS_HOME") != str(folder):
        lines.append(f"export CALMOPS_HOME={shlex.quote(str(folder.absolute()))}")
    return lines
