"""What the demo of kind ``ipip`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.demo.show import METRIC, WIDTH, line, mean, score

if TYPE_CHECKING:
    from calmops_flows.demo.show import Seen


def month_text(seen: Seen) -> str:
    """Say how the model did on a month, and what it kept of what it learnt from it."""
    facts = f"{seen.outcome.rows or 0:,} flights, {seen.late_share:.2%} cancelled"
    champion = seen.outcome.metrics["champion"]
    scored = "none yet"
    if champion is not None:
        scored = (
            f"version {seen.served} scores {score(champion.get(METRIC))} before it learns: "
            f"it finds {_percent(champion.get('recall'))} of the cancelled flights"
        )
    found = seen.details
    kept = (
        f"{found.get('models') or 0:.0f} forests in {found.get('partitions') or 0:.0f} ensembles "
        f"of {found.get('smallest_ensemble') or 0:.0f} to "
        f"{found.get('largest_ensemble') or 0:.0f}; "
        f"{found.get('new_ensembles') or 0:.0f} ensembles are new; "
        f"{score(found.get('validation_score'))} on what was set aside"
    )
    lines = [
        f"{seen.month}  {facts:<70}{seen.seconds:14.1f} s",
        line("test", scored),
        line("then learn", kept if found else "nothing"),
        line("decision", f"{seen.decision.kind.upper()}, version {seen.outcome.champion} serves"),
        "",
    ]
    return "\n".join(lines)


def table(seen: list[Seen]) -> str:
    """Put the months below one another."""
    header = (
        f"{'month':<9}{'flights':>9}{'cancelled':>11}{'served':>8}{'score':>8}{'found':>8}"
        f"{'ensembles':>11}{'new':>5}{'forests':>9}{'sizes':>8}{'set aside':>11}"
    )
    total = sum(month.seconds for month in seen)
    notes = [
        "score: balanced accuracy on the whole month of the version that served, before it learnt;",
        "found: share of the cancelled flights that it saw coming; new: ensembles of this month",
        "among the kept; set aside: balanced accuracy on rows that chose between old and new.",
        f"{len(seen)} months in {total:.0f} seconds.",
        "",
    ]
    scored = [month.outcome.metrics["champion"] for month in seen]
    found = f"{score(mean(scored)):>8}{_percent(mean(scored, 'recall')):>8}"
    means = f"{'mean':<9}{'':>9}{'':>11}{'':>8}{found}"
    rows = [*map(_row, seen), "-" * WIDTH, means]
    return "\n".join([header, "-" * WIDTH, *rows, *notes])


def _row(seen: Seen) -> str:
    champion, found = seen.outcome.metrics["champion"] or {}, seen.details
    sizes = f"{found.get('smallest_ensemble') or 0:.0f}-{found.get('largest_ensemble') or 0:.0f}"
    return (
        f"{seen.month:<9}{seen.outcome.rows or 0:>9,}{seen.late_share:>11.2%}"
        f"{'-' if seen.served is None else f'v{seen.served}':>8}"
        f"{score(champion.get(METRIC)) if champion else '-':>8}"
        f"{_percent(champion.get('recall')) if champion else '-':>8}"
        f"{found.get('partitions') or 0:>11.0f}{found.get('new_ensembles') or 0:>5.0f}"
        f"{found.get('models') or 0:>9.0f}{sizes:>8}{score(found.get('validation_score')):>11}"
    )


def _percent(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.0%}"
