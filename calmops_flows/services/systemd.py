"""A user unit for systemd, which keeps ``calmops up`` running, and its environment file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from calmops_flows.errors import SpecError
from calmops_flows.services.environment import write_environment, write_file

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
        If an option or a variable has a line break.
    """
    if any("\n" in word for word in command):
        raise SpecError("systemd takes no line breaks in options")
    environment = write_environment(home, variables)
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    unit = Path(config).expanduser() / "systemd" / "user" / "calmops.service"
    unit.parent.mkdir(parents=True, exist_ok=True)
    place = str(environment).replace("%", "%%")
    words = " ".join(_word(word) for word in command)
    write_file(unit, UNIT.format(environment=place, command=words), 0o644)
    return unit


def _word(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return '"' + escaped.replace("$", "$$") + '"'
