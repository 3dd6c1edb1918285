"""Every tutorial runs as it is copied, in a folder of its own, and says what it promises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from calmops_flows.cli.main import main

SAYS = {
    "first_pipeline": ["loans-2026-01.csv: trained", "loans-2026-03.csv: promoted", "income"],
    "drift_in_a_notebook": [
        "like before:   no drift",
        "drift in temperature",
        "joined:        drift (",
        "'comment': ",
        "strict policy: no drift",
    ],
    "known_drift": [
        "period-004.csv: injected: no; drift: none; kept",
        "period-005.csv: injected: marker; drift: marker",
        "verdicts beside the truth: known-drift/verdicts.html",
    ],
    "look_back": ["week1.parquet: processed", "week2.parquet: quarantined", "broken at None"],
}


def test_each_tutorial_is_listed_and_tested(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tutorials"]) == 0

    rows = capsys.readouterr().out.splitlines()[1:-1]
    assert {row.split()[0] for row in rows} == set(SAYS)


@pytest.mark.parametrize("name", sorted(SAYS))
def test_tutorial_runs(name: str, tmp_path: Path) -> None:
    assert main(["tutorials", "copy", name, "--dest", str(tmp_path)]) == 0
    environment = {**os.environ, "CALMOPS_PREFECT": "off"}

    done = subprocess.run(
        [sys.executable, f"{name}.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for part in SAYS[name]:
        assert part in done.stdout


def test_copy_overwrites_nothing_and_knows_its_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tutorials", "copy", "all", "--dest", str(tmp_path)]) == 0
    assert len(list(tmp_path.iterdir())) == len(SAYS)

    assert main(["tutorials", "copy", "look_back", "--dest", str(tmp_path)]) == 1
    assert main(["tutorials", "copy", "nothing", "--dest", str(tmp_path)]) == 2
    assert "first_pipeline" in capsys.readouterr().err
