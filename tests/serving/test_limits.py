"""Too much, too slow, too many, unknown: refused in the one form, and the server goes on."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from calmops_flows.errors import NotFoundError, SpecError
from calmops_flows.serving.app import create_app
from calmops_flows.serving.gate import Gate
from calmops_flows.serving.limits import Limits
from calmops_flows.serving.problems import RequestError
from calmops_flows.serving.run import Address, prepare
from calmops_flows.serving.slots import Slots
from calmops_flows.settings import Settings
from calmops_flows.store import Store, open_store
from tests.serving.served import RECORD, Client, error, serving

BODY = {"dataframe_records": [RECORD]}
JSON = {"Content-Type": "application/json"}


def address_of(client: Client) -> tuple[str, int]:
    return str(client.http.base_url.host), client.http.base_url.port or 0


def test_client_that_sends_all_before_it_looks_is_told_what_is_wrong(trained_home: Path) -> None:
    size = 4 * 2**20
    with serving(trained_home, "stream", limits=Limits(body_bytes=size)) as client:
        told = []
        for body in (b"x" * 3 * size, iter([b"x" * size] * 3)):
            with closing(HTTPConnection(*address_of(client), timeout=30)) as connection:
                connection.request("POST", "/invocations", body, headers=JSON)
                told.append(json.loads(connection.getresponse().read())["error_code"])

    assert told == ["body_too_large"] * 2


def test_bodies_and_rows_over_the_limit_are_refused(trained_home: Path) -> None:
    with serving(trained_home, "stream", limits=Limits(body_bytes=2_000, rows=10)) as client:
        stated = client.http.post("/invocations", content=b"x" * 2_001, headers=JSON)
        chunks = client.http.post(
            "/invocations", content=iter([b"x" * 1_500, b"x" * 1_500]), headers=JSON
        )
        rows = client.predict(*[RECORD] * 11)

        assert error(stated) == error(chunks) == (413, "body_too_large")
        assert error(rows) == (413, "too_many_rows")
        assert client.predict(*[RECORD] * 10).is_success


def test_bodies_that_are_held_are_bounded_together(trained_home: Path) -> None:
    with serving(trained_home, "stream", limits=Limits(held_bytes=1_000)) as client:
        large = client.http.post("/invocations", content=b" " * 1_001, headers=JSON)

        assert error(large) == (503, "busy")
        assert large.headers["Retry-After"] == "1"
        for _ in range(20):  # what was held is given back
            assert client.predict(RECORD).is_success


def test_slow_body_is_given_up_and_others_are_answered_meanwhile(trained_home: Path) -> None:
    with (
        serving(trained_home, "stream", limits=Limits(body_seconds=0.5)) as client,
        socket.create_connection(address_of(client), timeout=20) as slow,
    ):
        slow.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n"
            b"Content-Type: application/json\r\n\r\n{"
        )

        assert client.predict(RECORD).is_success
        head, _, body = slow.recv(65_536).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408")
        assert json.loads(body)["error_code"] == "slow_body"


@pytest.mark.parametrize("sent", [b"", b"POST /invoc", b"POST /invocations HTTP/1.1\r\nHost: l"])
def test_connection_that_asks_nothing_is_closed(trained_home: Path, sent: bytes) -> None:
    with (
        serving(trained_home, "stream", limits=Limits(body_seconds=0.3)) as client,
        socket.create_connection(address_of(client), timeout=20) as silent,
    ):
        silent.sendall(sent)

        assert silent.recv(1) == b""
        assert client.predict(RECORD).is_success


def test_bytes_that_are_no_request_do_not_end_the_server(server: Client) -> None:
    with socket.create_connection(address_of(server), timeout=20) as odd:
        odd.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        answered = odd.recv(65_536)

    assert answered.startswith((b"HTTP/1.1 400", b""))
    assert server.predict(RECORD).is_success


def test_full_queue_turns_requests_away() -> None:
    async def scene() -> tuple[list[str], int]:
        gate, go = Gate(Limits(queue=3)), threading.Event()
        work = [asyncio.create_task(gate.run(lambda: str(go.wait(20)))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(RequestError, match="3 requests wait already") as refused:
            await gate.run(lambda: "never")
        assert refused.value.status == 503
        go.set()
        answers = await asyncio.gather(*work)
        await asyncio.sleep(0)
        gate.close()
        return answers, gate.waiting

    assert asyncio.run(scene()) == (["True"] * 3, 0)


def test_work_over_its_time_is_answered_with_503_and_keeps_its_place() -> None:
    async def scene() -> None:
        gate, go = Gate(Limits(queue=1, seconds=0.05)), threading.Event()
        with pytest.raises(RequestError, match="no answer within"):
            await gate.run(lambda: go.wait(20))
        with pytest.raises(RequestError, match="wait already"):
            await gate.run(lambda: True)  # the first one still works
        go.set()
        while gate.waiting:
            await asyncio.sleep(0.01)
        assert await gate.run(lambda: True)
        gate.close()

    asyncio.run(scene())


def test_small_request_waits_while_the_server_checks_a_new_model(trained_home: Path) -> None:
    async def scene(store: Store) -> tuple[bool, int, bool]:
        slots, gate, go = Slots(store, ["stream"]), Gate(Limits()), threading.Event()
        slots.follow()

        def check() -> None:
            go.wait(20)

        app = create_app(slots, gate, Limits())
        checking = asyncio.create_task(asyncio.to_thread(gate.in_turn, check))
        while not gate.is_busy:
            await asyncio.sleep(0.01)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            asked = asyncio.create_task(client.post("/invocations", json=BODY))
            await asyncio.sleep(0.2)
            is_early = asked.done()
            go.set()
            answer = await asked
        await checking
        gate.close()
        return is_early, answer.status_code, gate.is_busy

    with open_store(Settings(home=trained_home)) as store:
        assert asyncio.run(scene(store)) == (False, 200, False)


async def ask(address: tuple[str, int], record: dict[str, Any]) -> tuple[int, Any]:
    """Send one request over a connection of its own; return status and answer."""
    reader, writer = await asyncio.open_connection(*address)
    body = json.dumps({"dataframe_records": [record]}).encode()
    head = f"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    head += "Content-Type: application/json\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    answered = await reader.read()
    writer.close()
    first, _, content = answered.partition(b"\r\n\r\n")
    return int(first.split()[1]), json.loads(content)


def test_five_hundred_requests_at_once_are_all_answered(server: Client) -> None:
    async def scene() -> list[tuple[int, Any]]:
        signs = [1 if number % 2 else -1 for number in range(500)]
        records = [{"a": 3.0 * sign, "b": 3.0 * sign, "c": "x"} for sign in signs]
        return list(await asyncio.gather(*(ask(address_of(server), record) for record in records)))

    found = asyncio.run(scene())

    assert [status for status, _ in found] == [200] * 500
    assert [said["predictions"] for _, said in found] == [[number % 2] for number in range(500)]


def test_full_queue_under_load_gives_503_and_the_rest_answers(trained_home: Path) -> None:
    # true where a number is expected is a case for the ordinary path, which waits in the queue
    record = {**RECORD, "a": True}

    async def scene(address: tuple[str, int]) -> list[tuple[int, Any]]:
        return list(await asyncio.gather(*(ask(address, record) for _ in range(100))))

    with serving(trained_home, "stream", limits=Limits(queue=2)) as client:
        found = asyncio.run(scene(address_of(client)))

        assert {status for status, _ in found} == {200, 503}
        assert {said["error_code"] for status, said in found if status == 503} == {"busy"}
        assert client.predict(RECORD).is_success


def test_small_requests_are_answered_beside_the_queue_only_while_nobody_waits(
    trained_home: Path,
) -> None:
    long = {"dataframe_records": [RECORD] * 20_000}
    with serving(trained_home, "stream", limits=Limits(queue=1)) as client:
        asking = threading.Thread(target=lambda: client.post("/invocations", long))
        asking.start()
        found = set()
        while asking.is_alive():
            found.add(client.predict(RECORD).status_code)
        asking.join()

        assert found <= {200, 503}
        assert 503 in found  # the place in the queue was taken
        assert client.predict(RECORD).status_code == 200


def test_server_off_loopback_demands_its_token(trained_home: Path) -> None:
    settings = Settings(home=trained_home, token=SecretStr("the word"))
    off = Address("0.0.0.0", 0)
    with serving(trained_home, "stream", settings=settings, address=off) as client:
        without = client.predict(RECORD)
        wrong = client.post("/invocations", BODY, headers={"Authorization": "Bearer the wore"})
        basic = client.post("/invocations", BODY, headers={"Authorization": "Basic the word"})
        shown = client.post("/invocations", BODY, headers={"Authorization": "Bearer the word"})

        assert error(without) == error(wrong) == error(basic) == (401, "unauthorised")
        assert without.headers["WWW-Authenticate"] == "Bearer"
        assert shown.is_success
        for path in ("/pipelines", "/metrics", "/version", "/openapi.json", "/nowhere"):
            assert client.http.get(path).status_code == 401
        for path in ("/ping", "/health/live", "/health/ready"):
            assert client.http.get(path).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
@pytest.mark.parametrize("token", [None, ""])
def test_server_off_loopback_without_a_token_does_not_start(
    trained_home: Path, host: str, token: str | None
) -> None:
    secret = None if token is None else SecretStr(token)
    with (
        open_store(Settings(home=trained_home, token=secret)) as store,
        pytest.raises(SpecError, match="set CALMOPS_TOKEN to a secret first"),
    ):
        prepare(store, ("stream",), Address(host, 0))


def test_port_that_is_taken_is_named(trained_home: Path, server: Client) -> None:
    with (
        open_store(Settings(home=trained_home)) as store,
        pytest.raises(SpecError, match="choose another one with --port"),
    ):
        prepare(store, ("stream",), Address(port=address_of(server)[1]))


def test_unknown_pipeline_is_named_before_anything_listens(trained_home: Path) -> None:
    with (
        open_store(Settings(home=trained_home)) as store,
        pytest.raises(NotFoundError, match="there is no pipeline 'other'"),
    ):
        prepare(store, ("stream", "other"), Address(port=0))


def test_pages_of_other_sites_cannot_ask(server: Client) -> None:
    foreign = server.post("/invocations", BODY, headers={"Host": "rebound.example"})
    preflight = server.http.options("/invocations", headers={"Origin": "http://other.example"})
    asked = server.post("/invocations", BODY, headers={"Origin": "http://other.example"})

    assert error(foreign) == (421, "wrong_host")
    assert error(preflight) == (405, "method_not_allowed")
    assert not any(name.startswith("access-control") for name in asked.headers)


def test_request_under_way_is_answered_when_the_server_stops(trained_home: Path) -> None:
    answers: list[httpx.Response] = []
    with serving(trained_home, "stream") as client:
        records = {"dataframe_records": [RECORD] * 50_000}
        content = json.dumps(records).encode()
        url = f"{client.http.base_url}/invocations"

        def ask_for_many() -> None:
            answers.append(httpx.post(url, content=content, headers=JSON, timeout=60))

        def under_way() -> threading.Thread | None:
            asking = threading.Thread(target=ask_for_many)
            asking.start()
            while asking.is_alive():
                if "calmops_queue 1.0" in client.http.get("/metrics").text:
                    return asking
            return None  # it was answered between two looks

        while (asking := under_way()) is None:
            assert answers[-1].is_success
    asking.join()

    assert len(answers[-1].json()["predictions"]) == 50_000
