"""Fail while old rows are kept; the next run goes on with those that were committed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from calmops_flows.learning.memory import from_bytes
from calmops_flows.settings import Settings
from calmops_flows.store import open_store
from calmops_flows.store.pipelines import load_state
from tests.faults import workload
from tests.faults.contents import contents

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workload.make_source(tmp_path_factory.mktemp("data") / "source")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Path:
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    assert workload.in_process(workload.run_replaying, home, source) == 0
    return home


def test_undisturbed_drain_keeps_all_rows(undisturbed: Path) -> None:
    with open_store(Settings(home=undisturbed)) as store:
        digest = load_state(store.database, workload.NAME).reservoir
        assert digest is not None
        kept = from_bytes(store.artifacts.get(digest))

    assert kept.rows.num_rows == 900
    assert len(kept.seen) == 3


@pytest.mark.parametrize(
    "point", ["commit.snapshot.before:2", "commit.snapshot.after:2", "commit.snapshot.before:3"]
)
def test_killed_run_loses_no_old_row_and_keeps_none_twice(
    point: str, tmp_path: Path, source: Path, undisturbed: Path
) -> None:
    home = tmp_path / "home"
    code = workload.in_process(workload.run_replaying, home, source, fault=f"{point}:kill")
    assert workload.in_process(workload.run_replaying, home, source) == 0

    assert code == -signal.SIGKILL
    assert contents(home) == contents(undisturbed)
