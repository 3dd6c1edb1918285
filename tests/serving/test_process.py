"""The command as a process: it says where it is, ends on signals, and a killed one is replaced."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from calmops_flows.cli.main import main
from tests.servers.ports import free_port
from tests.serving.served import RECORD

COMMAND = (sys.executable, "-m", "calmops_flows.cli.main", "serve")
BODY = {"dataframe_records": [RECORD]}


@contextmanager
def command(home: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the command; give the process and the URL that it says."""
    environment = {**os.environ, "CALMOPS_HOME": str(home)}
    with subprocess.Popen(
        [*COMMAND, *arguments], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r"http://\S+", line)
            assert found, line + process.stderr.read()
            yield process, found.group()
        finally:
            process.kill()


def until_up(url: str) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"{url}/health/live")
        except httpx.TransportError:
            assert time.monotonic() < end
            time.sleep(0.05)
        else:
            return


def test_killed_server_is_replaced_under_load_and_sigterm_ends_it_in_good_order(
    trained_home: Path,
) -> None:
    port = free_port()
    url, stop, seen, lost = f"http://127.0.0.1:{port}", threading.Event(), list[str](), list[str]()

    def ask() -> None:
        while not stop.is_set():
            try:
                answered = httpx.post(f"{url}/invocations", json=BODY)
                seen.append(str(answered.json().get("predictions", answered.text)))
            except httpx.TransportError as err:
                lost.append(str(err))
                time.sleep(0.05)

    with command(trained_home, "stream", "--port", str(port)) as (process, _):
        until_up(url)
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        while len(seen) < 20:
            assert asking.is_alive()
            time.sleep(0.01)
        process.kill()
        process.wait(60)
    before = len(seen)
    with command(trained_home, "stream", "--port", str(port)) as (process, _):
        until_up(url)
        while len(seen) < before + 20:
            assert asking.is_alive()
            time.sleep(0.01)
        stop.set()
        asking.join()
        process.send_signal(signal.SIGTERM)

        assert process.wait(60) == 128 + signal.SIGTERM
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert set(seen) == {"[1]"}
    assert lost


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nothing",), "there is no pipeline 'nothing'"),
        (("stream", "--host", "0.0.0.0"), "set CALMOPS_TOKEN to a secret first"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    trained_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.setenv("CALMOPS_HOME", str(trained_home))

    code = main(["serve", *arguments])

    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert says in said.err
    assert said.err.count("\n") == 1
