"""Real servers on free loopback ports, in a thread of this process."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd

from calmops_flows.serving.limits import Limits
from calmops_flows.serving.run import Address, prepare
from calmops_flows.settings import Settings
from calmops_flows.spec import parse_spec
from calmops_flows.steps.apply import apply
from calmops_flows.steps.drain import drain
from calmops_flows.store import open_store
from calmops_flows.store.store import Store

NOW = datetime(2013, 1, 1, tzinfo=UTC)
RECORD: dict[str, Any] = {"a": 0.5, "b": 1.5, "c": "x"}


@dataclass
class Client:
    """A running server and an HTTP client to it."""

    http: httpx.Client
    store: Store

    def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        """Send JSON."""
        return self.http.post(path, json=body, **more)

    def predict(self, *records: Any, **params: Any) -> httpx.Response:
        """Send records to the only pipeline."""
        return self.post("/invocations", {"dataframe_records": list(records)}, params=params)

    def get(self, path: str) -> Any:
        """Return the JSON of a page."""
        return self.http.get(path).json()

    def until(self, version: int) -> None:
        """Wait until a version answers."""
        end = time.monotonic() + 20
        while self.http.get("/pipelines").json()["pipelines"][0]["version"] != version:
            assert time.monotonic() < end, self.http.get("/pipelines").text
            time.sleep(0.05)


def rows(seed: int, n: int = 400) -> pd.DataFrame:
    """Return two numbers, a category, and a label that the numbers tell."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"])
    frame["c"] = rng.choice(["x", "y", "z"], n)
    frame["y"] = (frame["a"] + frame["b"] > 0).astype(int)
    return frame


def trained(store: Store, folder: Path, frame: pd.DataFrame, **more: Any) -> str:
    """Apply a pipeline, and train it on one file; return its name."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "first.csv", index=False)
    spec = {
        "name": "stream",
        "target": "y",
        "source": {"path": str(folder), "settle_seconds": 0},
        "model": {"class": "sklearn.linear_model.LogisticRegression"},
        **more,
    }
    apply(parse_spec(spec), store)
    more_files(store, spec["name"])
    return str(spec["name"])


def more_files(store: Store, name: str) -> None:
    """Process what lies in the pipeline's folder."""
    drain(name, store, now=lambda: NOW)


@contextmanager
def serving(
    home: Path,
    *names: str,
    limits: Limits | None = None,
    settings: Settings | None = None,
    address: Address | None = None,
    log: Path | None = None,
) -> Iterator[Client]:
    """Run a server with a store of its own handles; stop it gracefully."""
    with open_store(settings or Settings(home=home)) as store:
        ready = prepare(store, names, address or Address(port=0), limits=limits, log=log)
        thread = threading.Thread(target=ready.run, daemon=True)
        thread.start()
        try:
            with httpx.Client(base_url=ready.url, timeout=30) as http:
                _until_up(http)
                yield Client(http, store)
        finally:
            ready.server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


def _until_up(http: httpx.Client) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            http.get("/health/live")
        except httpx.TransportError:
            assert time.monotonic() < end
            time.sleep(0.02)
        else:
            return


def error(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of an error, having checked its form."""
    body = response.json()
    assert set(body) == {"error_code", "message", "details", "request_id"}
    assert response.headers["content-type"] == "application/json"
    assert "Traceback" not in response.text
    assert 'File "' not in json.dumps(body)
    return response.status_code, body["error_code"]
