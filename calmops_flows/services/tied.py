"""Become another command that ends when the process that started it ends, however it ends.

``python -m calmops_flows.services.tied PARENT COMMAND...``: the kernel sends SIGTERM to a
child whose parent dies (Linux's PR_SET_PDEATHSIG); it stays set across ``exec``.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tie(parent: int) -> None:
    """Ask for SIGTERM when the parent ends; leave at once if it already has."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(f"the process {parent} that started this one has ended")


if __name__ == "__main__":
    tie(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the supervisor's own command
