"""Is a systemd unit whole? Our own check, and systemd's where it is installed."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

KNOWN = {
    "Unit": {"Description", "After"},
    "Service": {
        "Type",
        "EnvironmentFile",
        "ExecStart",
        "Restart",
        "RestartSec",
        "SuccessExitStatus",
        "KillMode",
        "TimeoutStopSec",
        "NoNewPrivileges",
    },
    "Install": {"WantedBy"},
}
VALUES = {
    "Type": {"simple", "exec", "notify"},
    "Restart": {"no", "on-failure", "always"},
    "KillMode": {"control-group", "mixed"},
    "NoNewPrivileges": {"true", "false"},
}


def complaints(unit: Path) -> list[str]:
    """Return what is wrong with a unit.

    Without ``systemd-analyze``, as in most containers, only our own check speaks: sections and
    directives that this project writes, their values, quoting, and files that must be there.
    """
    found = own_complaints(unit.read_text(encoding="utf-8"))
    program = shutil.which("systemd-analyze")
    if program is None:
        return found
    # Other units of the machine make sockets there, whose names must be short.
    with tempfile.TemporaryDirectory(prefix="xdg-") as folder:
        verified = subprocess.run(
            [program, "verify", "--user", "--man=no", str(unit)],
            capture_output=True,
            text=True,
            timeout=60,
            env={"XDG_RUNTIME_DIR": folder, "PATH": "/usr/bin:/bin"},
            check=False,
        )
    exit_code = [f"exit code {verified.returncode}"] if verified.returncode else []
    return [*found, *verified.stderr.splitlines(), *exit_code]


def own_complaints(text: str) -> list[str]:
    """Return what is wrong with the text of a unit."""
    found: list[str] = []
    given: set[tuple[str, str]] = set()
    section = ""
    for line in text.splitlines():
        if not line:
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        name, equals, value = line.partition("=")
        if not equals or name not in KNOWN.get(section, set()) or (section, name) in given:
            found.append(f"{section}: {line}")
            continue
        given.add((section, name))
        found += _about(name, value)
    needed = {("Service", "ExecStart"), ("Service", "Type"), ("Install", "WantedBy")}
    return found + [f"{section}: no {name}" for section, name in sorted(needed - given)]


def _about(name: str, value: str) -> list[str]:
    if name in VALUES and value not in VALUES[name]:
        return [f"{name}: {value}"]
    if name.endswith("Sec") and not value.isdigit():
        return [f"{name}: {value}"]
    if name == "EnvironmentFile" and not Path(value.replace("%%", "%")).is_file():
        return [f"no file {value}"]
    if name != "ExecStart":
        return []
    try:
        command = shlex.split(value)
    except ValueError as err:
        return [f"ExecStart: {err}"]
    program = command[0].replace("%%", "%").replace("$$", "$")
    return (
        [] if Path(program).is_absolute() and shutil.which(program) else [f"cannot run {program}"]
    )
