"""A sample of the soak; ``scripts/soak.py --minutes 30`` is the whole of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.checker import broken_promises
from tests.soak.world import soak

pytestmark = pytest.mark.faults
ROUNDS = 60


@pytest.mark.timeout(600)
def test_nothing_is_lost_or_doubled_while_workers_die_and_files_arrive(tmp_path: Path) -> None:
    found = soak(tmp_path, seed=2013, goes_on=lambda number: number < ROUNDS)

    assert broken_promises(found) == []
    assert len(found.ending.processed) > ROUNDS // 4
    assert sum(n for what, n in found.told.items() if what.startswith(("exit -", "exit 1"))) > 0
