"""A user unit for systemd, which keeps ``calmops up`` running, and its environment file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from calmops_flows.errors import SpecError

UNIT = """\
[Unit]
Description=CalmOps: Prefect server, worker, watcher and dashboard
After=network.target

[Service]
Type=simple
EnvironmentFile={environment}
ExecStart={command}
Restart=on-failure
RestartSec=5
SuccessExitStatus=130 143
KillMode=mixed
TimeoutStopSec=20
NoNewPrivileges=true

[Install]
WantedBy=default.target
"""


def write_unit(command: Sequence[str], variables: Mapping[str, str], home: Path) -> Path:
    """Write unit and environment file; only the owner can read the latter, for it holds secrets.

    Parameters
    ----------
    command : sequence of str
        What the unit runs; the first word is an absolute path.
    variables : mapping of str to str
        Its environment.
    home : Path
        ``CALMOPS_HOME``; the environment file lies in it.

    Returns
    -------
    Path
        The unit, where systemd looks for those of the user.

    Raises
    ------
    SpecError
        If a value has a line break.
    """
    if any("\n" in value for value in (*command, *variables.values())):
        raise SpecError("systemd takes no line breaks in CALMOPS_* variables or options")
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    environment = home / "calmops.env"
    _write(environment, "".join(f"{k}={_value(v)}\n" for k, v in sorted(variables.items())), 0o600)
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    unit = Path(config).expanduser() / "systemd" / "user" / "calmops.service"
    unit.parent.mkdir(parents=True, exist_ok=True)
    place = str(environment).replace("%", "%%")
    words = " ".join(_word(word) for word in command)
    _write(unit, UNIT.format(environment=place, command=words), 0o644)
    return unit


def _write(file: Path, text: str, mode: int) -> None:
    """Replace a file by one that had its mode before it had its content."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as out:
        out.write(text)
    fresh.replace(file)


def _value(text: str) -> str:
    escaped = text
    for character in '\\"`$':
        escaped = escaped.replace(character, f"\\{character}")
    return f'"{escaped}"'


def _word(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return '"' + escaped.replace("$", "$$") + '"'
