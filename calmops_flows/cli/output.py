"""What goes to stdout (results) and to stderr (everything else), always inert."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import typer

from calmops_flows.logs import inert

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_CELL = 60
MAX_LAST_CELL = 400  # the last column is where reasons stand, and moves no other


def emit_json(value: Any) -> None:
    """Print a value as JSON: NaN as null, and only ASCII, which any terminal takes."""
    from calmops_flows.store.encoding import plain

    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=True, allow_nan=False))


def say(text: str = "") -> None:
    """Print one line of a result for people."""
    typer.echo(inert(text))


def tell(text: str) -> None:
    """Print one line about the work to stderr."""
    typer.echo(inert(text), err=True)


def say_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in aligned columns; numbers to the right.

    Rich would be prettier and costs a tenth of the second that ``list`` may take.
    """
    longest = [MAX_CELL] * (len(headers) - 1) + [MAX_LAST_CELL]
    columns = [
        _column(header, values, most)
        for header, values, most in zip(headers, zip(*rows, strict=True), longest, strict=True)
    ]
    for line in zip(*columns, strict=True):
        typer.echo("  ".join(line).rstrip())


def _column(header: str, values: Sequence[object], most: int) -> list[str]:
    cells = [header, *(_cell(value, most) for value in values)]
    width = max(map(len, cells))
    is_number = all(type(value) in {int, float, type(None)} for value in values)
    return [cell.rjust(width) if is_number else cell.ljust(width) for cell in cells]


def _cell(value: object, most: int) -> str:
    if value is None:
        return "-"
    text = inert(f"{value:.4g}" if isinstance(value, float) else str(value))
    return text if len(text) <= most else f"{text[: most - 3]}..."


def say_facts(facts: Sequence[tuple[str, object]]) -> None:
    """Print one ``name: value`` line per fact, with the values aligned."""
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        shown = "-" if value is None else f"{value:.4g}" if isinstance(value, float) else value
        say(f"{name.ljust(width)}  {shown}")


def is_debugging() -> bool:
    """Tell whether errors shall show their traceback."""
    return os.environ.get("CALMOPS_DEBUG", "") not in {"", "0"}
