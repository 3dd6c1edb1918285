"""Prefect's server hangs, is slow, fails, or has lost its database: the run goes on and knows."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from calmops_flows import api as calmops
from calmops_flows.store.outbox import undelivered
from calmops_flows.store.store import Store
from tests.prefect.conftest import Source
from tests.prefect.proxy import Proxy

pytestmark = pytest.mark.prefect


@contextmanager
def silent_server() -> Iterator[str]:
    """Listen, and never answer anybody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api"


class Failing(http.server.BaseHTTPRequestHandler):
    """Answers 500 to everything."""

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if self.raw_requestline and self.parse_request():
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_error(500)
        self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""

    def log_error(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def failing_server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/api"
        server.shutdown()


@pytest.mark.parametrize("broken", [silent_server, failing_server])
def test_run_goes_on_beside_a_server_that_hangs_or_fails(
    broken: object, store: Store, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.drop("1.csv", 1)
    with broken() as url, temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):  # type: ignore[operator]
        monkeypatch.setenv("PREFECT_API_URL", url)

        drained = calmops.run(source.spec("broken"), store=store)

    assert [o.decision for o in drained.outcomes] == ["trained"]
    kinds = {message.kind for message in undelivered(store.database, "broken")}
    assert "calmops.model.promoted" in kinds


class SlowProxy(Proxy):
    """Lets each piece of bytes wait."""

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        time.sleep(0.1)
        super()._pump(source, sink)


def test_run_under_a_slow_server_is_recorded_as_usual(
    client: SyncPrefectClient, store: Store, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.drop("1.csv", 1)
    with SlowProxy(str(client.api_url), cut_at=b"\0never\0") as proxy:
        monkeypatch.setenv("PREFECT_API_URL", proxy.url)

        drained = calmops.run(source.spec("patient"), store=store)

    (outcome,) = drained.outcomes
    state = client.read_flow_run(UUID(outcome.run_id)).state
    assert state is not None
    assert state.name == "Retrained"
    assert undelivered(store.database, "patient") == []
