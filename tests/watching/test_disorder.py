"""Events, schedules and people only wake a drain; lost, doubled or late, the store is the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from calmops_flows.api import run
from calmops_flows.flows.watching import Drain, Watcher
from calmops_flows.settings import Settings
from calmops_flows.steps.drain import drain
from calmops_flows.store.store import open_store
from tests.cli.conftest import write_csv
from tests.store_dump import dump
from tests.watching.conftest import Files, Time, deaf, declare, turn_for

MONTHS = 6


class Disorder:
    """Loses a third of the wake-ups, doubles a third, and keeps a third back for later."""

    def __init__(self, wake: Drain, rng: random.Random) -> None:
        self.wake = wake
        self.rng = rng
        self.late: list[tuple[str, Files]] = []
        self.fates: set[str] = set()

    def __call__(self, pipeline: str, files: Files) -> None:
        fate = self.rng.choice(["lose", "double", "delay"])
        self.fates.add(fate)
        if fate == "delay":
            self.late.append((pipeline, files))
        if fate == "double":
            self.wake(pipeline, files)
            self.rng.shuffle(self.late)
            for again in [(pipeline, files), *self.late]:
                self.wake(*again)
            self.late.clear()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_disordered_events_leave_the_store_of_one_run(
    folder: Path, tmp_path: Path, now: Time, seed: int
) -> None:
    with (
        open_store(Settings(home=tmp_path / "disorder")) as store,
        open_store(Settings(home=tmp_path / "plain")) as plain,
    ):
        declare(store, folder)
        declare(plain, folder)
        disorder = Disorder(Drain(store, lambda *_: None), random.Random(seed))
        watcher: Watcher = deaf(store, disorder, now)
        others = disorder.rng.sample(["nobody", "schedule", "person"] * 2, MONTHS)
        for month, kind in enumerate(others):
            write_csv(folder / f"m{month}.csv", shift=float(month // 3))
            turn_for(watcher, now, 30)
            if kind == "schedule":  # a tick knows of no file, and does not wait
                disorder.wake("p", frozenset())
            if kind == "person":
                run("p", store=store, prefect=False)
        turn_for(watcher, now, 3600)  # the safety net wakes until nothing is left

        drain("p", plain)

        assert disorder.fates == {"lose", "double", "delay"}
        assert dump(store.database) == dump(plain.database)
