"""Workers on several machines, over PostgreSQL and an object store."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from calmops_flows.settings import Settings
from calmops_flows.steps.drain import utc_now
from calmops_flows.store import open_store
from calmops_flows.store.fsck import fsck
from calmops_flows.store.lease import acquire
from calmops_flows.store.tables import outcomes, snapshots
from tests.faults import machines
from tests.faults.site import Site
from tests.servers.postgres import fresh_database
from tests.servers.s3 import environment
from tests.store_dump import dump

pytestmark = [pytest.mark.faults, pytest.mark.postgres]
N_FILES = {f"p{number:02}": 1 + number % 2 for number in range(20)}


@pytest.fixture
def site(
    bucket: str, s3_endpoint: str, postgres_database: str, postgres_url: str, tmp_path: Path
) -> Iterator[Site]:
    with fresh_database(postgres_url) as alone:
        yield Site(tmp_path, bucket, postgres_database, environment(s3_endpoint), alone)


def test_three_workers_drain_twenty_pipelines_as_one_would(site: Site) -> None:
    expected = site.drained_by_one(N_FILES)
    site.apply(list(N_FILES))

    workers = [site.start(f"host{n}", machines.run_all, list(N_FILES)) for n in range(3)]
    codes = [worker.end() for worker in workers]

    assert codes == [0, 0, 0], [worker.log() for worker in workers]
    with open_store(site.settings) as store:
        assert dump(store.database) == expected
        with store.database.read() as connection:
            states = connection.execute(select(snapshots.c.state)).scalars().all()
            decided = connection.execute(select(func.count()).select_from(outcomes)).scalar()
        assert states == ["processed"] * 30
        assert decided == 30
        assert fsck(store, now=utc_now()) == ()
    helped = [worker for worker in workers if "trained" in worker.log()]
    assert len(helped) > 1


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGSTOP], ids=lambda one: one.name)
def test_silent_machine_loses_its_pipeline_after_the_lease_and_writes_nothing_more(
    site: Site, ending: signal.Signals
) -> None:
    assert Settings().lease_seconds <= 30
    expected = site.drained_by_one({"p00": 3})
    site.apply(["p00"])
    site.environment["CALMOPS_LEASE_SECONDS"] = "4"
    stop = ("commit.snapshot.before", 2)
    first = site.start("first", machines.run_all, ["p00"], pause_at=stop)
    first.wait_until_paused()
    with open_store(site.settings) as store:
        os.kill(first.process.pid or 0, ending)
        # Nobody on another machine can see that the first one is dead.
        at_once = acquire(store.database, "p00", seconds=4)
    first.go_on()
    second = site.start("second", machines.run_when_free, "p00")
    assert second.end() == 0, second.log()
    by_second = site.dump()
    if ending == signal.SIGSTOP:
        os.kill(first.process.pid or 0, signal.SIGCONT)

    assert at_once is None
    assert first.end() == (0 if ending == signal.SIGSTOP else -signal.SIGKILL), first.log()
    assert by_second == expected
    assert site.dump() == expected
