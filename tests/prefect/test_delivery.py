"""What is to be told to Prefect is told, also when it was away."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from sqlalchemy import select

from calmops_flows import api as calmops
from calmops_flows.flows.detect import PrefectUnreachableError
from calmops_flows.flows.events import emit_arrival
from calmops_flows.store.outbox import undelivered
from calmops_flows.store.store import Store
from calmops_flows.store.tables import outbox
from tests.prefect.conftest import Source
from tests.prefect.proxy import Proxy
from tests.prefect.server import wait_for
from tests.servers.ports import free_port

pytestmark = pytest.mark.prefect


def events(client: SyncPrefectClient, resource: str) -> list[dict[str, Any]]:
    wanted = {"filter": {"resource": {"id": [resource]}}, "limit": 50}
    response = client.request("POST", "/events/filter", json=wanted)
    found: list[dict[str, Any]] = response.json()["events"]
    return found


def test_promotion_is_an_event_of_the_model(
    client: SyncPrefectClient, store: Store, source: Source
) -> None:
    source.drop("1.csv", 1)

    drained = calmops.run(source.spec("told"), store=store)

    (event,) = wait_for(lambda: events(client, "calmops.model.told"), 30, "the event is stored")
    assert event["event"] == "calmops.model.promoted"
    assert event["resource"]["prefect.resource.name"] == "told"
    assert event["payload"]["snapshot"] == "1.csv"
    assert (
        event["related"][0]["prefect.resource.id"]
        == f"prefect.flow-run.{drained.outcomes[0].run_id}"
    )
    with store.database.read() as connection:
        assert set(connection.execute(select(outbox.c.delivered_to)).scalars()) == {"prefect"}


def test_server_that_goes_down_before_delivery_gets_each_message_once_from_the_next_run(
    client: SyncPrefectClient, store: Store, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.drop("1.csv", 1)
    spec = source.spec("cut")
    with Proxy(str(client.api_url), cut_at=b"POST /api/events HTTP") as proxy:
        monkeypatch.setenv("PREFECT_API_URL", proxy.url)
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            first = calmops.run(spec, store=store)
        was_cut = proxy.is_cut
        left = undelivered(store.database, "cut")
        proxy.mend()
        second = calmops.run(spec, store=store)

        (event,) = wait_for(lambda: events(client, "calmops.model.cut"), 30, "the event is stored")

    assert was_cut
    assert [o.decision for o in first.outcomes] == ["trained"]
    told = {message.kind: message.id for message in left}
    assert event["id"] == told["calmops.model.promoted"]
    assert second.outcomes == []
    assert undelivered(store.database, "cut") == []


def test_message_delivered_twice_is_one_event(client: SyncPrefectClient) -> None:
    for _ in range(2):
        emit_arrival("twice", "1.csv", "0" * 64)

    found = wait_for(lambda: events(client, "calmops.snapshot.twice"), 30, "the event is stored")
    assert len(found) == 1


def test_run_goes_on_without_the_configured_server_and_keeps_its_messages(
    store: Store, source: Source, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    source.drop("1.csv", 1)

    with caplog.at_level(logging.WARNING, "calmops_flows"):
        drained = calmops.run(source.spec("alone"), store=store)

    assert [o.decision for o in drained.outcomes] == ["trained"]
    kinds = {message.kind for message in undelivered(store.database, "alone")}
    assert "calmops.model.promoted" in kinds
    assert [r.message for r in caplog.records if "no Prefect API answers" in r.message] != []
    assert len(caplog.records) == 1


def test_run_that_demands_prefect_fails_without_it(
    store: Store, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    source.drop("1.csv", 1)

    with pytest.raises(PrefectUnreachableError, match="no Prefect API answers"):
        calmops.run(source.spec("demanding"), store=store, prefect=True)


def test_event_that_is_not_accepted_is_an_error() -> None:
    dead = f"http://127.0.0.1:{free_port()}/api"
    with (
        temporary_settings({PREFECT_API_URL: dead, PREFECT_CLIENT_MAX_RETRIES: 0}),
        pytest.raises(OSError, match="did not accept 1 events"),
    ):
        emit_arrival("p", "1.csv", "0" * 64)
