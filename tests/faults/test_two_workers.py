"""Two processes run one pipeline at once: each snapshot has exactly one outcome."""

from __future__ import annotations

from pathlib import Path

import pytest

from calmops_flows.settings import Settings
from calmops_flows.store import open_store
from calmops_flows.store.history import history
from tests.faults import workload
from tests.store_dump import dump

pytestmark = pytest.mark.faults
ROUNDS = 20


def test_two_processes_at_once_leave_one_outcome_per_snapshot(tmp_path: Path) -> None:
    source = workload.make_source(tmp_path / "source")
    alone = tmp_path / "alone"
    assert workload.in_process(workload.run_all, alone, source) == 0
    with open_store(Settings(home=alone)) as store:
        expected = dump(store.database)

    for number in range(ROUNDS):
        home = tmp_path / f"home{number}"
        assert workload.in_process(workload.apply_only, home, source) == 0

        codes = workload.at_once(2, workload.run_all, home, source)

        assert codes == [0, 0]
        with open_store(Settings(home=home)) as store:
            outcomes = history(store.database, workload.NAME)
            assert dump(store.database) == expected
        assert [o.state for o in outcomes] == ["processed"] * 3
        assert workload.fits(home) == workload.fits(alone)
