"""What a soak wrote down: arrivals, looks at the store while it ran, and the store at its end."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Arrival:
    """A content that stood under a name; ``is_whole`` is false for what a writer left midway."""

    name: str
    digest: str
    is_good: bool
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Look:
    """What one query saw while the workers ran."""

    champion: int | None
    marked: tuple[int, ...]
    newest: int
    n_outcomes: int
    is_champion_whole: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the audit log."""

    position: int
    at: str
    kind: str
    payload: str
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Ending:
    """The store when all is done, read by plain SQL.

    ``states`` holds digest and state of every snapshot, ``processed`` the digest of each
    outcome in the order of the audit log's snapshots, ``findings`` what ``fsck`` said.
    """

    states: tuple[tuple[str, str], ...]
    processed: tuple[str, ...]
    versions: tuple[int, ...]
    champion: int | None
    audit: tuple[Entry, ...]
    predicted: tuple[str, ...]
    exports: tuple[str, ...]
    undelivered: int
    tokens: tuple[str | None, ...]
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chronicle:
    """All that the checker judges by."""

    pipeline: str
    arrivals: tuple[Arrival, ...]
    looks: tuple[Look, ...]
    ending: Ending
    told: dict[str, int] = field(default_factory=dict)

    def standing(self) -> dict[str, Arrival]:
        """Return the last content under each name."""
        return {arrival.name: arrival for arrival in self.arrivals}


def connect(home: Path) -> sqlite3.Connection:
    """Open the database for reading, without the package under test."""
    return sqlite3.connect(f"file:{home / 'calmops.db'}?mode=ro", uri=True, timeout=30)


def read_ending(home: Path, pipeline: str, exports: Path, findings: tuple[str, ...]) -> Ending:
    """Read the facts of the end."""
    with closing(connect(home)) as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query, (pipeline,)).fetchall()

        def column(query: str) -> tuple[Any, ...]:
            return tuple(row[0] for row in rows(query))

        joined = "JOIN snapshots s ON s.id = x.snapshot_id WHERE s.pipeline = ?"
        return Ending(
            states=tuple(rows("SELECT digest, state FROM snapshots WHERE pipeline = ?")),
            processed=column(f"SELECT s.digest FROM outcomes x {joined} ORDER BY x.at"),
            versions=column(
                "SELECT version FROM model_versions WHERE pipeline = ? ORDER BY version"
            ),
            champion=column("SELECT champion FROM pipelines WHERE name = ?")[0],
            audit=tuple(
                Entry(*row)
                for row in rows(
                    "SELECT position, at, kind, payload, previous_hash, hash FROM audit "
                    "WHERE pipeline = ? ORDER BY position"
                )
            ),
            predicted=column(f"SELECT s.digest FROM predictions x {joined}"),
            # Also hidden ones, which killed writes leave: `fsck --repair` has removed them.
            exports=tuple(sorted(path.name for path in exports.glob("*"))),
            undelivered=column(
                "SELECT count(*) FROM outbox WHERE pipeline = ? AND delivered_at IS NULL"
            )[0],
            tokens=column("SELECT token FROM leases WHERE pipeline = ?"),
            findings=findings,
        )


def payload_of(entry: Entry) -> dict[str, Any]:
    """Return what an audit entry tells."""
    values: dict[str, Any] = json.loads(entry.payload)
    return values
