"""A command by hand that is killed leaves one champion, the old one or the new one."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from calmops_flows.settings import Settings
from calmops_flows.store import audit, open_store, registry
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.tables import pipelines
from tests.faults import workload

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workload.make_source(tmp_path_factory.mktemp("switch") / "source")


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Path:
    home = tmp_path_factory.mktemp("two") / "home"
    assert workload.in_process(workload.run_all, home, source) == 0
    return home


def standing(home: Path) -> tuple[int | None, list[str], int | None]:
    """Return the champion, the status of each version, and the first broken audit entry."""
    with open_store(Settings(home=home)) as store:
        versions = registry.versions(store.database, workload.NAME)
        with store.database.read() as connection:
            broken = audit.first_broken(connection, workload.NAME)
        return (
            load_state(store.database, workload.NAME).champion,
            [str(version.status) for version in versions],
            broken,
        )


@pytest.mark.parametrize("work", [workload.roll_back_by_hand, workload.promote_by_hand])
@pytest.mark.parametrize("side", ["before", "after"])
def test_kill_while_the_champion_is_switched_by_hand(
    side: str, work: Callable[[Path], None], tmp_path: Path, source: Path, two_versions: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(two_versions, home)
    assert standing(home) == (2, ["retired", "champion"], None)

    code = workload.in_process(work, home, source, fault=f"champion.switch.{side}:1:kill")

    assert code == -signal.SIGKILL
    after = (2, ["retired", "champion"], None) if side == "before" else NEW
    assert standing(home) == after
    if side == "before":
        assert workload.in_process(work, home, source) == 0
        assert standing(home) == NEW


NEW = (1, ["champion", "retired"], None)


@pytest.mark.parametrize("side", ["before", "after"])
def test_kill_while_the_breaker_is_closed_by_hand(
    side: str, tmp_path: Path, source: Path, two_versions: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(two_versions, home)
    with open_store(Settings(home=home)) as store, store.database.engine.begin() as connection:
        connection.execute(update(pipelines).values(breaker="{garbage"))
    work = workload.close_breaker_by_hand

    code = workload.in_process(work, home, source, fault=f"breaker.close.{side}:1:kill")

    assert code == -signal.SIGKILL
    assert breaker_of(home) == ("open" if side == "before" else "closed")
    assert workload.in_process(work, home, source) == 0
    assert breaker_of(home) == "closed"
    assert standing(home) == (2, ["retired", "champion"], None)


def breaker_of(home: Path) -> str:
    with open_store(Settings(home=home)) as store:
        return str(load_state(store.database, workload.NAME).breaker.state)
