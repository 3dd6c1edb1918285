"""A real S3 API for the tests: moto's server, on a port of its own, and a way to break it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ports import free_port

START_SECONDS = 60
KEY = "CANARYKEYID"
SECRET = "canary-secret-of-the-object-store"


def environment(endpoint: str) -> dict[str, str]:
    """Return what leads an S3 client to the server."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def running_s3() -> Iterator[str]:
    """Run a server while the block lasts; give its endpoint."""
    port = free_port()
    # A run that is killed must not leave a server behind.
    setpriv = shutil.which("setpriv")
    guard = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
    command = [*guard, sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            endpoint = f"http://127.0.0.1:{port}"
            _wait(endpoint, server, Path(f"/proc/self/fd/{log.fileno()}"))
            yield endpoint
        finally:
            server.kill()
            server.wait()


def make_bucket(endpoint: str) -> str:
    """Make an empty bucket and return its URL."""
    name = f"test-{uuid.uuid4().hex}"
    request = urllib.request.Request(f"{endpoint}/{name}", method="PUT")
    with urllib.request.urlopen(request, timeout=30):
        return f"s3://{name}"


def _wait(endpoint: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError) as err:
            if server.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the S3 server did not start: {said}") from err
            time.sleep(0.05)
