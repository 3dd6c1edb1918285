"""The tree of services: started in order, looked after, and ended as a whole."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from calmops_flows.errors import NotFoundError, SpecError
from calmops_flows.services import Addresses, Service, Supervisor, find_tree, plan, stop_tree
from calmops_flows.services.plan import check_ports
from calmops_flows.settings import Settings
from tests.servers.ports import free_port

PATIENCE_SECONDS = 120
SLEEP = "import time; print('here', flush=True); time.sleep(600)"
PARENT = (
    "import subprocess, sys, time; "
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); time.sleep(600)"
)
TREE = """
import logging, pathlib, sys
from calmops_flows.services import Service, Supervisor, hold_tree
home = pathlib.Path(sys.argv[1])
services = [Service(name, (sys.executable, "-c", sys.argv[2])) for name in ("first", "second")]
with hold_tree(home):
    supervisor = Supervisor(services, logging.getLogger("tree"))
    import signal
    def leave(number, frame):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, leave)
    supervisor.run()
"""


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def wait_for(is_reached: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_reached():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> logging.Logger:
    logger = logging.getLogger("calmops_flows.test_services")
    caplog.set_level(logging.INFO, logger=logger.name)
    return logger


@pytest.fixture
def supervise(log: logging.Logger) -> Iterator[Callable[..., Supervisor]]:
    made: list[Supervisor] = []

    def make(*services: Service, check: Callable[[str], bool] = lambda _: True) -> Supervisor:
        supervisor = Supervisor(services, log, check)
        supervisor.begin()
        made.append(supervisor)
        return supervisor

    yield make
    for supervisor in made:
        supervisor.stop()


def turn_until(supervisor: Supervisor, is_reached: Callable[[], object], what: str) -> None:
    def turn() -> object:
        supervisor.turn()
        return is_reached()

    wait_for(turn, what)


def test_others_wait_until_the_first_one_is_well(
    supervise: Callable[..., Supervisor], caplog: pytest.LogCaptureFixture
) -> None:
    well: list[str] = []
    first = Service("first", python(SLEEP), health="http://first")
    second = Service("second", python(SLEEP))
    supervisor = supervise(first, second, check=lambda _: bool(well))
    turn_until(supervisor, lambda: "first     | here" in caplog.text, "the first one runs")
    early = "second started" in caplog.text

    well.append("yes")
    turn_until(supervisor, lambda: "second    | here" in caplog.text, "the second one runs")

    assert not early


def test_killed_service_is_started_again_and_a_done_job_is_not(
    supervise: Callable[..., Supervisor], caplog: pytest.LogCaptureFixture
) -> None:
    job = Service("job", python("print('job done', flush=True)"), ends=True)
    supervisor = supervise(Service("first", python(SLEEP)), job)
    turn_until(supervisor, lambda: "job done" in caplog.text, "the job runs")
    pid = int(caplog.text.split("first started as process ")[1].split()[0])

    os.kill(pid, signal.SIGKILL)
    turn_until(supervisor, lambda: caplog.text.count("first started") == 2, "it starts again")

    assert "first ended with code -9; starting again in 1 s" in caplog.text
    assert caplog.text.count("job done") == 1


def test_service_that_fails_again_and_again_waits_longer_each_time(
    supervise: Callable[..., Supervisor], caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = supervise(Service("bad", python("raise SystemExit(3)")))

    turn_until(supervisor, lambda: "starting again in 4 s" in caplog.text, "it fails three times")

    waits = [line.rsplit(" in ", 1)[1] for line in caplog.messages if "starting again" in line]
    assert waits == ["1 s", "2 s", "4 s"]


def test_stop_ends_grandchildren_and_those_who_refuse(
    supervise: Callable[..., Supervisor], caplog: pytest.LogCaptureFixture
) -> None:
    me = psutil.Process()
    others = set(me.children())  # servers of other tests in this process
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
    supervisor = supervise(Service("stubborn", python(stubborn)), Service("parent", python(PARENT)))
    turn_until(supervisor, lambda: "stubborn  | here" in caplog.text, "the stubborn one runs")
    turn_until(supervisor, lambda: "parent started" in caplog.text, "the parent runs")
    wait_for(lambda: len(family(me, others)) >= 3, "the grandchild runs")
    before = family(me, others)

    supervisor.stop()

    _, alive = psutil.wait_procs(before, timeout=PATIENCE_SECONDS)
    assert alive == []
    forced = [line.split()[2] for line in caplog.messages if line.endswith("s: forced")]
    assert forced == ["stubborn"]


def family(me: psutil.Process, others: set[psutil.Process]) -> list[psutil.Process]:
    """Return the children that are none of the others, with their descendants."""
    own = [child for child in me.children() if child not in others]
    return [*own, *(one for child in own for one in child.children(recursive=True))]


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes], list[psutil.Process]]]:
    """Run a supervisor of two services in a process of its own."""
    home = tmp_path / "tree"
    with subprocess.Popen([sys.executable, "-c", TREE, str(home), PARENT]) as process:
        try:
            me = psutil.Process(process.pid)
            wait_for(lambda: len(me.children(recursive=True)) == 4, "all services run")
            family = me.children(recursive=True)
            yield home, process, family
        finally:
            process.kill()


@pytest.mark.timeout(400)
def test_children_die_with_a_killed_supervisor(
    tree: tuple[Path, subprocess.Popen[bytes], list[psutil.Process]],
) -> None:
    home, process, family = tree
    direct = [child for child in family if child.ppid() == process.pid]

    process.kill()
    process.wait()

    _, alive = psutil.wait_procs(direct, timeout=PATIENCE_SECONDS)
    for orphan in family:
        with suppress(psutil.NoSuchProcess):
            orphan.kill()  # grandchildren of plain Python end with nobody
    assert alive == []
    assert find_tree(home) is None


@pytest.mark.timeout(400)
def test_down_ends_exactly_the_tree_that_is_up(
    tree: tuple[Path, subprocess.Popen[bytes], list[psutil.Process]],
) -> None:
    home, process, family = tree
    with subprocess.Popen(python(SLEEP), stdout=subprocess.DEVNULL) as bystander:
        ended = stop_tree(home)

        _, alive = psutil.wait_procs(family, timeout=PATIENCE_SECONDS)
        assert process.wait(timeout=PATIENCE_SECONDS) == 143
        assert bystander.poll() is None
        bystander.kill()
    assert ended.pid == process.pid
    assert alive == []
    with pytest.raises(NotFoundError, match="calmops up"):
        stop_tree(home)


def test_stale_file_names_nobody(tmp_path: Path) -> None:
    (tmp_path / "up.json").write_text(f'{{"pid": {os.getpid()}, "identity": "a/b/c/1/2"}}')

    assert find_tree(tmp_path) is None


def test_server_off_loopback_demands_a_token_and_asks_for_it(calmops_home: Path) -> None:
    outside = Addresses(host="0.0.0.0")
    with pytest.raises(SpecError, match="CALMOPS_TOKEN"):
        plan(Settings(home=calmops_home), outside)

    server, *others = plan(Settings(home=calmops_home, token="hunter2"), outside)

    assert server.secrets["PREFECT_SERVER_API_AUTH_STRING"] == "calmops:hunter2"
    assert all(o.secrets == {"PREFECT_API_AUTH_STRING": "calmops:hunter2"} for o in others)
    assert all("hunter2" not in repr((s.command, s.variables)) for s in (server, *others))


def test_taken_port_is_named_with_its_option() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        addresses = Addresses(server_port=free_port(), worker_port=port)

        with pytest.raises(SpecError, match=f"port {port} is taken .* --worker-port"):
            check_ports(addresses, has_dashboard=False)
