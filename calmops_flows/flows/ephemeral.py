"""A Prefect server for one process, which ends with that process, however it ends.

Prefect's own temporary server outlives a parent that is killed. This one looks every
half second whether it still has the parent that started it.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
import time

from calmops_flows.flows.detect import PrefectUnreachableError, is_reachable

STARTUP_SECONDS = 90.0
_LOOK_SECONDS = 0.5
_SERVICES_OFF = (
    "SCHEDULER",
    "LATE_RUNS",
    "CANCELLATION_CLEANUP",
    "PAUSE_EXPIRATIONS",
    "FOREMAN",
    "TRIGGERS",
)
_servers: list[tuple[subprocess.Popen[bytes], str]] = []


def ephemeral_api() -> str:
    """Start the server of this process, once, and return the URL of its API.

    Raises
    ------
    PrefectUnreachableError
        If it does not answer within 90 seconds.
    """
    for server, url in _servers:
        if server.poll() is None:
            return url
    _servers.clear()
    server, url = _start()
    _servers.append((server, url))
    atexit.register(_stop, server)
    _wait(server, url)
    return url


def _start() -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in _SERVICES_OFF}
    private = {
        "PREFECT_SERVER_UI_ENABLED": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    }
    kept = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    server = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", __name__, str(port), str(os.getpid())],
        env=kept | private | quiet,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    return server, f"http://127.0.0.1:{port}/api"


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while not is_reachable(url):
        if server.poll() is not None or time.monotonic() > deadline:
            _stop(server)
            raise PrefectUnreachableError(
                f"the temporary Prefect server did not answer within {STARTUP_SECONDS:.0f} seconds "
                f"(exit code {server.returncode}); start one with `prefect server start`"
            )
        time.sleep(0.1)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(timeout=5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


def _serve(port: int, parent: int) -> None:
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    import uvicorn

    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="on",
    )


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))
