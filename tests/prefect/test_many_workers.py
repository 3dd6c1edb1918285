"""Prefect's workers on several machines: store and Prefect's server on PostgreSQL, files in S3."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from uuid import UUID, uuid4

import fsspec
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Scheduled
from sqlalchemy import select

from calmops_flows import api as calmops
from calmops_flows.flows.deploy import deploy
from calmops_flows.settings import Settings
from calmops_flows.steps.apply import apply
from calmops_flows.steps.drain import utc_now
from calmops_flows.store.fsck import fsck
from calmops_flows.store.store import Store, open_store
from calmops_flows.store.tables import outcomes, snapshots
from tests.faults import machines
from tests.prefect.server import running, wait_for
from tests.servers.postgres import fresh_database
from tests.servers.s3 import environment
from tests.store_dump import dump

pytestmark = [
    pytest.mark.prefect,
    pytest.mark.postgres,
    pytest.mark.faults,
    pytest.mark.timeout(1800),
]
HOSTS = ("host0", "host1", "host2")
PATIENCE_SECONDS = 240
SECONDS_PER_RUN = 30  # two cores, and a new Python for each


@dataclass(frozen=True, slots=True)
class Team:
    """What the machines share: the store, Prefect's server, and the environment of a worker."""

    folder: Path
    client: SyncPrefectClient
    store: Store
    variables: dict[str, str]
    pool: str = field(default_factory=lambda: f"team-{uuid4().hex}")

    @contextmanager
    def working(self) -> Iterator[dict[str, Popen[bytes]]]:
        """Run one process worker per machine, each in its own folder and with its own home."""
        with ExitStack() as stack:
            yield {host: stack.enter_context(self._worker(host)) for host in HOSTS}

    @contextmanager
    def _worker(self, host: str) -> Iterator[Popen[bytes]]:
        folder = self.folder / host
        folder.mkdir()
        command = ("worker", "start", "--pool", self.pool, "--type", "process", "--limit", "1")
        variables = self.variables | {"CALMOPS_HOME": str(folder / "home")}
        with running(folder / "log", *command, "--name", host, **variables) as process:
            yield process

    def start_run(self, deployment: UUID) -> UUID:
        """Ask for a run, as a schedule does."""
        state: State[object] = Scheduled()
        return self.client.create_flow_run_from_deployment(deployment, state=state).id

    def read(self, runs: list[UUID]) -> list[FlowRun]:
        """Return the runs as they stand."""
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=runs))
        return self.client.read_flow_runs(flow_run_filter=wanted)

    def wait_until_ended(self, runs: list[UUID]) -> list[str | None]:
        """Wait for the end of all runs; return the names of their states."""

        def ended() -> list[FlowRun] | None:
            found = self.read(runs)
            return found if all(run.state and run.state.is_final() for run in found) else None

        patience = PATIENCE_SECONDS + SECONDS_PER_RUN * len(runs)
        found = wait_for(ended, patience, "all runs end") or []
        return [run.state_name for run in found]

    def helpers(self) -> set[str]:
        """Return the machines on which pipelines were drained."""
        return {host for host in HOSTS if list((self.folder / host / "home").glob("logs/*.log"))}

    def done(self) -> list[tuple[str, str]]:
        """Return pipeline and path of every outcome."""
        query = select(snapshots.c.pipeline, snapshots.c.path).join(
            outcomes, outcomes.c.snapshot_id == snapshots.c.id
        )
        with self.store.database.read() as connection:
            return [(row.pipeline, row.path) for row in connection.execute(query)]


@pytest.fixture
def alone(postgres_url: str, bucket: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a second store, in which one process does all the work."""
    with fresh_database(postgres_url) as url:
        yield Settings(
            home=tmp_path / "alone",
            database_url=url,
            artifacts_url=f"{bucket}/alone",
            prefect="off",
        )


@pytest.fixture
def team(
    client: SyncPrefectClient,
    api: str,
    bucket: str,
    s3_endpoint: str,
    postgres_database: str,
    tmp_path: Path,
) -> Iterator[Team]:
    where = {
        "CALMOPS_DATABASE_URL": postgres_database,
        "CALMOPS_ARTIFACTS_URL": f"{bucket}/artifacts",
    }
    shared = Settings(
        home=tmp_path / "deployer",
        database_url=postgres_database,
        artifacts_url=f"{bucket}/artifacts",
    )
    reached = {
        "PREFECT_API_URL": api,
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "OMP_NUM_THREADS": "1",
    }
    with open_store(shared) as store:
        yield Team(tmp_path, client, store, {**environment(s3_endpoint), **where, **reached})


def drop(team: Team, bucket: str, names: list[str]) -> None:
    """Put two files of each pipeline into the object store; the second one drifts."""
    for number, name in enumerate(names):
        machines.make_files(team.folder / "in" / name, 2, seed=number)
    fsspec.filesystem("s3").put(f"{team.folder}/in/", f"{bucket}/in", recursive=True)


def declare(store: Store, bucket: str, names: list[str]) -> None:
    for name in names:
        apply(machines.make_spec(name, f"{bucket}/in/{name}"), store)


@pytest.mark.parametrize(
    ("n_pipelines", "n_runs"), [(3, 3), pytest.param(20, 40, marks=pytest.mark.slow)]
)
def test_three_process_workers_leave_what_one_process_would(
    team: Team, alone: Settings, bucket: str, n_pipelines: int, n_runs: int
) -> None:
    names = [f"p{number:02}" for number in range(n_pipelines)]
    drop(team, bucket, names)
    with open_store(alone) as store:
        declare(store, bucket, names)
        for name in names:
            calmops.run(name, store=store, prefect=False)
        expected = dump(store.database)
    declare(team.store, bucket, names)
    deployed = [deploy(name, team.store, work_pool=team.pool).id for name in names]

    runs = [team.start_run(deployed[number % n_pipelines]) for number in range(n_runs)]
    with team.working():
        ended = team.wait_until_ended(runs)

    assert set(ended) <= {"Retrained", "Promoted", "Healthy", "Degraded", "Busy", "Idle"}
    assert Counter(team.done()) == Counter((n, f"part{i}.csv") for n in names for i in range(2))
    assert dump(team.store.database) == expected
    assert fsck(team.store, now=utc_now()) == ()
    assert len(team.helpers()) > 1
    assert not (team.folder / "deployer").exists()


@pytest.mark.slow
def test_killed_worker_costs_no_snapshot(team: Team, bucket: str) -> None:
    names = ["p00", "p01", "p02"]
    drop(team, bucket, names)
    declare(team.store, bucket, names)
    deployed = [deploy(name, team.store, work_pool=team.pool).id for name in names]
    runs = [team.start_run(one) for one in deployed]

    def is_under_way() -> bool:
        """Say whether host0 works for a run that has not ended."""
        log = (team.folder / "host0" / "log").read_text()
        return any(run.state_name == "Running" and run.name in log for run in team.read(runs))

    with team.working() as workers:
        wait_for(is_under_way, PATIENCE_SECONDS, "the worker to be killed has a run under way")
        os.kill(workers["host0"].pid, signal.SIGKILL)
        # What the safety net of each deployment does every five minutes.
        team.wait_until_ended([team.start_run(one) for one in deployed])

    assert Counter(team.done()) == Counter((n, f"part{i}.csv") for n in names for i in range(2))
    assert fsck(team.store, now=utc_now()) == ()
