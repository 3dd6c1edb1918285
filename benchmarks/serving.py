"""The prediction server: latency, throughput, a large request, and promotions under load.

A real server in a process of its own; the client is one asyncio connection per lane that sends
the next request when the last one is answered. Beside it, in the same run, a bare FastAPI handler
that answers a constant under the same uvicorn, and, with ``--mlflow``, MLflow's scoring server with
the same logistic regression, in an environment of its own under ``build/peers``.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import psutil

from benchmarks.figures import Figure, own_home, show
from benchmarks.peer_tools.scoring import free_port, mlflow_server
from calmops_flows.settings import load_settings
from calmops_flows.spec import parse_spec
from calmops_flows.steps.apply import apply
from calmops_flows.steps.drain import drain
from calmops_flows.store.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NUMERIC = [f"x{place}" for place in range(10)]
BARE = """
import sys, uvicorn
from fastapi import FastAPI, Request
app = FastAPI()
@app.post("/invocations")
async def answer(request: Request):
    await request.json()
    return {"predictions": [1]}
uvicorn.run(app, port=int(sys.argv[1]), log_level="critical", access_log=False)
"""


@dataclass
class Load:
    """What came of sending one body again and again; versions by connection."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    total_seconds: float = 0.0
    versions: list[list[int]] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def quantile(self, share: float) -> float:
        """Return a quantile of the latency in milliseconds."""
        return float(np.quantile(self.seconds, share)) * 1e3

    @property
    def cpu(self) -> float:
        """Milliseconds of the server's CPU time for a request."""
        return self.cpu_seconds / len(self.seconds) * 1e3

    @property
    def rate(self) -> float:
        """Requests answered in a second."""
        return len(self.seconds) / self.total_seconds


def rows(seed: int, n: int, *, is_mixed: bool) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, len(NUMERIC))), columns=NUMERIC)
    label = frame["x0"] + frame["x1"] + rng.normal(0, 0.5, n) > 0
    if is_mixed:
        for name in ("c0", "c1", "c2", "c3"):
            frame[name] = rng.choice(list("abcdef"), n)
        frame["k"] = rng.integers(0, 9, n)
    return frame.assign(y=label.astype(int))


def train(store: Store, folder: Path, name: str, *, is_mixed: bool, **more: Any) -> dict[str, Any]:
    """Train a pipeline on 5,000 rows; return one record to ask about."""
    source = folder / name
    source.mkdir()
    frame = rows(1, 5_000, is_mixed=is_mixed)
    frame.to_csv(source / "a.csv", index=False)
    model = "ensemble.GradientBoostingClassifier" if is_mixed else "linear_model.LogisticRegression"
    values = {
        "name": name,
        "target": "y",
        "source": {"path": str(source), "settle_seconds": 0},
        "model": {"class": f"sklearn.{model}"},
        **more,
    }
    apply(parse_spec(values), store)
    drain(name, store, now=lambda: datetime.now(UTC))
    record: dict[str, Any] = json.loads(frame.drop(columns="y").head(1).to_json(orient="records"))[
        0
    ]
    return record


@contextmanager
def process(command: list[str], **environment: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command, env=os.environ | environment, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            yield server
        finally:
            server.terminate()


@contextmanager
def calmops(*names: str) -> Iterator[tuple[int, psutil.Process]]:
    """Run the command on a free port; give the port and the process."""
    with process(
        [sys.executable, "-m", "calmops_flows.cli.main", "serve", *names, "--port", "0"]
    ) as s:
        assert s.stderr is not None
        found = re.search(r":(\d+) ", s.stderr.readline())
        assert found
        asyncio.run(up(int(found.group(1)), "/health/live"))
        yield int(found.group(1)), psutil.Process(s.pid)


@contextmanager
def bare(port: int) -> Iterator[tuple[int, psutil.Process]]:
    with process([sys.executable, "-c", BARE, str(port)]) as s:
        asyncio.run(up(port, "/openapi.json"))
        yield port, psutil.Process(s.pid)


async def up(port: int, path: str) -> None:
    for _ in range(1_200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            writer.close()
            return
    sys.exit(f"no server on port {port}")


async def lane(
    port: int, path: str, body: bytes, until: Callable[[int], bool], found: Load
) -> None:
    """Send requests over one connection until told to stop."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    versions: list[int] = []
    found.versions.append(versions)
    while not until(len(found.seconds)):
        start = time.perf_counter()
        writer.write(request)
        answered = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = re.search(rb"content-length: (\d+)", answered)
        await reader.readexactly(int(length.group(1)) if length else 0)
        found.seconds.append(time.perf_counter() - start)
        version = re.search(rb"x-model-version: (\d+)", answered)
        versions.append(int(version.group(1)) if version else 0)
        if not answered.startswith(b"http/1.1 200"):
            found.failed += 1
    writer.close()


def load(
    port: int,
    path: str,
    body: Any,
    *,
    until: Callable[[int], bool],
    lanes: int = 1,
    server: psutil.Process | None = None,
) -> Load:
    """Send a body over some connections at once."""
    content = json.dumps(body).encode()

    async def all_lanes() -> Load:
        found = Load()
        start = time.perf_counter()
        await asyncio.gather(*(lane(port, path, content, until, found) for _ in range(lanes)))
        found.total_seconds = time.perf_counter() - start
        return found

    before = cpu_seconds(server)
    found = asyncio.run(all_lanes())
    found.cpu_seconds = cpu_seconds(server) - before
    return found


def cpu_seconds(server: psutil.Process | None) -> float:
    if server is None:
        return 0.0
    times = [one.cpu_times() for one in (server, *server.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


def after(n: int) -> Callable[[int], bool]:
    return lambda done: done >= n


def measure(
    port: int, path: str, record: dict[str, Any], n: int, server: psutil.Process | None = None
) -> tuple[Load, Load]:
    """Return one row over one connection, and over eight."""
    body = {"dataframe_records": [record]}
    load(port, path, body, until=after(100))
    one = load(port, path, body, until=after(n), server=server)
    return one, load(port, path, body, until=after(n), lanes=8)


def promotions(store: Store, folder: Path, record: dict[str, Any]) -> list[Figure]:
    """Promote twenty times while two connections ask."""
    with calmops("changing") as (port, _):
        stop = threading.Event()
        results: list[Load] = []
        body = {"dataframe_records": [record]}
        path = "/pipelines/changing/invocations"
        asking = threading.Thread(
            target=lambda: results.append(
                load(port, path, body, until=lambda _: stop.is_set(), lanes=2)
            )
        )
        asking.start()
        for number in range(20):
            frame = rows(number + 10, 500, is_mixed=False)
            frame.to_csv(folder / "changing" / f"b{number:02}.csv", index=False)
            drain("changing", store, now=lambda: datetime.now(UTC))
        time.sleep(2.0)  # the last one is followed within this time
        stop.set()
        asking.join()
    (found,) = results
    back = sum(a > b for mine in found.versions for a, b in itertools.pairwise(mine))
    last = min(mine[-1] for mine in found.versions)
    return [
        Figure(f"20 promotions, {len(found.seconds)} requests: failed", found.failed, "", 0),
        Figure("20 promotions: versions that went back", back, "", 0),
        Figure("20 promotions: version 2 s after the last one", last, "", 21, is_floor=True),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--mlflow", action="store_true")
    options = parser.parse_args()
    n = options.requests
    before = os.getloadavg()[0]
    with own_home() as home, open_store(load_settings()) as store:
        one = train(store, home, "numeric", is_mixed=False)
        two = train(store, home, "mixed", is_mixed=True)
        always = {"retrain": {"when": "always"}, "evaluation": {"promotion": {"rule": "always"}}}
        three = train(store, home, "changing", is_mixed=False, **always)
        with calmops("numeric", "mixed") as (port, server):
            single, many = measure(port, "/pipelines/numeric/invocations", one, n, server)
            mixed, mixed_many = measure(port, "/pipelines/mixed/invocations", two, n // 2, server)
            body = {"dataframe_split": split(rows(3, 10_000, is_mixed=False))}
            large = load(
                port, "/pipelines/numeric/invocations", body, until=after(20), server=server
            )
        with bare(free_port()) as (bare_port, bare_server):
            floor, floor_many = measure(bare_port, "/invocations", one, n, bare_server)
        show(
            Figure("numeric logistic regression, one row: p50", single.quantile(0.5), "ms", 3),
            Figure("numeric logistic regression, one row: p99", single.quantile(0.99), "ms", 15),
            Figure("numeric, one connection", single.rate, "1/s", 400, is_floor=True),
            Figure("numeric, eight connections", many.rate, "1/s"),
            Figure("mixed columns, boosted trees, one row: p50", mixed.quantile(0.5), "ms", 12),
            Figure("mixed columns, one connection", mixed.rate, "1/s", 100, is_floor=True),
            Figure("mixed columns, eight connections", mixed_many.rate, "1/s"),
            Figure(
                "10,000 numeric rows, median", statistics.median(large.seconds) * 1e3, "ms", 200
            ),
            Figure("CPU time of the server: one numeric row", single.cpu, "ms"),
            Figure("CPU time of the server: one mixed row", mixed.cpu, "ms"),
            Figure("CPU time of the server: 10,000 numeric rows", large.cpu, "ms"),
            Figure("failed requests", sum(x.failed for x in (single, many, mixed, large)), "", 0),
            Figure("bare FastAPI handler: p50", floor.quantile(0.5), "ms"),
            Figure("bare FastAPI handler: p99", floor.quantile(0.99), "ms"),
            Figure("CPU time of the bare handler: one row", floor.cpu, "ms"),
            Figure(
                "one numeric row: p50 in bare handlers",
                single.quantile(0.5) / floor.quantile(0.5),
                "x",
            ),
            Figure(
                "one mixed row: p50 in bare handlers",
                mixed.quantile(0.5) / floor.quantile(0.5),
                "x",
            ),
            Figure("bare FastAPI handler, one connection", floor.rate, "1/s"),
            Figure("bare FastAPI handler, eight connections", floor_many.rate, "1/s"),
            *(peer(home, one, n) if options.mlflow else []),
            *promotions(store, home, three),
            Figure("load average of the last minute: at the start", before, ""),
            Figure("load average of the last minute: at the end", os.getloadavg()[0], ""),
        )


def split(frame: pd.DataFrame) -> dict[str, Any]:
    return {"columns": NUMERIC, "data": frame[NUMERIC].to_numpy().tolist()}


def peer(home: Path, record: dict[str, Any], n: int) -> list[Figure]:
    """Measure MLflow's scoring server with a logistic regression fitted on the same rows."""
    rows(1, 5_000, is_mixed=False).to_csv(home / "peer.csv", index=False)
    with mlflow_server(home / "peer.csv", home / "peer") as found:
        if found is None:
            return []
        port, server = found[0], psutil.Process(found[1])
        single, many = measure(port, "/invocations", record, n, server)
        body = {"dataframe_split": split(rows(3, 10_000, is_mixed=False))}
        large = load(port, "/invocations", body, until=after(20))
    return [
        Figure("MLflow's scoring server, one row: p50", single.quantile(0.5), "ms"),
        Figure("MLflow's scoring server, one row: p99", single.quantile(0.99), "ms"),
        Figure("CPU time of MLflow's server: one row", single.cpu, "ms"),
        Figure("MLflow's scoring server, one connection", single.rate, "1/s"),
        Figure("MLflow's scoring server, eight connections", many.rate, "1/s"),
        Figure("MLflow's, 10,000 rows, median", statistics.median(large.seconds) * 1e3, "ms"),
    ]


if __name__ == "__main__":
    main()
