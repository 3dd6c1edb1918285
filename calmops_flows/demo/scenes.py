"""The demos: what each watches, and how it tells what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from calmops_flows.demo import show, show_blocks, show_rare
from calmops_flows.demo.flights import CANCELLED, TARGET

if TYPE_CHECKING:
    from collections.abc import Callable

    from calmops_flows.demo.show import Seen


@dataclass(frozen=True, slots=True)
class Scene:
    """One demo.

    ``file`` is its spec; ``facts`` say what is watched; ``month_text`` tells a month by its
    snapshots, ``table`` the year.
    """

    file: str
    target: str
    facts: tuple[tuple[str, str], ...]
    month_text: Callable[[list[Seen]], str]
    table: Callable[[list[Seen]], str]


_LATE = (
    ("target", "late: the flight arrives 15 or more minutes after its time"),
    ("inputs", "known before departure: schedule, route, carrier, weather of the hour before"),
)
SCENES = {
    "stream": Scene(
        file="flights.yaml",
        target=TARGET,
        facts=(
            *_LATE,
            ("model", "LogisticRegression, judged by balanced accuracy (0.5 is guessing)"),
            (
                "rule",
                "on drift a challenger is trained on the new month; it takes over only if it",
            ),
            ("", "is shown to be better on the month's last days, which neither model has learnt"),
        ),
        month_text=lambda seen: show.month_text(seen[0]),
        table=show.table,
    ),
    "block": Scene(
        file="flights-by-origin.yaml",
        target=TARGET,
        facts=(
            *_LATE,
            ("blocks", "one for each airport in each month, compared with the airport's own past"),
            ("model", "a LogisticRegression for each airport over one for all"),
            (
                "rule",
                "only an airport that is new or drifted is trained; its model takes over unless",
            ),
            ("", "it is shown to be worse on the month's last days, and the others keep theirs"),
        ),
        month_text=show_blocks.month_text,
        table=show_blocks.table,
    ),
    "ipip": Scene(
        file="cancellations.yaml",
        target=CANCELLED,
        facts=(
            ("target", "cancelled: the flight never left; one in forty"),
            (
                "inputs",
                "known before departure: schedule, route, carrier, weather of the hour before",
            ),
            ("model", "an ensemble of ensembles of forests, each grown on a balanced partition"),
            ("rule", "the model is scored on every month, then learns from it: new ensembles are"),
            ("", "grown, and of old and new the best are kept"),
        ),
        month_text=lambda seen: show_rare.month_text(seen[0]),
        table=show_rare.table,
    ),
}
