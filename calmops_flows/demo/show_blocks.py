"""What the demo of kind ``block`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.demo.show import METRIC, WIDTH, drift_text, line, mean, score, signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from calmops_flows.demo.show import Seen


def month_text(seen: list[Seen]) -> str:
    """Say of each airport what was seen in a month, what was decided, and why."""
    month = seen[0]
    rows = sum(found.outcome.rows or 0 for found in seen)
    facts = f"{rows:,} flights, {month.late_share:.1%} late, {len(seen)} blocks"
    seconds = sum(found.seconds for found in seen)
    lines = [f"{month.month}  {facts:<70}{seconds:14.1f} s"]
    for found in seen:
        lines.append(line(_block(found), _moved(found)))
        lines.append(line("", _decided(found)))
    return "\n".join([*lines, ""])


def _block(seen: Seen) -> str:
    return seen.outcome.snapshot.rpartition("#")[2]


def _is_new(seen: Seen) -> bool:
    return f"block {_block(seen)!r} is new" in seen.decision.reason


def _moved(seen: Seen) -> str:
    """Say what drifted; a new airport has only the others to be compared with."""
    drift = seen.drift
    if _is_new(seen) and drift is not None and drift.drifted:
        return f"new here, and unlike the others {drift_text(seen)}"
    return f"drift {drift_text(seen)}"


def _decided(seen: Seen) -> str:
    champion = seen.outcome.metrics["champion"]
    scored = "no champion yet"
    if champion:
        who = "the others' model" if _is_new(seen) else "its model"
        scored = f"{who} scored {score(champion.get(METRIC))} before"
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
    lines += ["-" * WIDTH, _means(blocks, months.values())]
    total = sum(found.seconds for found in seen)
    notes = [
        "drift: columns that moved since the airport's own model learnt (in its first month: that",
        "differ from the other airports); score: balanced accuracy on the whole month of the model",
        "that served, before anything learnt from it.",
        f"{len(months)} months, {len(seen)} blocks in {total:.0f} seconds.",
        "",
    ]
    return "\n".join([*lines, "-" * WIDTH, *notes])


def _means(blocks: Sequence[str], months: Iterable[Mapping[str, Seen]]) -> str:
    """Return the last line: the mean score of each airport."""
    served = [found for month in months for found in month.values()]
    cells = []
    for block in blocks:
        own = [found.outcome.metrics["champion"] for found in served if _block(found) == block]
        cells.append(f"{'':>12}{score(mean(own)):>7}   {'':<8}")
    return f"{'mean':<10}{''.join(cells)}".rstrip()


def _cells(seen: Seen | None) -> str:
    if seen is None:
        return f"{'-':>12}{'-':>7}   {'-':<8}"
    champion = seen.outcome.metrics["champion"] or {}
    drift = "-" if seen.drift is None else str(len(seen.drift.drifted))
    scored = score(champion.get(METRIC)) if champion else "-"
    return f"{drift:>12}{scored:>7}   {seen.outcome.decision or '-':<8}"
