"""A real `calmops up` in the foreground: all services answer, and Ctrl-C ends them all."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from benchmarks.stop_services import QUIET_SECONDS, end, running_up
from calmops_flows.services import find_tree


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_signal_ends_all_services_and_the_log_says_so(
    tmp_path: Path, number: signal.Signals
) -> None:
    with running_up(tmp_path) as process:
        time.sleep(QUIET_SECONDS)
        assert find_tree(tmp_path) is not None

        ended = end(process, number)

    log = (tmp_path / "logs" / "up.log").read_text()
    assert (ended.code, ended.left) == (128 + number, ())
    assert log.splitlines()[-1].endswith("all services have ended")
    assert all(f"{name} is up" in log for name in ("server", "worker", "watcher", "dashboard"))
    # Who does not end when asked is named; the server is not asked before the others are gone.
    assert "worker did not end" not in log
    assert find_tree(tmp_path) is None
