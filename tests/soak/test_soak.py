"""A sample of the soak; ``scripts/soak.py --minutes 30`` is the whole of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from calmops_flows.settings import Settings
from calmops_flows.steps.apply import apply
from calmops_flows.store import open_store
from calmops_flows.store.history import history
from tests.faults import workload
from tests.soak.arrivals import Arrivals
from tests.soak.checker import broken_promises
from tests.soak.workers import PIPELINE, run
from tests.soak.world import a_spec, mend, soak

pytestmark = pytest.mark.faults
ROUNDS = 60


@pytest.mark.timeout(600)
def test_nothing_is_lost_or_doubled_while_workers_die_and_files_arrive(tmp_path: Path) -> None:
    found = soak(tmp_path, seed=2013, goes_on=lambda number: number < ROUNDS)

    assert broken_promises(found) == []
    assert len(found.ending.processed) > ROUNDS // 4
    assert sum(n for what, n in found.told.items() if what.startswith(("exit -", "exit 1"))) > 0


def test_what_died_for_the_last_time_unnoticed_is_tried_again_at_the_end(tmp_path: Path) -> None:
    home, source = tmp_path / "home", tmp_path / "source"
    source.mkdir()
    with open_store(Settings(home=home)) as store:
        apply(a_spec(source, tmp_path / "predictions"), store)
    arrivals = Arrivals(source, random.Random(1))
    arrivals.good()
    for _ in range(3):
        assert workload.in_process(run, home, source, fault="commit.snapshot.before:1:kill") == -9

    mend(home, source, arrivals)

    with open_store(Settings(home=home)) as store:
        assert [one.decision for one in history(store.database, PIPELINE)] == ["trained"]
