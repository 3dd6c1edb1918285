"""One child process: started in a group of its own, its lines in the common log."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from calmops_flows.services.plan import Service


@dataclass(slots=True)
class Child:
    """A running service; it and all that it starts form one process group."""

    service: Service
    process: subprocess.Popen[str]
    reader: threading.Thread

    @classmethod
    def start(cls, service: Service, log: logging.Logger) -> Child:
        """Start the service so that it dies with this process."""
        tied = (sys.executable, "-m", "calmops_flows.services.tied", str(os.getpid()))
        process = subprocess.Popen(  # noqa: S603 - commands of the plan
            [*tied, *service.command],
            env={**os.environ, **service.variables, **service.secrets},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            start_new_session=True,
        )
        reader = threading.Thread(
            target=_pass_on, args=(process.stdout, service.name, log), daemon=True
        )
        reader.start()
        return cls(service, process, reader)

    @property
    def exit_code(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        return self.process.poll()

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the child and all that it has started, if any of them is left."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def has_group(self) -> bool:
        """Tell whether any process of the group is left."""
        self.process.poll()
        try:
            os.killpg(self.process.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True


def _pass_on(lines: IO[str] | None, name: str, log: logging.Logger) -> None:
    if lines is None:
        return
    with lines:
        for line in lines:
            log.info("%-9s | %s", name, line.rstrip("\n"))
