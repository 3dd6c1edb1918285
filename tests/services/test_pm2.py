"""PM2 really keeps the services: they start in order, come back, and end with `down`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from calmops_flows.cli.main import main
from calmops_flows.errors import NotFoundError
from calmops_flows.services import Service, pm2
from calmops_flows.services.environment import write_environment
from calmops_flows.services.health import is_well
from tests.servers.node import from_npm
from tests.servers.ports import free_port

PATIENCE_SECONDS = 150
SECRET = 'hunter2 "$HOME" \\'
TELL = (
    "import os, pathlib, time; "
    "pathlib.Path(os.environ['TOLD']).write_text(os.environ['CALMOPS_TOKEN']); time.sleep(600)"
)
SERVE = (
    "import http.server, os; "
    "h = http.server.SimpleHTTPRequestHandler; h.log_message = lambda *_: None; "
    "http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), h).serve_forever()"
)


def wait_for(is_reached: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_reached():
        assert time.monotonic() < end, what
        time.sleep(0.1)


@pytest.fixture
def pm2_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put PM2 on the PATH with a daemon of its own, which ends with the test."""
    folder = tmp_path / "pm2"
    executable = from_npm(".bin/pm2")
    monkeypatch.setenv("PATH", f"{executable.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PM2_HOME", str(folder))
    yield folder
    if (folder / "pm2.pid").exists():
        subprocess.run([executable, "kill"], check=True, capture_output=True, timeout=60)


def apps(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what PM2's daemon keeps, by the name of the service."""
    kept = pm2.Kept(str(from_npm(".bin/pm2")), str(folder), (), is_daemon_ours=False)
    return {app["name"].split("-")[1]: app for app in pm2.listed(kept)}


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_killed_service_comes_back_and_secrets_reach_it_alone(
    pm2_home: Path, tmp_path: Path
) -> None:
    home, port, told = tmp_path / "home", free_port(), tmp_path / "told"
    server = Service(
        "server", python(SERVE), {"PORT": str(port)}, health=f"http://127.0.0.1:{port}/"
    )
    others = (
        Service("teller", python(TELL), {"TOLD": str(told)}),
        Service("job", python("print('done')"), ends=True),
    )
    environment = write_environment(home, {"CALMOPS_TOKEN": SECRET})

    def is_told() -> bool:  # a file that is being written is there before its content
        return told.exists() and told.read_text() == SECRET

    file = pm2.start((server, *others), home, environment)
    wait_for(is_told, "the teller starts when the server answers")
    first = apps(pm2_home)["teller"]["pid"]
    told.unlink()

    os.kill(first, signal.SIGKILL)
    wait_for(is_told, "the teller comes back with the secret")

    now = apps(pm2_home)
    assert now["teller"]["pid"] != first
    assert now["teller"]["pm2_env"]["restart_time"] == 1
    wait_for(lambda: apps(pm2_home)["job"]["pm2_env"]["status"] == "stopped", "the job ends once")
    assert "hunter2" not in file.read_text() + json.dumps(now)


def test_what_others_gave_to_pm2_stays(pm2_home: Path, tmp_path: Path) -> None:
    executable, home = str(from_npm(".bin/pm2")), tmp_path / "home"
    bystander = ["start", "/bin/sleep", "--name", "their-own", "--interpreter", "none", "--", "600"]
    subprocess.run([executable, *bystander], check=True, capture_output=True, timeout=60)
    service = Service("sleeper", python("import time; time.sleep(600)"))
    pm2.start((service,), home, write_environment(home, {}))
    pid = apps(pm2_home)["sleeper"]["pid"]
    kept = pm2.find(home)
    assert kept is not None

    pm2.stop(home, kept)

    assert {name: app["pm2_env"]["status"] for name, app in apps(pm2_home).items()} == {
        "own": "online"
    }
    wait_for(lambda: not psutil.pid_exists(pid), "the service ends")
    assert pm2.find(home) is None


def test_without_pm2_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NotFoundError, match="npm install"):
        pm2.start((), tmp_path, tmp_path / "calmops.env")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_up_and_down_with_pm2(
    pm2_home: Path,
    calmops_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CALMOPS_TOKEN", SECRET)
    ports = {name: free_port() for name in ("server", "worker", "dashboard")}
    options = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]

    assert main(["up", "--persistence", "pm2", *options]) == 0
    health = {
        "server": f"http://127.0.0.1:{ports['server']}/api/health",
        "worker": f"http://127.0.0.1:{ports['worker']}/health",
        "dashboard": f"http://127.0.0.1:{ports['dashboard']}/_stcore/health",
    }
    for name, url in health.items():
        wait_for(lambda url=url: is_well(url), f"the {name} answers")  # type: ignore[misc]
    again = main(["up", "--persistence", "pm2", *options])
    pids = [app["pid"] for app in apps(pm2_home).values() if app["pid"]]
    tree = [p for pid in pids for p in (psutil.Process(pid), *psutil.Process(pid).children(True))]
    daemon = psutil.Process(int((pm2_home / "pm2.pid").read_text()))
    ended = main(["down"])

    said = capsys.readouterr()
    assert again == 2
    assert "`calmops down` ends them" in said.err
    assert ended == 0
    _, alive = psutil.wait_procs([*tree, daemon], timeout=PATIENCE_SECONDS)
    assert alive == []
    assert "hunter2" not in (calmops_home / "ecosystem.config.js").read_text()
    assert main(["down"]) == 2
