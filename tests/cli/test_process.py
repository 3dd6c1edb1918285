"""What only a process of its own shows: signals, imports, a closed pipe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from calmops_flows.store import open_store
from tests.cli.conftest import write_csv
from tests.read.seed import a_year

HEAVY = ("prefect", "pandas", "pyarrow", "sklearn", "numpy", "rich", "alembic")
SLOW_CODE = """
import time
from sklearn.linear_model import LogisticRegression

class Slow(LogisticRegression):
    def fit(self, X, y):
        print("fitting", flush=True)
        time.sleep(60)
        return super().fit(X, y)
"""


def start(*arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "calmops_flows.cli.main", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )


@pytest.mark.parametrize("arguments", [["list"], ["status", "flights"], ["history", "flights"]])
def test_view_loads_no_heavy_library(arguments: list[str]) -> None:
    with open_store() as store:
        a_year(store)
    probe = (
        "import sys\nfrom calmops_flows.cli.main import main\n"
        f"code = main({arguments!r})\n"
        "print(*sorted({n.partition('.')[0] for n in sys.modules}), file=sys.stderr)\n"
        "sys.exit(code)"
    )

    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=120, check=True
    )

    assert "flights" in done.stdout or "m01.csv" in done.stdout
    assert set(done.stderr.split()).isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["term", "int"]
)
def test_signal_ends_a_run_and_gives_lease_and_attempt_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    (tmp_path / "slow_model.py").write_text(SLOW_CODE)
    (tmp_path / "data").mkdir()
    write_csv(tmp_path / "data" / "m1.csv", shift=0.0)
    (tmp_path / "slow.yaml").write_text(
        "name: slow\ntarget: label\nsource: {path: data}\nmodel: {class: slow_model.Slow}\n"
    )
    monkeypatch.setenv("CALMOPS_TRUSTED_MODULES", "slow_model")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path.cwd())]))

    with start("run", "slow.yaml", "--no-prefect", cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "fitting\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=60)

    with open_store() as store, store.database.read() as connection:
        tokens = connection.exec_driver_sql("SELECT token FROM leases").scalars().all()
        left = connection.exec_driver_sql("SELECT state, attempts FROM snapshots").all()
    assert process.returncode == code
    assert "Traceback" not in err
    assert tokens == [None]
    assert [tuple(row) for row in left] == [("pending", 0)]


def test_closed_pipe_is_no_traceback() -> None:
    with open_store() as store:
        a_year(store)
    with start("history", "flights", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        process.wait(timeout=60)

    assert "Traceback" not in err
