"""Services kept running by PM2: an ecosystem file, and a record of what was started.

PM2 keeps what it is given, so it is given no secret: each service reads the environment file
itself (``launch``), and PM2's own command runs with few variables of the present environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from calmops_flows.errors import CalmopsError, NotFoundError
from calmops_flows.services.environment import write_file
from calmops_flows.services.launch import AFTER
from calmops_flows.services.plan import Service

FILE_NAME = "ecosystem.config.js"
RECORD_NAME = "pm2.json"
PASSED = frozenset(
    ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "PM2_HOME", "SHELL", "TMPDIR", "TZ", "USER")
)
KILL_TIMEOUT_MS = 8000
FOR_EVER = {"exp_backoff_restart_delay": 1000, "max_restarts": 1_000_000}
# With a delay PM2 would say of a job that is done that it waits for a restart.
JOB = {"stop_exit_codes": [0], "min_uptime": 60_000, "max_restarts": 10}
COMMAND_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What `start` has given to PM2.

    Attributes
    ----------
    executable : str
        PM2's command.
    folder : str
        ``PM2_HOME`` of the daemon that keeps the services.
    names : tuple of str
        Their names there.
    is_daemon_ours : bool
        Whether there was no daemon before.
    """

    executable: str
    folder: str
    names: tuple[str, ...]
    is_daemon_ours: bool


def ecosystem(services: Sequence[Service], home: Path, environment: Path) -> str:
    """Return the text of the ecosystem file; names are unique to the home.

    Parameters
    ----------
    services : sequence of Service
        The first one is what the others wait for.
    home : Path
        ``CALMOPS_HOME``.
    environment : Path
        The environment file, which holds the secrets.
    """
    first = services[0]
    apps = [
        _app(service, home, environment, None if service is first else first.health)
        for service in services
    ]
    return f"module.exports = {json.dumps({'apps': apps}, indent=2)};\n"


def start(services: Sequence[Service], home: Path, environment: Path) -> Path:
    """Write the ecosystem file, give it to PM2, and record what was given.

    Returns
    -------
    Path
        The ecosystem file.

    Raises
    ------
    NotFoundError
        If PM2 is not installed.
    CalmopsError
        If PM2 fails.
    """
    executable = shutil.which("pm2")
    if executable is None:
        raise NotFoundError("`pm2` is not on the PATH: npm install --global pm2")
    folder = os.environ.get("PM2_HOME") or str(Path("~/.pm2").expanduser())
    names = tuple(_name(service, home) for service in services)
    kept = Kept(executable, folder, names, not _has_daemon(folder))
    file = home / FILE_NAME
    write_file(file, ecosystem(services, home, environment), 0o644)
    write_file(home / RECORD_NAME, json.dumps(asdict(kept)), 0o600)
    _run(kept, "start", str(file))
    return file


def find(home: Path) -> Kept | None:
    """Return what PM2 still keeps of what was given to it for this home, or None."""
    try:
        values = json.loads((home / RECORD_NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    kept = Kept(**{**values, "names": tuple(values["names"])})
    if not _has_daemon(kept.folder):
        return None
    known = {app["name"] for app in listed(kept)}
    return kept if known & set(kept.names) else None


def stop(home: Path, kept: Kept) -> None:
    """Take the services from PM2, and end its daemon if it came with them and has nothing else.

    Raises
    ------
    CalmopsError
        If PM2 fails.
    """
    known = {app["name"] for app in listed(kept)}
    _run(kept, "delete", *(name for name in kept.names if name in known))
    if kept.is_daemon_ours and not listed(kept):
        _run(kept, "kill")
    (home / RECORD_NAME).unlink()


def listed(kept: Kept) -> list[dict[str, Any]]:
    """Return what PM2 says about all that its daemon keeps.

    Raises
    ------
    CalmopsError
        If PM2 fails.
    """
    said = _run(kept, "jlist")
    lines = [line for line in said.splitlines() if line.startswith(("[{", "[]"))]
    if not lines:
        raise CalmopsError(f"`pm2 jlist` gave no list, but {said[:200]!r}; is PM2 of version 5+?")
    found: list[dict[str, Any]] = json.loads(lines[-1])
    return found


def _app(service: Service, home: Path, environment: Path, after: str | None) -> dict[str, Any]:
    wait = () if after is None else (AFTER, after)
    launch = ("-m", "calmops_flows.services.launch", str(environment), *wait)
    return {
        "name": _name(service, home),
        "namespace": "calmops",
        "script": sys.executable,
        "args": [*launch, *service.command],
        "interpreter": "none",
        "cwd": str(home),
        "env": dict(service.variables),
        "vizion": False,
        "kill_timeout": KILL_TIMEOUT_MS,
        **(JOB if service.ends else FOR_EVER),
    }


def _name(service: Service, home: Path) -> str:
    return f"calmops-{service.name}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:8]}"


def _has_daemon(folder: str) -> bool:
    try:
        os.kill(int((Path(folder) / "pm2.pid").read_text(encoding="ascii")), 0)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True  # another user's
    return True


def _run(kept: Kept, *words: str) -> str:
    environment: Mapping[str, str] = {k: v for k, v in os.environ.items() if k in PASSED} | {
        "PM2_HOME": kept.folder,
        "PM2_DISABLE_VERSION_CHECK": "true",
    }
    done = subprocess.run(  # noqa: S603 - the user's own PM2
        [kept.executable, *words, "--no-color"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise CalmopsError(f"`pm2 {' '.join(words)}` failed with code {done.returncode}: {said}")
    return done.stdout
