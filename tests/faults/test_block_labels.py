"""Kill a drain that splits label files by blocks and joins them, wherever it writes."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calmops_flows import api
from calmops_flows.settings import Settings
from calmops_flows.spec import parse_spec
from calmops_flows.store import open_store
from calmops_flows.store.history import history
from tests.faults import workload
from tests.faults.contents import contents

pytestmark = pytest.mark.faults
OLD = (1_700_000_000, 1_700_000_000)
SWEPT = ("artifact.put", "commit.snapshot", "ledger.attempt", "ledger.register", "ledger.split")


def make_source(folder: Path) -> Path:
    """Write two labelled blocks, then unlabelled ones of another concept, and their labels."""
    for name in ("data", "labels"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(8)
    for number, sign in enumerate([1, -1]):
        frames = []
        for place, site in enumerate("ab"):
            X = rng.normal(0, 1.0, (150, 2))
            y = (sign * X.sum(axis=1) + rng.normal(0, 0.3, 150) > 0).astype(int)
            ids = np.arange(150) + 1000 * number + 150 * place
            columns = {"site": site, "id": ids, "a": X[:, 0], "b": X[:, 1], "y": y}
            frames.append(pd.DataFrame(columns))
        frame = pd.concat(frames)
        file = folder / "data" / f"part{number}.csv"
        (frame if number == 0 else frame.drop(columns="y")).to_csv(file, index=False)
        os.utime(file, OLD)
    truth = frame[["id", "y"]]
    early = pd.DataFrame({"id": [9000, 9001], "y": [0, 1]})  # of rows that never come
    pd.concat([truth, early]).to_csv(folder / "late.csv", index=False)
    return folder


def run_both(source: Path) -> None:
    """Drain what is there, let the labels arrive, and drain again."""
    values = {
        "name": workload.NAME,
        "kind": "block",
        "target": "y",
        "source": {"path": str(source / "data"), "settle_seconds": 0},
        "labels": {"path": str(source / "labels"), "key": "id"},
        "block": {"column": "site"},
        "model": {"class": "tests.faults.workload.CountingRegression"},
        "retrain": {"when": "performance"},
        "drift": {"performance": {"max_drop": 0.1}},
    }
    api.run(parse_spec(values), wait=False)
    late = source / "labels" / "late.csv"
    if not late.exists():
        late.write_bytes((source / "late.csv").read_bytes())
        os.utime(late, OLD)
    api.run(parse_spec(values), wait=False)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the home and the source of a drain that nothing disturbs."""
    root = tmp_path_factory.mktemp("block_labels")
    source = make_source(root / "source")
    assert workload.in_process(run_both, root / "home", source, TRACE=str(root / "passages")) == 0
    return root / "home", source


def passages(undisturbed: tuple[Path, Path]) -> Counter[str]:
    return Counter((undisturbed[0].parent / "passages").read_text().split())


def fail_and_run_again(fault: str, home: Path, source: Path) -> int:
    (source / "labels" / "late.csv").unlink(missing_ok=True)
    code = workload.in_process(run_both, home, source, fault=fault)
    assert workload.in_process(run_both, home, source) == 0
    return code


def test_undisturbed_drain_does_what_the_sweep_needs(undisturbed: tuple[Path, Path]) -> None:
    with open_store(Settings(home=undisturbed[0])) as store:
        told = [(o.snapshot, o.decision) for o in history(store.database, workload.NAME)]

    assert sorted(told) == [
        ("labels:late.csv", "kept"),
        ("labels:late.csv#a", "promoted"),
        ("labels:late.csv#b", "promoted"),
        ("part0.csv#a", "trained"),
        ("part0.csv#b", "promoted"),
        ("part1.csv#a", "awaiting_labels"),
        ("part1.csv#b", "awaiting_labels"),
    ]
    counted = passages(undisturbed)
    assert counted["ledger.split.before"] == 3
    assert counted["commit.snapshot.before"] == 7


@pytest.mark.parametrize(
    ("point", "kind"),
    [
        ("ledger.split.before:3", "kill"),
        ("ledger.split.after:3", "kill"),
        ("commit.snapshot.before:6", "kill"),
        ("commit.snapshot.before:7", "enospc"),
    ],
)
def test_labels_of_blocks_survive_a_fault(
    point: str, kind: str, tmp_path: Path, undisturbed: tuple[Path, Path]
) -> None:
    expected, source = undisturbed

    code = fail_and_run_again(f"{point}:{kind}", tmp_path / "home", source)

    assert code == (-signal.SIGKILL if kind == "kill" else 1)
    assert contents(tmp_path / "home") == contents(expected)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("write", SWEPT)
@pytest.mark.parametrize("kind", ["kill", "enospc"])
def test_labels_of_blocks_survive_a_fault_at_every_passage(
    kind: str, write: str, side: str, tmp_path: Path, undisturbed: tuple[Path, Path]
) -> None:
    expected, source = undisturbed
    point = f"{write}.{side}"

    for passage in range(1, passages(undisturbed)[point] + 1):
        home = tmp_path / f"home{passage}"
        code = fail_and_run_again(f"{point}:{passage}:{kind}", home, source)
        assert code in ({-signal.SIGKILL} if kind == "kill" else {0, 1})
        assert contents(home) == contents(expected), f"{point}:{passage}:{kind}"
