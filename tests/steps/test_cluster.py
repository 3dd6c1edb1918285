"""Columns, and parts of long ones, on Dask workers: every figure is the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from calmops_flows import api
from calmops_flows.detectors.decision import DriftPolicy, check
from calmops_flows.errors import ProfileError
from calmops_flows.profiles import Spread, profile, to_bytes
from calmops_flows.profiles.parts import PART_ROWS, Part, split
from calmops_flows.settings import Settings
from calmops_flows.spec import parse_spec
from calmops_flows.steps.cluster import MIN_CELLS, cluster
from calmops_flows.store import open_store
from tests.rows_in_parts import mixed, statistics
from tests.servers.ports import free_port
from tests.store_dump import dump

N_COLUMNS = 100
LARGE = MIN_CELLS


@pytest.fixture(scope="module")
def scheduler() -> Iterator[Any]:
    """Two worker processes and their scheduler."""
    with running_cluster(2) as running:
        yield running


@pytest.fixture(scope="module")
def away(scheduler: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spread]:
    """What spreads work over both workers."""
    home = tmp_path_factory.mktemp("home")
    with cluster(
        Settings(home=home, dask_address=scheduler.scheduler_address), n_cells=LARGE
    ) as it:
        yield it


def running_cluster(n_workers: int) -> Any:
    import dask
    from distributed import LocalCluster

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        return LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=n_workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        )


def wide(rng: np.random.Generator, shift: float) -> pd.DataFrame:
    frame = pd.DataFrame(rng.normal(0, 1, (2_000, N_COLUMNS)))
    frame.columns = pd.Index([f"x{i}" for i in range(N_COLUMNS)])
    frame["x0"] += shift
    frame["city"] = rng.choice(["A", "B", "C"], 2_000, p=[0.5, 0.3, 0.2])
    frame.loc[rng.random(2_000) < 0.1, "x1"] = np.nan
    frame["y"] = (frame["x2"] + rng.normal(0, 0.5, 2_000) > 0).astype(int)
    return frame


def transitions(scheduler: Any) -> int:
    return sum(
        prefix.state_counts["memory"] for prefix in scheduler.scheduler.task_prefixes.values()
    )


def test_snapshots_have_the_same_profiles_verdicts_and_models(
    scheduler: Any, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)
    (tmp_path / "in").mkdir()
    for number, shift in enumerate([0.0, 1.0]):
        wide(rng, shift).to_parquet(tmp_path / "in" / f"part{number}.parquet", index=False)
    spec = parse_spec(
        {
            "name": "wide",
            "target": "y",
            "source": {"path": str(tmp_path / "in"), "settle_seconds": 0},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
        }
    )

    contents = []
    for name, address in (("here", ""), ("away", scheduler.scheduler_address)):
        with open_store(Settings(home=tmp_path / name, dask_address=address)) as store:
            outcomes = api.run(spec, store=store, wait=False, prefect=False).outcomes
            contents.append(dump(store.database))

    assert transitions(scheduler) > 3
    assert outcomes[1].drift.is_drift is True
    assert outcomes[1].drift.columns == ("x0",)
    assert contents[0] == contents[1]


def test_unreachable_scheduler_costs_nothing_but_a_warning(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    settings = Settings(
        home=tmp_path, dask_address=f"tcp://127.0.0.1:{free_port()}", remote_timeout_seconds=0.3
    )

    with cluster(settings, n_cells=LARGE) as spread:
        assert list(spread(abs, [-1, 2])) == [1, 2]

    assert "cannot be reached, working here" in caplog.text


def test_cluster_without_workers_costs_nothing_but_a_warning(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with running_cluster(0) as empty:
        settings = Settings(home=tmp_path, dask_address=empty.scheduler_address)
        with cluster(settings, n_cells=LARGE) as spread:
            assert list(spread(abs, [-1, 2])) == [1, 2]

    assert "no worker; working here" in caplog.text


def test_small_snapshot_stays_here(scheduler: Any, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, dask_address=scheduler.scheduler_address)
    before = transitions(scheduler)

    with cluster(settings, n_cells=LARGE - 1) as spread:
        assert list(spread(abs, [-1, 2])) == [1, 2]

    assert transitions(scheduler) == before


def test_worker_that_dies_costs_nothing_but_a_warning(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with running_cluster(1) as doomed:
        settings = Settings(home=tmp_path, dask_address=doomed.scheduler_address)
        with cluster(settings, n_cells=LARGE) as spread:
            found = list(spread(_dies_elsewhere, [_own_pid()] * 2))

    assert found == [True, True]
    assert "lost its work" in caplog.text


def test_error_of_the_work_itself_is_no_trouble_of_the_cluster(
    scheduler: Any, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, dask_address=scheduler.scheduler_address)

    with cluster(settings, n_cells=LARGE) as spread, pytest.raises(ProfileError, match="odd"):
        list(spread(_fails, [1, 2]))


def test_every_statistic_of_a_wide_check_is_equal(scheduler: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    before, after = (pa.Table.from_pandas(wide(rng, shift)) for shift in (0.0, 0.1))
    here = check(profile(before, key="a"), profile(after, key="b"), DriftPolicy())
    settings = Settings(home=tmp_path, dask_address=scheduler.scheduler_address)

    with cluster(settings, n_cells=LARGE) as spread:
        profiles = [profile(before, key="a", spread=spread), profile(after, key="b", spread=spread)]
        away = check(profiles[0], profiles[1], DriftPolicy(), spread=spread)

    assert away == here
    assert len(here.columns) > N_COLUMNS


@given(st.integers(0, 2**32), st.integers(1, 4), st.floats(0, 1))
@hypothesis_settings(max_examples=10, deadline=None)
def test_every_statistic_of_a_snapshot_in_parts_is_equal(
    away: Spread, seed: int, n_parts: int, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    reference, table = profile(mixed(rng, 0.0), key="a"), mixed(rng, shift)
    size = -(-table.num_rows // n_parts)

    parts = profile(table, key="b", part_rows=size, spread=away)

    assert to_bytes(parts) == to_bytes(profile(table, key="b", part_rows=size))
    found = check(reference, parts, DriftPolicy(), spread=away)
    expected = check(reference, profile(table, key="b"), DriftPolicy())
    assert (found.is_drift, found.drifted) == (expected.is_drift, expected.drifted)
    assert statistics(found) == pytest.approx(statistics(expected), rel=1e-9, abs=1e-9, nan_ok=True)


def test_parts_of_one_column_go_to_several_workers(away: Spread) -> None:
    parts = split("x", pa.chunked_array([np.arange(1_000.0)]), 100)

    found = list(away(_where, parts))

    assert [last for _, last in found] == [99.0 + 100 * i for i in range(10)]
    assert len({pid for pid, _ in found}) == 2
    assert _own_pid() not in {pid for pid, _ in found}


def test_large_columns_travel_outside_the_graph_of_tasks(away: Spread) -> None:
    large = np.zeros(2_000_000)  # in the graph, Dask warns of them, which fails a test

    assert list(away(len, [large, large])) == [2_000_000] * 2


def test_long_snapshots_have_the_same_profiles_and_verdicts(scheduler: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    (tmp_path / "in").mkdir()
    for number, n_rows in enumerate([400, PART_ROWS + 1_000]):
        rows = {"x": rng.normal(number, 1, n_rows), "y": rng.integers(0, 9, n_rows)}
        pq.write_table(pa.table(rows), tmp_path / "in" / f"part{number}.parquet")
    spec = parse_spec(
        {
            "name": "long",
            "target": "y",
            "task": "regression",
            "source": {"path": str(tmp_path / "in"), "settle_seconds": 0},
            "model": {"class": "sklearn.dummy.DummyRegressor"},
            "retrain": {"when": "never"},
        }
    )

    contents = []
    for name, address in (("here", ""), ("away", scheduler.scheduler_address)):
        with open_store(Settings(home=tmp_path / name, dask_address=address)) as store:
            outcomes = api.run(spec, store=store, wait=False, prefect=False).outcomes
            contents.append(dump(store.database))

    assert outcomes[1].drift.columns == ("x",)
    assert contents[0] == contents[1]


def _where(part: Part) -> tuple[int, float]:
    return _own_pid(), part.values[-1].as_py()


def _own_pid() -> int:
    import os

    return os.getpid()


def _dies_elsewhere(home: int) -> bool:
    import os

    if os.getpid() != home:
        os._exit(1)
    return True


def _fails(number: int) -> None:
    raise ProfileError(f"odd {number}")
