"""``calmops watch`` as a process: it drains at once, and ends when told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from calmops_flows.cli.main import main
from calmops_flows.settings import Settings
from calmops_flows.spec import parse_spec
from calmops_flows.steps.apply import apply
from calmops_flows.steps.drain import drain
from calmops_flows.store.history import history
from calmops_flows.store.store import Store, open_store
from tests.cli.conftest import write_csv
from tests.cli.test_process import SLOW_CODE
from tests.store_dump import dump
from tests.watching.conftest import declare

PATIENCE_SECONDS = 240


@contextmanager
def watching(
    *arguments: str, cwd: Path | None = None
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run the command while the block lasts; give the process and the lines it has printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "calmops_flows.cli.main", "watch", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
    )
    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        yield process, lines
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()


def wait_for(is_reached: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_reached():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def decided(store: Store, name: str = "p") -> list[str]:
    ended = {"processed", "quarantined"}
    return [o.snapshot for o in history(store.database, name) if o.state in ended]


def tokens(store: Store) -> list[str | None]:
    with store.database.read() as connection:
        return list(connection.exec_driver_sql("SELECT token FROM leases").scalars())


@pytest.mark.timeout(600)
def test_run_processes_what_is_there_and_what_arrives_and_leaves_the_store_of_a_plain_run(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    write_csv(folder / "m1.csv", shift=0.0)
    declare(store, folder)

    with watching("--run") as (process, lines):
        wait_for(lambda: decided(store) == ["m1.csv"], "what was there is processed")
        write_csv(folder / ".m2.csv.part", shift=2.0)
        (folder / ".m2.csv.part").rename(folder / "m2.csv")
        wait_for(lambda: len(decided(store)) == 2, "a renamed file is processed")
        (folder / ".m3.csv.part").write_text("a,b\n1,2\n")
        (folder / ".m3.csv.part").rename(folder / "m3.csv")
        wait_for(lambda: len(decided(store)) == 3, "a bad file is quarantined")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 143

    with open_store(Settings(home=tmp_path / "plain")) as plain:
        declare(plain, folder)
        drain("p", plain)
        assert dump(plain.database) == dump(store.database)
    assert any("p m1.csv: trained" in line for line in lines)
    assert tokens(store) == [None]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["term", "int"]
)
def test_signal_in_the_middle_of_a_retraining_gives_lease_and_attempt_back(
    store: Store,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    code: int,
) -> None:
    (tmp_path / "slow_model.py").write_text(SLOW_CODE)
    write_csv(folder / "m1.csv", shift=0.0)
    monkeypatch.setenv("CALMOPS_TRUSTED_MODULES", "slow_model")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path.cwd())]))
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = {
        "name": "slow",
        "target": "label",
        "source": {"path": str(folder)},
        "model": {"class": "slow_model.Slow"},
    }
    with open_store() as trusting:
        apply(parse_spec(spec), trusting)

    with watching("--run", "slow", cwd=tmp_path) as (process, lines):
        wait_for(lambda: "fitting\n" in lines, "the model is fitted")
        process.send_signal(number)
        process.wait(timeout=60)

    with store.database.read() as connection:
        left = connection.exec_driver_sql("SELECT state, attempts FROM snapshots").all()
    assert process.returncode == code
    assert "Traceback" not in "".join(lines)
    assert [tuple(row) for row in left] == [("pending", 0)]
    assert tokens(store) == [None]


def test_watching_for_nobody_is_refused(
    store: Store, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declare(store, folder)

    assert main(["watch"]) == 2
    assert "calmops watch --run" in capsys.readouterr().err
    assert main(["watch", "--run", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err
