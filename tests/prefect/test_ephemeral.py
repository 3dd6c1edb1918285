"""A run without an API gets a server of its own, which does not outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from tests.prefect.conftest import Source
from tests.prefect.server import environment, wait_for

pytestmark = [pytest.mark.prefect, pytest.mark.slow]
CODE = """
import sys, time
from calmops_flows import api
from calmops_flows.spec import read_spec
drained = api.run(sys.argv[1], prefect=True)
print([o.decision for o in drained.outcomes], drained.outcomes[0].run_id is not None, flush=True)
time.sleep(120)
"""


def test_killed_run_leaves_no_server_behind(source: Source, tmp_path: Path) -> None:
    source.drop("1.csv", 1)
    spec = tmp_path / "spec.json"
    spec.write_text(source.spec("temporary").model_dump_json(by_alias=True))
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CODE), str(spec)],
        env=environment(tmp_path / "prefect", CALMOPS_HOME=str(tmp_path / "home")),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    servers = psutil.Process(process.pid).children()

    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()

    assert said == "['trained'] True\n"
    assert len(servers) == 1
    wait_for(lambda: not servers[0].is_running(), 10, "the server ends")
