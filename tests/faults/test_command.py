"""A few fault points through the real command, in a process that starts from nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from calmops_flows.settings import Settings
from calmops_flows.spec import dump_spec
from calmops_flows.store import open_store
from tests.faults import workload
from tests.store_dump import dump

pytestmark = pytest.mark.faults


def calmops_run(home: Path, spec: Path, *, fault: str = "") -> int:
    """Run ``calmops run SPEC`` and return its exit code."""
    environment = {
        **os.environ,
        "CALMOPS_HOME": str(home),
        "CALMOPS_TRUSTED_MODULES": "tests",
        "CALMOPS_PREFECT": "off",
        "CALMOPS_FAULT": fault,
        "FITS": str(home.parent / f"{home.name}.fits"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-m", "calmops_flows.cli.main", "run", str(spec)]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


@pytest.mark.parametrize(
    "fault",
    ["commit.snapshot.before:2:kill", "artifact.put.after:3:kill", "lease.release.before:1:kill"],
)
def test_killed_command_run_again_ends_where_an_undisturbed_one_does(
    fault: str, tmp_path: Path
) -> None:
    source = workload.make_source(tmp_path / "source")
    spec = tmp_path / "three.yaml"
    spec.write_text(yaml.safe_dump(yaml.safe_load(dump_spec(workload.make_spec(source)))))
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"

    codes = [calmops_run(killed, spec, fault=fault), calmops_run(killed, spec)]

    assert codes == [-signal.SIGKILL, 0]
    assert calmops_run(undisturbed, spec) == 0
    assert contents(killed) == contents(undisturbed)


def contents(home: Path) -> object:
    with open_store(Settings(home=home)) as store:
        return dump(store.database)
