"""What decision records of a window say: comparisons, concept drift, durations, warnings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from calmops_flows.errors import StoreError
from calmops_flows.read.names import require_pipeline
from calmops_flows.read.overview import label
from calmops_flows.read.stored import parsed
from calmops_flows.read.window import Window, chosen
from calmops_flows.store.tables import decisions, snapshots

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from calmops_flows.store.store import Store

CONCEPT_RULE = "no concept drift"
MOST_RECORDS = 300


@dataclass(frozen=True, slots=True)
class Tried:
    """A model that was tried against the champion; ``difference`` above 0 favours it."""

    sequence: int
    snapshot: str
    mode: str
    version: int | None
    metric: str | None
    champion: float | None
    challenger: float | None
    difference: float | None
    lower: float | None
    upper: float | None
    is_chosen: bool
    fit_seconds: float


@dataclass(frozen=True, slots=True)
class ConceptState:
    """What the detector on the champion's errors said; ``passed`` None: untestable."""

    sequence: int
    snapshot: str
    observed: float | str | None
    threshold: float | str | None
    passed: bool | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Judged:
    """The decision records of a window, oldest first.

    ``seconds`` holds the cost of each step by snapshot, ``warnings`` what was odd about a
    snapshot that was processed nevertheless; ``damaged`` names records that cannot be read.
    """

    tried: tuple[Tried, ...]
    concept: tuple[ConceptState, ...]
    seconds: tuple[tuple[int, str, Mapping[str, float]], ...]
    warnings: tuple[tuple[int, str, str], ...]
    damaged: tuple[str, ...]


def judged(store: Store, name: str, window: Window, *, now: datetime) -> Judged:
    """Return what the newest records of a window say, at most 300.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    window : Window
        Which part of its past.
    now : datetime
        End of a window of days.

    Raises
    ------
    NotFoundError
        If there is no pipeline of that name.
    """
    with store.database.snapshot() as connection:
        require_pipeline(connection, name)
        ids = list(connection.execute(chosen(name, window, now, decided=True)).scalars())
        query = (
            select(snapshots.c.sequence, snapshots.c.path, snapshots.c.block, decisions.c.record)
            .join(snapshots, snapshots.c.id == decisions.c.snapshot_id)
            .where(snapshots.c.id.in_(ids[:MOST_RECORDS]))
            .order_by(snapshots.c.sequence)
        )
        rows = connection.execute(query).all()
    return _gathered(rows)


def _gathered(rows: Any) -> Judged:
    tried: list[Tried] = []
    concept: list[ConceptState] = []
    seconds: list[tuple[int, str, Mapping[str, float]]] = []
    warnings: list[tuple[int, str, str]] = []
    damaged: list[str] = []
    for row in rows:
        name = label(row.path, row.block)
        try:
            record = parsed(row.record, f"the decision record of {name!r}")
            found = _tried(row.sequence, name, record), _concept(row.sequence, name, record)
            cost = {str(step): float(took) for step, took in record["cost_seconds"].items()}
            odd = [str(text) for text in record["warnings"]]
        except (StoreError, KeyError, TypeError, AttributeError, ValueError) as err:
            damaged.append(f"{name}: {err}")
            continue
        tried.extend(found[0])
        concept.extend(found[1])
        seconds.append((row.sequence, name, cost))
        warnings.extend((row.sequence, name, text) for text in odd)
    return Judged(tuple(tried), tuple(concept), tuple(seconds), tuple(warnings), tuple(damaged))


def _tried(sequence: int, name: str, record: Mapping[str, Any]) -> list[Tried]:
    found = []
    for attempt in record["attempts"]:
        pair = attempt["comparison"] or {}
        found.append(
            Tried(
                sequence=sequence,
                snapshot=name,
                mode=str(attempt["mode"]),
                version=attempt["version"],
                metric=pair.get("metric"),
                champion=pair.get("champion"),
                challenger=pair.get("challenger"),
                difference=pair.get("difference"),
                lower=pair.get("lower"),
                upper=pair.get("upper"),
                is_chosen=bool(attempt["is_chosen"]),
                fit_seconds=float(attempt["fit_seconds"]),
            )
        )
    return found


def _concept(sequence: int, name: str, record: Mapping[str, Any]) -> list[ConceptState]:
    return [
        ConceptState(
            sequence, name, rule["observed"], rule["threshold"], rule["passed"], rule["note"]
        )
        for rule in record["rules"]
        if rule["name"] == CONCEPT_RULE
    ]
