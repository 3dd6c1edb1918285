"""Progress of a drain: a bar on a terminal, else one line per snapshot."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from calmops_flows.cli.output import tell
from calmops_flows.cli.words import drift_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calmops_flows.records import Outcome
    from calmops_flows.steps.runner import Progress


@contextmanager
def progress(pipeline: str) -> Iterator[Progress]:
    """Give the callback that a drain calls after each snapshot."""
    if not sys.stderr.isatty():
        yield _tell_line
        return
    with _bar(pipeline) as callback:
        yield callback


def _tell_line(done: int, total: int, outcome: Outcome | None) -> None:
    """Tell one decided snapshot; quarantine and delay were logged as they happened."""
    if outcome is not None and outcome.decision is not None:
        drift = drift_word(outcome.drift)
        tell(f"[{done}/{total}] {outcome.snapshot}: {outcome.decision}, drift {drift}")


@contextmanager
def _bar(pipeline: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(pipeline, total=None)

        def advance(done: int, total: int, _outcome: Outcome | None) -> None:
            bar.update(task, completed=done, total=total)

        yield advance
