"""A promotion or rollback is followed; what cannot serve leaves the old model in place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from calmops_flows.settings import Settings
from calmops_flows.steps.switch import promote, roll_back
from calmops_flows.store import open_store, registry, tables
from calmops_flows.store.pipelines import delete_pipeline
from tests.serving.served import (
    NOW,
    RECORD,
    Client,
    error,
    more_files,
    rows,
    serving,
    trained,
)

ALWAYS: dict[str, Any] = {
    "retrain": {"when": "always", "mode": "full"},
    "evaluation": {"promotion": {"rule": "always"}},
}


def turned(seed: int) -> Any:
    """Return rows under the opposite concept."""
    frame = rows(seed)
    frame["y"] = 1 - frame["y"]
    return frame


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Serve version 2 of two; version 1 says the opposite."""
    with open_store(Settings(home=tmp_path / "home")) as store:
        trained(store, tmp_path / "source", rows(1), **ALWAYS)
        turned(2).to_csv(tmp_path / "source" / "second.csv", index=False)
        more_files(store, "stream")
    with serving(tmp_path / "home", "stream") as opened:
        yield opened


def file_of(client: Client, digest: str) -> Path:
    folder = client.store.settings.home / "artifacts" / "sha256"
    return folder / digest[:2] / digest


def said(client: Client, **params: Any) -> tuple[str, list[int]]:
    response = client.predict(RECORD, **params)
    return response.headers["X-Model-Version"], response.json()["predictions"]


def degraded(client: Client, part: str) -> bool:
    (pipeline,) = client.get("/pipelines")["pipelines"]
    ready = client.http.get("/health/ready")
    metrics = client.http.get("/metrics").text
    return (
        pipeline["status"] == ready.json()["status"] == "degraded"
        and ready.status_code == 200
        and part in pipeline["reason"]
        and 'calmops_degraded{pipeline="stream"} 1.0' in metrics
    )


def wait_for(check: Any) -> None:
    end = threading.Event()
    for _ in range(200):
        if check():
            return
        end.wait(0.05)
    raise AssertionError("it did not come to pass within ten seconds")


def test_rollback_and_promotion_are_followed(client: Client) -> None:
    before = said(client)
    roll_back(client.store, "stream", now=NOW)
    client.until(1)
    back = said(client)
    promote(client.store, "stream", 2, now=NOW)
    client.until(2)

    assert (before, back, said(client)) == (("2", [0]), ("1", [1]), ("2", [0]))


def test_new_champion_of_a_run_is_followed(client: Client, tmp_path: Path) -> None:
    rows(3).to_csv(tmp_path / "source" / "third.csv", index=False)

    more_files(client.store, "stream")

    client.until(3)
    assert said(client) == ("3", [1])


def test_pinned_version_answers_whoever_is_champion(client: Client) -> None:
    pinned = said(client, version=1)
    roll_back(client.store, "stream", now=NOW)
    client.until(1)

    assert (pinned, said(client, version=2)) == (("1", [1]), ("2", [0]))


def test_broken_artifact_of_a_promotion_leaves_the_old_model(client: Client) -> None:
    first = registry.version(client.store.database, "stream", 1)
    content = file_of(client, first.artifact).read_bytes()
    roll_back(client.store, "stream", now=NOW)
    client.until(1)
    second = registry.version(client.store.database, "stream", 2)
    good = file_of(client, second.artifact).read_bytes()
    file_of(client, second.artifact).write_bytes(content)
    switch_anyway(client, 2)

    wait_for(lambda: degraded(client, "was changed"))
    assert said(client) == ("1", [1])
    file_of(client, second.artifact).write_bytes(good)
    client.until(2)
    assert client.get("/health/ready")["status"] == "ok"


def switch_anyway(client: Client, version: int) -> None:
    """Name a champion as who can write the database does, past the command's own check."""
    with client.store.database.write("champion.switch") as connection:
        connection.execute(update(tables.pipelines).values(champion=version))


def test_model_that_predicts_otherwise_than_it_did_leaves_the_old_one(client: Client) -> None:
    first = registry.version(client.store.database, "stream", 1)
    with client.store.database.write("champion.switch") as connection:
        versions = tables.model_versions
        mine = versions.c.version == 1
        second = registry.version(client.store.database, "stream", 2)
        connection.execute(update(versions).where(mine).values(golden=second.golden))
    roll_back(client.store, "stream", now=NOW)

    wait_for(lambda: degraded(client, "golden rows are predicted otherwise"))
    assert said(client) == ("2", [0])
    assert error(client.predict(RECORD, version=1)) == (503, "version_unusable")
    assert first.golden != second.golden


def test_deleted_pipeline_is_shown_and_answered_for(client: Client) -> None:
    delete_pipeline(client.store.database, "stream", now=NOW)

    wait_for(lambda: degraded(client, "deleted"))
    assert said(client) == ("2", [0])


def test_pipeline_without_a_champion_gets_its_first_one(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with open_store(Settings(home=tmp_path / "home")) as store:
        trained(store, source, rows(1).head(0))
    with serving(tmp_path / "home", "stream") as client:
        assert client.http.get("/ping").status_code == 503
        assert error(client.predict(RECORD)) == (503, "not_ready")
        assert error(client.http.get("/pipelines/stream/schema")) == (503, "not_ready")
        rows(1).to_csv(source / "second.csv", index=False)
        more_files(client.store, "stream")
        client.until(1)

        assert said(client) == ("1", [1])
        assert client.http.get("/ping").status_code == 200


def test_versions_only_grow_over_twenty_promotions_under_load(
    client: Client, tmp_path: Path
) -> None:
    seen: list[list[int]] = [[], []]
    stop = threading.Event()

    def ask(mine: list[int]) -> None:
        while not stop.is_set():
            response = client.predict(RECORD)
            mine.append(int(response.headers["X-Model-Version"]) if response.is_success else -1)

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in seen]
    for thread in threads:
        thread.start()
    for number in range(3, 23):
        rows(number, 40).to_csv(tmp_path / "source" / f"z{number}.csv", index=False)
        more_files(client.store, "stream")
    client.until(22)
    stop.set()
    for thread in threads:
        thread.join()

    for mine in seen:
        assert mine == sorted(mine)
        assert mine[0] == 2
        assert said(client)[0] == "22"
