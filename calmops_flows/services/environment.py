"""The environment file of services that others keep running; only its owner can read it.

One form is read alike by systemd, by Docker Compose and by ``read_environment``: a name and a
value in double quotes per line, with a backslash before each backslash, quote and dollar sign.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from calmops_flows.errors import NotFoundError, SpecError

FILE_NAME = "calmops.env"
CARRIED = ("CALMOPS_", "PREFECT_", "AWS_", "AZURE_", "GOOGLE_", "FSSPEC_", "PG")
_LINE = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')


def carried(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that say where things are and how to get at them.

    Examples
    --------
    >>> carried({"CALMOPS_TOKEN": "secret", "PGPASSFILE": "/etc/pass", "EDITOR": "vi"})
    {'CALMOPS_TOKEN': 'secret', 'PGPASSFILE': '/etc/pass'}
    """
    return {name: value for name, value in environment.items() if name.startswith(CARRIED)}


def write_environment(home: Path, variables: Mapping[str, str]) -> Path:
    """Write the environment file of a home, with mode 0600 from its first byte on.

    Raises
    ------
    SpecError
        If a name is none, or a value has a line break.
    """
    for name, value in variables.items():
        if not _LINE.fullmatch(f'{name}=""'):
            raise SpecError(f"{name!r} is no name of a variable that an environment file takes")
        if "\n" in value or "\r" in value:
            raise SpecError(f"an environment file takes no line breaks; {name} has one: unset it")
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = home / FILE_NAME
    lines = (f"{name}={_quoted(value)}\n" for name, value in sorted(variables.items()))
    write_file(file, "".join(lines), 0o600)
    return file


def read_environment(file: Path) -> dict[str, str]:
    """Read what `write_environment` wrote.

    Raises
    ------
    NotFoundError
        If the file is not there.
    SpecError
        If a line is in another form.
    """
    try:
        lines = file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except FileNotFoundError as err:
        raise NotFoundError(f"{file} is gone; `calmops up --persistence …` writes it") from err
    found = {}
    for number, line in enumerate(filter(None, lines), start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise SpecError(f'line {number} of {file} is not of the form NAME="value"')
        found[match[1]] = re.sub(r"\\(.)", r"\1", match[2])
    return found


def write_file(file: Path, text: str, mode: int) -> None:
    """Replace a file by one that had its mode before it had its content."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(number, "w", encoding="utf-8") as out:
        out.write(text)
    fresh.replace(file)


def _quoted(text: str) -> str:
    escaped = text
    for character in '\\"$':
        escaped = escaped.replace(character, f"\\{character}")
    return f'"{escaped}"'
