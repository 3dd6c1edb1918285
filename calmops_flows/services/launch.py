"""Become a command with the variables of an environment file, once a URL answers.

``python -m calmops_flows.services.launch FILE [--after URL] COMMAND...``: so secrets are read
by the service itself, and who keeps it running never sees them.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from calmops_flows.services.environment import read_environment
from calmops_flows.services.health import is_well

AFTER = "--after"
LOOK_SECONDS = 0.5


def main(words: list[str]) -> None:
    """Read the file, wait, and become the command."""
    file, *command = words
    os.environ.update(read_environment(Path(file)))
    if command[0] == AFTER:
        while not is_well(command[1]):
            time.sleep(LOOK_SECONDS)
        command = command[2:]
    os.execvp(command[0], command)  # noqa: S606 - the plan's own command


if __name__ == "__main__":
    main(sys.argv[1:])
