"""What the demo of kind ``block`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.demo.show import METRIC, WIDTH, drift_text, line, score, signed

if TYPE_CHECKING:
    from calmops_flows.demo.show import Seen


def month_text(seen: list[Seen]) -> str:
    """Say of each airport what was seen in a month, what was decided, and why."""
    month = seen[0]
    rows = sum(found.outcome.rows or 0 for found in seen)
    facts = f"{rows:,} flights, {month.late_share:.1%} late, {len(seen)} blocks"
    seconds = sum(found.seconds for found in seen)
    lines = [f"{month.month}  {facts:<70}{seconds:14.1f} s"]
    for found in seen:
        lines.append(line(_block(found), f"drift {drift_text(found)}"))
        lines.append(line("", _decided(found)))
    return "\n".join([*lines, ""])


def _block(seen: Seen) -> str:
    return seen.outcome.snapshot.rpartition("#")[2]


def _decided(seen: Seen) -> str:
    champion = seen.outcome.metrics["champion"]
    scored = f"scored {score(champion.get(METRIC))} before" if champion else "no champion yet"
    reason = seen.decision.reason.rpartition("; ")[2]
    compared = seen.decision.comparison
    gain = f", {signed(compared.difference)} on the last days" if compared else ""
    return f"{seen.decision.kind.upper()}: {scored}; {reason}{gain}"


def table(seen: list[Seen]) -> str:
    """Put the months below one another, the airports side by side."""
    blocks = sorted({_block(found) for found in seen})
    months: dict[str, dict[str, Seen]] = {}
    for found in seen:
        months.setdefault(found.month, {})[_block(found)] = found
    header = f"{'month':<10}" + "".join(
        f"{block + ' drift':>12}{'score':>7}   {'decision':<8}" for block in blocks
    )
    lines = [header.rstrip(), "-" * WIDTH]
    for month, by_block in months.items():
        cells = "".join(_cells(by_block.get(block)) for block in blocks)
        lines.append(f"{month:<10}{cells}".rstrip())
    total = sum(found.seconds for found in seen)
    notes = [
        "drift: columns that moved since the airport's own model learnt; score: balanced accuracy",
        "on the whole month of the model that served, before anything learnt from it.",
        f"{len(months)} months, {len(seen)} blocks in {total:.0f} seconds.",
        "",
    ]
    return "\n".join([*lines, "-" * WIDTH, *notes])


def _cells(seen: Seen | None) -> str:
    if seen is None:
        return f"{'-':>12}{'-':>7}   {'-':<8}"
    champion = seen.outcome.metrics["champion"] or {}
    drift = "-" if seen.drift is None else str(len(seen.drift.drifted))
    scored = score(champion.get(METRIC)) if champion else "-"
    return f"{drift:>12}{scored:>7}   {seen.outcome.decision or '-':<8}"
