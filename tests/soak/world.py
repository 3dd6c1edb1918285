"""A soak: files arrive, workers die, somebody looks on; then all ends well and is judged."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from calmops_flows.settings import Settings
from calmops_flows.spec import PipelineSpec, parse_spec
from calmops_flows.steps.apply import apply
from calmops_flows.store import open_store
from calmops_flows.store.fsck import fsck
from calmops_flows.store.quarantine import retry
from tests.faults import workload
from tests.soak.arrivals import SETTLE_SECONDS, Arrivals
from tests.soak.chronicle import Chronicle, Look, connect, read_ending
from tests.soak.workers import PIPELINE, Workers, run

LOOK_SECONDS = 0.05
SECONDS_PER_ARRIVAL = 1.0  # workers that fell behind leave as many to the run at the end
MEAN_PAUSE_SECONDS = 0.4
MOST_PENDING = 50  # nothing new arrives while more are waiting: a soak has to end
DAY = timedelta(days=1)


def soak(folder: Path, *, seed: int, goes_on: Callable[[int], bool]) -> Chronicle:
    """Run rounds while ``goes_on(number)`` says so, mend, and return the chronicle."""
    rng = random.Random(seed)
    home, source = folder / "home", folder / "source"
    source.mkdir(parents=True)
    with open_store(Settings(home=home)) as store:
        apply(a_spec(source, folder / "predictions"), store)
    arrivals, workers = Arrivals(source, rng), Workers(home, source, rng)
    arrivals.good()
    with Onlooker(home) as onlooker:
        number = 0
        while goes_on(number):
            workers.told[arrivals.one() if n_pending(home) <= MOST_PENDING else "held back"] += 1
            workers.tend()
            time.sleep(rng.expovariate(1 / MEAN_PAUSE_SECONDS))
            workers.meddle()
            number += 1
        workers.end()
        mend(home, source, arrivals)
    with open_store(Settings(home=home)) as store:
        found = fsck(store, now=datetime.now(UTC))
        swept = fsck(store, repair=True, now=datetime.now(UTC) + 2 * DAY)
    found += tuple(one for one in swept if not one.is_repaired)
    findings = tuple(f"{one.check} {one.where}: {one.detail}" for one in found)
    ending = read_ending(home, PIPELINE, folder / "predictions", findings)
    return Chronicle(
        PIPELINE, tuple(arrivals.noted), tuple(onlooker.looks), ending, dict(workers.told)
    )


def a_spec(source: Path, predictions: Path) -> PipelineSpec:
    """Return the spec of a stream that learns often."""
    return parse_spec(
        {
            "name": PIPELINE,
            "target": "y",
            "source": {"path": str(source), "settle_seconds": SETTLE_SECONDS},
            "model": {"class": "sklearn.naive_bayes.GaussianNB"},
            "predictions": {"path": str(predictions)},
        }
    )


def n_pending(home: Path) -> int:
    """Return how many snapshots are known and not yet processed."""
    with closing(connect(home)) as connection:
        query = "SELECT count(*) FROM snapshots WHERE state = 'pending'"
        return int(connection.execute(query).fetchone()[0])


def mend(home: Path, source: Path, arrivals: Arrivals) -> None:
    """Let what crashed too often try again, and drain without faults until nothing is pending.

    Twice: what the last fault left with its attempts used up is set aside by the first run.
    """
    standing = {arrival.name: arrival for arrival in arrivals.noted}
    good = {last.digest for last in standing.values() if last.is_good}
    patience = workload.PATIENCE_SECONDS + SECONDS_PER_ARRIVAL * len(arrivals.noted)
    for _ in range(2):
        try_again(home, good)
        process = workload.started(run, home, source, CALMOPS_FAULT="")
        process.join(patience)
        if process.exitcode != 0:
            raise AssertionError(f"the undisturbed run at the end exits with {process.exitcode}")


def try_again(home: Path, good: set[str]) -> None:
    """Take good contents out of quarantine, as a user does once the disk has room again."""
    query = "SELECT digest FROM snapshots WHERE state = 'quarantined'"
    with closing(connect(home)) as connection:
        aside = [digest for (digest,) in connection.execute(query) if digest in good]
    if aside:
        with open_store(Settings(home=home)) as store:
            retry(store.database, PIPELINE, aside, now=datetime.now(UTC))


@dataclass
class Onlooker:
    """A thread that looks at the store again and again, in one query each time."""

    home: Path
    looks: list[Look] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _whole: dict[str, bool] = field(default_factory=dict)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        with closing(connect(self.home)) as connection:
            while not self._stop.wait(LOOK_SECONDS):
                with suppress(sqlite3.OperationalError):  # locked: the next look comes soon
                    self.looks.append(self._look(connection))

    def _look(self, connection: sqlite3.Connection) -> Look:
        champion, newest, n_outcomes, marked = connection.execute(
            "SELECT champion, (SELECT coalesce(max(version), 0) FROM model_versions), "
            "(SELECT count(*) FROM outcomes), (SELECT group_concat(version) FROM model_versions "
            "WHERE status = 'champion') FROM pipelines"
        ).fetchone()
        artifact = connection.execute(
            "SELECT artifact FROM model_versions WHERE version = ?", (champion,)
        ).fetchone()
        return Look(
            champion=champion,
            marked=tuple(int(one) for one in marked.split(",")) if marked else (),
            newest=newest,
            n_outcomes=n_outcomes,
            is_champion_whole=champion is None
            or (artifact is not None and self._is_whole(artifact[0])),
        )

    def _is_whole(self, digest: str) -> bool:
        if digest not in self._whole:
            file = self.home / "artifacts" / "sha256" / digest[:2] / digest
            found = file.read_bytes() if file.is_file() else b""
            self._whole[digest] = hashlib.sha256(found).hexdigest() == digest
        return self._whole[digest]
