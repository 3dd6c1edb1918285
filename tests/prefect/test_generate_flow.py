"""Feeds as flows: a run writes one snapshot, a deployment does so on its schedule."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import load_flow_from_entrypoint
from prefect.states import Scheduled

from calmops_flows.errors import SpecError
from calmops_flows.flows import generate
from calmops_flows.flows.deploy_feed import deploy_feed
from calmops_flows.generators.feed import read_feed
from calmops_flows.steps.feed import fed
from tests.prefect.server import wait_for

pytestmark = pytest.mark.prefect
ROOT = Path(__file__).parents[2]


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    values = {
        "name": f"sea-{tmp_path.name[:30]}",
        "folder": "arrivals",
        "stream": {"name": "sea", "rows": 20, "periods": 2},
    }
    file = tmp_path / "sea-feed.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def files(feed: Path) -> list[str]:
    return sorted(file.name for file in (feed.parent / "arrivals").glob("*.csv"))


def test_each_run_writes_one_snapshot_until_the_feed_ends(
    client: SyncPrefectClient, feed: Path
) -> None:
    ends: list[State[Any]] = [generate(str(feed), return_state=True) for _ in range(3)]

    assert [(end.type.value, end.name) for end in ends] == [
        ("COMPLETED", "Fed"),
        ("COMPLETED", "Fed"),
        ("COMPLETED", "Ended"),
    ]
    assert files(feed) == ["period-000001.csv", "period-000002.csv"]
    run_id = ends[0].state_details.flow_run_id
    assert run_id is not None
    assert client.read_flow_run(run_id).name.startswith("sea-feed-")
    assert fed(read_feed(feed))[0].tick == f"flow run {run_id}"


def test_wrong_feed_fails_the_run_and_writes_nothing(api: str, feed: Path) -> None:
    feed.write_text("name: sea\n")

    with pytest.raises(SpecError, match="folder"):
        generate(str(feed))

    assert not (feed.parent / "arrivals").exists()


def runs(client: SyncPrefectClient, deployment: object) -> list[FlowRun]:
    wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    return client.read_flow_runs(deployment_filter=wanted)


def test_deployment_feeds_on_its_schedule_and_a_repeated_run_writes_nothing_more(
    client: SyncPrefectClient, worker: None, feed: Path
) -> None:
    made = deploy_feed(feed, every_seconds=3600)
    again = deploy_feed(feed, every_seconds=7200)
    (schedule,) = client.read_deployment_schedules(made.id)
    wait_for(lambda: any(r.auto_scheduled for r in runs(client, made.id)), 60, "the schedule")
    run = client.create_flow_run_from_deployment(made.id)

    def ended() -> FlowRun | None:
        found = client.read_flow_run(run.id)
        return found if found.state_name == "Fed" else None

    wait_for(ended, 90, "the worker runs it")
    client.set_flow_run_state(run.id, Scheduled(), force=True)  # as a person would retry it
    wait_for(lambda: (r := ended()) is not None and r.run_count == 2, 90, "it runs again")
    client.delete_deployment(made.id)

    assert again == made
    assert schedule.schedule.interval.total_seconds() == 7200  # type: ignore[union-attr]
    assert files(feed) == ["period-000001.csv"]


def test_flow_is_found_where_the_stanza_of_prefect_yaml_says() -> None:
    page = (ROOT / "docs" / "generators.md").read_text(encoding="utf-8")
    (entrypoint,) = re.findall(r"entrypoint: (\S+)", page)

    found: Flow[Any, Any] = load_flow_from_entrypoint(f"{ROOT}/{entrypoint}")

    assert found.name == generate.name
    assert set(found.parameters.properties) == {"feed"}


def test_times_that_cannot_be_are_refused(api: str, feed: Path) -> None:
    with pytest.raises(SpecError, match="must be positive"):
        deploy_feed(feed, every_seconds=0)
