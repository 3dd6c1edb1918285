"""The drift benchmarks in small: their cases, with few runs and wide margins."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.detector_nulls import NUMERIC, alone, in_parts
from benchmarks.draws import batch
from benchmarks.drift_power import CHANGES, joint, one_column
from benchmarks.drift_rates import SHAPES, null_rates
from benchmarks.drift_streamed import stream, write
from benchmarks.injection_power import figures as injection_figures
from benchmarks.over_time import alarms
from calmops_flows.detectors.decision import DriftPolicy
from calmops_flows.profiles import profile, to_bytes


def test_small_changes_are_found_nearly_as_often_as_promised() -> None:
    found = list(one_column(8, with_grid=False))

    assert len(found) == len(CHANGES)
    # by chance three or more of eight at a power of 0.72: 0.996
    assert [figure.name for figure in found if figure.measured < 0.37] == []


def test_change_of_correlation_alone_is_always_found() -> None:
    (found,) = joint(4)

    assert found.measured == 1.0


def test_no_shape_of_columns_alarms_often_without_a_change() -> None:
    policy = DriftPolicy(multivariate="off")

    cases = list(null_rates(6, list(SHAPES), policy, sizes=(300,)))

    assert {label.split(",")[0] for label, _, _ in cases} == set(SHAPES)
    assert sum(hits for _, hits, _ in cases) <= 7  # 36 runs at 0.05: once in 1,400


def test_false_alarms_over_time_keep_the_budget() -> None:
    policy = DriftPolicy(alpha=0.01, multivariate="off")

    counts = [alarms(seed, 30, policy) for seed in range(3)]

    assert sum(counts) <= 5  # 0.9 expected


def test_merged_parts_keep_the_level_of_every_numeric_test() -> None:
    n, runs = 20_000, 10
    streamed = partial(in_parts, n_rows=n)

    counts = list(alone("small", "numeric", NUMERIC["normal"], (n, n), runs, summary=streamed))

    assert len(counts) > 10
    assert [name for name, _, hits, _ in counts if hits > 4] == []


def test_streamed_file_gives_the_verdict_of_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write(path, 2_000)
    reference = to_bytes(profile(batch(2_000, 50, seed=0), key="before"))

    found = stream(path, reference, 1.0)

    assert found["rows"] == 2_000
    assert found["drifted"] == 5


def test_injected_shift_is_found_and_nothing_is_injected_at_magnitude_0() -> None:
    found, _, alarms, cells = injection_figures(10)

    assert found.measured >= 0.9
    assert alarms.measured <= 0.4  # three of ten at 0.05: once in 90
    assert cells.measured == 0.0
