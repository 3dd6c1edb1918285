"""A Prefect server in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from tests.fresh.environment import FreshEnvironment
from tests.servers.ports import free_port

START_SECONDS = 90


@contextmanager
def running_prefect(environment: FreshEnvironment) -> Iterator[str]:
    """Run the environment's Prefect server while the block lasts; give the URL of its API."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    log = environment.home / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [
                environment.program("prefect"),
                "server",
                "start",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
            ],
            cwd=environment.home,
            env=environment.variables(PREFECT_SERVER_UI_API_URL=api),
            stdout=out,
            stderr=out,
        )
    try:
        _wait(api, server)
        yield api
    except TimeoutError as err:
        said = log.read_text(errors="replace")[-4000:]
        raise AssertionError(f"{err}; the server said:\n{said}") from err
    finally:
        _stop(server)


def _wait(api: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise TimeoutError(f"the server ended with exit code {server.returncode}")
        try:
            with urllib.request.urlopen(f"{api}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise TimeoutError(f"the server did not answer within {START_SECONDS} seconds")


def _stop(server: subprocess.Popen[bytes]) -> None:
    for ask in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if server.poll() is None:
            server.send_signal(ask)
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            continue
        return
