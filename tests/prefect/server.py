"""A real Prefect server in a process of its own, and what tests ask it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from calmops_flows.flows.detect import is_reachable
from tests.servers.ports import free_port

# How often a server looks or writes by itself; tests would only wait for it, 5 seconds each.
QUICK = {
    "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT1S",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "0.5",
    "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "1",
}
START_SECONDS = 180  # about 15 s alone; two busy cores shared by others need more
T = TypeVar("T")


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the variables for processes that talk to or are a Prefect server."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "CALMOPS_"))}
    own = {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PYTHONWARNINGS": "ignore",
    }
    return kept | own | more


def on_postgres(database: str) -> dict[str, str]:
    """Return the variables of a server whose database is this one."""
    url = database.replace("+psycopg", "+asyncpg")
    return {"PREFECT_SERVER_DATABASE_CONNECTION_URL": url}


@contextmanager
def running(log: Path, *command: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of Prefect's commands while the block lasts; end that process by its id."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", *command],
            cwd=log.parent,
            env=environment(log.parent, **variables),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        yield process
    finally:
        stop(process)


@contextmanager
def running_server(
    folder: Path, *, port: int | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run a Prefect server while the block lasts; give the URL of its API."""
    port = port or free_port()
    api = f"http://127.0.0.1:{port}/api"
    log = folder / "server.log"
    command = ("server", "start", "--host", "127.0.0.1", "--port", str(port))
    more = {**QUICK, **(variables or {}), "PREFECT_SERVER_UI_API_URL": api}
    with running(log, *command, **more) as process:
        try:
            wait_for(
                lambda: is_reachable(api) or process.poll() is not None,
                START_SECONDS,
                "server starts",
            )
            assert process.poll() is None, f"exit code {process.returncode}"
        except AssertionError as err:
            raise AssertionError(f"{err}; the server said:\n{log.read_text()[-4000:]}") from err
        yield api


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process, harder each time."""
    for ask in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(ask)
        try:
            process.wait(timeout=8)
        except subprocess.TimeoutExpired:
            continue
        return


def wait_for(look: Callable[[], T], seconds: float, what: str) -> T:
    """Look again and again until something is there."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds:g} seconds: {what}"
        time.sleep(0.2)
    return found
