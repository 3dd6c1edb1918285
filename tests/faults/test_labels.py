"""Kill a drain that joins labels and exports predictions, wherever it writes."""

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
from calmops_flows.spec import PipelineSpec, parse_spec
from calmops_flows.store import open_store
from tests.faults import workload
from tests.store_dump import dump

pytestmark = pytest.mark.faults
OLD = (1_700_000_000, 1_700_000_000)


def make_source(folder: Path) -> Path:
    """Write labelled rows, unlabelled ones of another concept, and their labels, in part early."""
    for name in ("data", "labels"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(8)
    for number, sign in enumerate([1, -1]):
        X = rng.normal(0, 1.0, (300, 2))
        y = (sign * X.sum(axis=1) + rng.normal(0, 0.3, 300) > 0).astype(int)
        ids = np.arange(300) + 1000 * number
        frame = pd.DataFrame({"id": ids, "a": X[:, 0], "b": X[:, 1], "y": y})
        file = folder / "data" / f"part{number}.csv"
        (frame if number == 0 else frame.drop(columns="y")).to_csv(file, index=False)
        os.utime(file, OLD)
        if number:
            frame[["id", "y"]][:40].to_csv(folder / "labels" / "early.csv", index=False)
            frame[["id", "y"]].to_csv(folder / "late.csv", index=False)
            os.utime(folder / "labels" / "early.csv", OLD)
    return folder


def make_spec(source: Path) -> PipelineSpec:
    return parse_spec(
        {
            "name": workload.NAME,
            "target": "y",
            "source": {"path": str(source / "data"), "settle_seconds": 0},
            "labels": {"path": str(source / "labels"), "key": "id"},
            "predictions": {"path": str(source / "predictions")},
            "model": {"class": "tests.faults.workload.CountingRegression"},
            "retrain": {"when": "performance"},
            "drift": {"performance": {"max_drop": 0.1}},
        }
    )


def run_both(source: Path) -> None:
    """Drain what is there, let the late labels arrive, and drain again."""
    api.run(make_spec(source), wait=False)
    late = source / "labels" / "late.csv"
    if not late.exists():
        late.write_bytes((source / "late.csv").read_bytes())
        os.utime(late, OLD)
    api.run(make_spec(source), wait=False)


def contents(home: Path, url: str = "") -> object:
    with open_store(Settings(home=home, database_url=url)) as store:
        return dump(store.database)


def joins(home: Path, url: str) -> int:
    with open_store(Settings(home=home, database_url=url)) as store:
        return len(dump(store.database)["label_joins"])


def as_before(source: Path) -> None:
    """Take away what the run before left beside its home."""
    (source / "labels" / "late.csv").unlink(missing_ok=True)
    for file in (source / "predictions").iterdir():
        file.unlink()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the home and the source of a drain that nothing disturbs."""
    root = tmp_path_factory.mktemp("labels")
    source = make_source(root / "source")
    assert workload.in_process(run_both, root / "home", source, TRACE=str(root / "passages")) == 0
    return root / "home", source


def test_workload_joins_early_and_late_labels_and_promotes(
    undisturbed: tuple[Path, Path],
) -> None:
    home, source = undisturbed
    passages = Counter((home.parent / "passages").read_text().split())

    with open_store(Settings(home=home)) as store:
        rows = dump(store.database)

    assert len(rows["label_joins"]) == 2
    assert len(rows["model_versions"]) == 2
    assert passages["commit.snapshot.before"] == 4
    assert passages["export.write.before"] == 1
    assert [len(pd.read_parquet(f)) for f in (source / "predictions").iterdir()] == [300]


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize(
    ("write", "passage"),
    [("export.write", 1), ("commit.snapshot", 1), ("commit.snapshot", 3), ("commit.snapshot", 4)],
)
@pytest.mark.parametrize(
    "kind", ["kill", *(pytest.param(k, marks=pytest.mark.slow) for k in ("enospc", "eio"))]
)
def test_labels_and_exports_survive_a_fault(
    kind: str, write: str, passage: int, side: str, tmp_path: Path, undisturbed: tuple[Path, Path]
) -> None:
    expected, source = undisturbed
    as_before(source)
    home = tmp_path / "home"

    code = workload.in_process(run_both, home, source, fault=f"{write}.{side}:{passage}:{kind}")

    assert code in ({-signal.SIGKILL} if kind == "kill" else {0, 1})
    assert workload.in_process(run_both, home, source) == 0
    assert contents(home) == contents(expected)
    assert [len(pd.read_parquet(f)) for f in (source / "predictions").iterdir()] == [300]


@pytest.mark.postgres
def test_labels_are_joined_on_postgres_as_on_sqlite(
    tmp_path: Path, undisturbed: tuple[Path, Path], postgres_database: str
) -> None:
    expected, source = undisturbed
    as_before(source)
    home = tmp_path / "home"

    code = workload.in_process(run_both, home, source, CALMOPS_DATABASE_URL=postgres_database)

    assert code == 0
    assert joins(home, postgres_database) == 2
    assert contents(home, postgres_database) == contents(expected)


@pytest.mark.postgres
def test_killed_join_is_whole_or_absent_on_postgres(
    tmp_path: Path, undisturbed: tuple[Path, Path], postgres_database: str
) -> None:
    expected, source = undisturbed
    as_before(source)
    home, where = tmp_path / "home", {"CALMOPS_DATABASE_URL": postgres_database}

    code = workload.in_process(
        run_both, home, source, fault="commit.snapshot.before:4:kill", **where
    )

    assert code == -signal.SIGKILL
    assert joins(home, postgres_database) == 1
    assert workload.in_process(run_both, home, source, **where) == 0
    assert joins(home, postgres_database) == 2
    assert contents(home, postgres_database) == contents(expected)
