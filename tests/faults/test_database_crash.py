"""PostgreSQL dies under a drain: nothing is lost, nothing is done twice, and the error is clear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from calmops_flows.store import open_store
from calmops_flows.store.tables import snapshots
from tests.faults import machines
from tests.faults.site import Site
from tests.servers.postgres import PostgresServer, fresh_database, postgres_server
from tests.servers.s3 import environment

pytestmark = [pytest.mark.faults, pytest.mark.postgres]
IN_COMMIT = "INSERT INTO outcomes"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server(is_durable=True) as running:
        yield running


@pytest.fixture
def site(bucket: str, s3_endpoint: str, server: PostgresServer, tmp_path: Path) -> Iterator[Site]:
    with fresh_database(server.url) as database, fresh_database(server.url) as alone:
        shared = {**environment(s3_endpoint), "CALMOPS_LEASE_SECONDS": "2"}
        yield Site(tmp_path, bucket, database, shared, alone)


@pytest.mark.parametrize("comes_back", [True, False], ids=["restarted", "stays down"])
@pytest.mark.parametrize(
    "stop",
    [
        (IN_COMMIT, 2),
        pytest.param(("ledger.attempt.before", 2), marks=pytest.mark.slow),
        pytest.param(("commit.snapshot.after", 2), marks=pytest.mark.slow),
    ],
    ids=lambda one: one[0].replace(" ", "_"),
)
def test_run_after_the_crash_does_the_rest(
    site: Site, server: PostgresServer, stop: tuple[str, int], *, comes_back: bool
) -> None:
    expected = site.drained_by_one({"p00": 3})
    site.apply(["p00"])
    worker = site.start("first", machines.run_all, ["p00"], pause_at=stop)
    worker.wait_until_paused()

    server.crash()
    if comes_back:
        server.start()
    worker.go_on()
    code = worker.end()
    if not comes_back:
        server.start()
    again = site.start("second", machines.run_when_free, "p00")

    said = worker.log()
    assert again.end() == 0, again.log()
    assert site.dump() == expected
    assert code in ({0, 1} if comes_back else {1}), said
    assert (code == 1) == ("calmops: the database postgresql+psycopg://postgres@" in said), said
    assert "Traceback" not in said
    with open_store(site.settings) as store, store.database.read() as connection:
        assert max(connection.execute(select(snapshots.c.attempts)).scalars()) <= 2
