"""What users hand to ``detect_drift``, the bad included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calmops_flows.api import detect_drift
from calmops_flows.data.frame import read_frames
from calmops_flows.detectors.policy import DriftPolicy
from calmops_flows.errors import NotFoundError, SnapshotError, SpecError
from calmops_flows.profiles import Coarsening
from calmops_flows.records import DriftReport

N = 500


def batch(seed: int, *, shift: float = 0.0, rows: int = N) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "moved": rng.normal(shift, 1, rows),
            "still": rng.normal(size=rows),
            "city": rng.choice(["A", "B", "C"], rows),
        }
    )


def reasons(report: DriftReport, name: str) -> set[str | None]:
    return {test.reason for test in report.columns if test.name == name}


def with_column(name: str, before: Any, after: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    return batch(0).assign(**{name: before}), batch(2, shift=1.0).assign(**{name: after})


def test_frames_tables_and_paths_give_one_verdict(tmp_path: Path) -> None:
    frames = batch(0), batch(2, shift=1.0)
    tables = [pa.Table.from_pandas(frame, preserve_index=False) for frame in frames]
    paths = [tmp_path / "before.parquet", tmp_path / "after.csv"]
    pq.write_table(tables[0], paths[0])
    frames[1].to_csv(paths[1], index=False)

    reports = [detect_drift(*pair) for pair in (frames, tables, paths)]

    assert reports[0].drifted == ("moved",)
    assert reports[0] == reports[1] == reports[2]


def test_parquet_read_in_parts_gives_the_verdict_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = batch(0), batch(2, shift=1.0)
    before, after = tmp_path / "before.parquet", tmp_path / "after.parquet"
    for frame, path in zip(pair, (before, after), strict=True):
        frame.to_parquet(path, index=False, row_group_size=90)
    monkeypatch.setattr("calmops_flows.data.readers.parquet.PART_ROWS", 64)

    assert len(list(read_frames(before))) >= N // 90
    assert detect_drift(before, after) == detect_drift(*pair)


def test_verdict_does_not_depend_on_the_index_or_on_the_order_of_columns() -> None:
    before, after = batch(0), batch(2, shift=1.0)
    turned = after.set_index(np.arange(N)[::-1])[["city", "still", "moved"]]

    assert detect_drift(before, turned).drifted == detect_drift(before, after).drifted


def test_policy_is_followed() -> None:
    report = detect_drift(batch(0), batch(2, shift=1.0), DriftPolicy(min_effect=100.0))

    assert report.drifted == ()


def test_change_of_correlation_alone_is_seen_jointly() -> None:
    rng = np.random.default_rng(0)
    x, y, z = rng.normal(size=(3, N))
    before = pa.table({"a": x, "b": y})
    after = pa.table({"a": z, "b": 0.9 * z + 0.19**0.5 * rng.normal(size=N)})

    report = detect_drift(before, after)

    assert report.is_drift is True
    assert report.multivariate is not None
    assert report.multivariate.is_drift is True


def test_no_common_column_is_an_error_that_shows_both_sides() -> None:
    with pytest.raises(SpecError, match=r"no column in common: .*'moved'.*'other'"):
        detect_drift(batch(0), pd.DataFrame({"other": [1]}))


def test_column_of_one_side_is_untestable() -> None:
    report = detect_drift(batch(0).assign(extra=1), batch(2, shift=1.0).assign(more=1))

    assert report.untestable["extra"] == "column only in the reference data"
    assert report.untestable["more"] == "column only in the current data"
    assert report.drifted == ("moved",)


@pytest.mark.parametrize("empty", ["reference", "current", "both"])
def test_no_rows_are_untestable_and_not_no_drift(empty: str) -> None:
    before = batch(0, rows=N if empty == "current" else 0)
    after = batch(2, rows=N if empty == "reference" else 0)

    report = detect_drift(before, after)

    assert report.is_drift is None
    assert set(report.untestable) == {"moved", "still", "city"}


@pytest.mark.parametrize(
    "values",
    [
        [1, "a", 2.5, b"x"] * (N // 4),
        [object() for _ in range(N)],
        [2**70] * N,
        np.arange(N) * 1j,
        ["\ud800"] * N,
    ],
    ids=["mixed", "objects", "huge", "complex", "surrogates"],
)
def test_column_that_arrow_cannot_hold_spoils_no_other(values: Any) -> None:
    report = detect_drift(*with_column("odd", values, values))

    assert any("Python objects" in (reason or "") for reason in reasons(report, "odd"))
    assert report.drifted == ("moved",)


def test_only_odd_columns_still_give_a_report() -> None:
    odd = pd.DataFrame({"odd": [1, "a"] * 50})

    report = detect_drift(odd, odd)

    assert report.drifted == ()
    assert report.current_rows == 100


@pytest.mark.parametrize(
    "values",
    [
        pa.array([[1, 2]] * N),
        pa.array([{"a": 1}] * N),
        pa.array([[("k", 1)]] * N, pa.map_(pa.string(), pa.int64())),
        pa.array([b"x"] * N),
        pa.array([(1, 2, 3)] * N, pa.month_day_nano_interval()),
        pa.UnionArray.from_sparse(pa.array([0] * N, pa.int8()), [pa.array(range(N))]),
    ],
    ids=["list", "struct", "map", "binary", "interval", "union"],
)
def test_nested_and_other_types_are_only_counted(values: pa.Array) -> None:
    before, after = (
        pa.Table.from_pandas(frame).append_column("odd", values)
        for frame in (batch(0), batch(2, shift=1.0))
    )

    report = detect_drift(before, after)

    assert any("have no test" in (reason or "") for reason in reasons(report, "odd"))
    assert report.drifted == ("moved",)


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["a", "b"] * (N // 2), pa.string_view()),
        pa.RunEndEncodedArray.from_arrays(pa.array([N], pa.int32()), pa.array(["a"])),
        pa.array((np.arange(N) % 100).astype(np.float16)),
        pa.array([None, 1] * (N // 2)).dictionary_encode(),
        pa.array([i % 100 for i in range(N)], pa.decimal128(10, 2)),
        pa.array([2**64 - 1] * N, pa.uint64()),
    ],
    ids=["string_view", "run_end", "float16", "dictionary", "decimal", "uint64"],
)
def test_rare_layouts_are_compared(values: pa.Array) -> None:
    before, after = (
        pa.Table.from_pandas(frame).append_column("rare", values)
        for frame in (batch(0), batch(2, shift=1.0))
    )

    report = detect_drift(before, after)

    assert "rare" not in report.untestable
    assert report.drifted == ("moved",)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NaT])
def test_column_without_a_value_is_untestable(missing: Any) -> None:
    report = detect_drift(*with_column("empty", missing, missing))

    assert "missing" in report.untestable["empty"]
    assert report.drifted == ("moved",)


def test_column_that_lost_all_values_is_drift() -> None:
    report = detect_drift(*with_column("lost", 1.5, np.nan))

    assert set(report.drifted) == {"moved", "lost"}


@pytest.mark.parametrize("share", [0.01, 0.5, 1.0])
def test_infinite_values_are_values(share: float) -> None:
    finite = np.random.default_rng(5).normal(size=N)
    some = np.where(np.arange(N) < share * N, np.inf, finite)

    report = detect_drift(*with_column("x", some, some))

    assert report.drifted == ("moved",)


def test_column_that_turned_infinite_is_drift() -> None:
    finite = np.random.default_rng(5).normal(size=N)

    report = detect_drift(*with_column("x", finite, np.where(np.arange(N) < 200, -np.inf, finite)))

    assert set(report.drifted) == {"moved", "x"}


def test_extreme_numbers_do_not_overflow() -> None:
    huge = np.tile([1e308, -1e308, 5e-324, 0.0], N // 4)

    assert detect_drift(*with_column("x", huge, huge)).drifted == ("moved",)


def test_column_that_changed_its_kind_says_so() -> None:
    report = detect_drift(*with_column("x", np.arange(N), np.arange(N).astype(str)))

    assert report.untestable["x"] == "kind changed from numeric to categorical"


def test_duplicate_names_are_named() -> None:
    twice = pd.concat([batch(0), batch(0)[["city"]]], axis=1)
    table = pa.table([[1], [2]], names=["a", "a"])

    with pytest.raises(SnapshotError, match="twice: 'city'"):
        detect_drift(twice, batch(2))
    with pytest.raises(SnapshotError, match="twice: 'a'"):
        detect_drift(table, table)


def test_names_that_are_no_text_become_text() -> None:
    before, after = pd.DataFrame({0: np.zeros(N), 1: np.arange(N)}), pd.DataFrame({0: np.ones(N)})

    assert detect_drift(before, after).drifted == ("0",)


@pytest.mark.parametrize("wrong", [None, [1, 2], {"a": [1]}, np.zeros((3, 3))])
def test_other_types_are_refused(wrong: Any) -> None:
    with pytest.raises(SpecError, match="expected an Arrow table, a DataFrame or a path"):
        detect_drift(wrong, batch(2))


def test_file_that_is_not_there_is_named() -> None:
    with pytest.raises(NotFoundError, match=r"no file 'nowhere\.csv'"):
        detect_drift("nowhere.csv", batch(2))


def test_file_that_is_cut_says_so(tmp_path: Path) -> None:
    file = tmp_path / "cut.parquet"
    pq.write_table(pa.table({"a": [1, 2]}), file)
    file.write_bytes(file.read_bytes()[:-6])

    with pytest.raises(SnapshotError, match="parquet"):
        detect_drift(file, batch(2))


def test_repr_in_a_notebook_is_escaped_and_bounded() -> None:
    names = {f"<b>{i}</b>": np.arange(N) + i * (N // 2) for i in range(30)}
    before = pd.DataFrame({name: np.arange(N) for name in names})

    html = detect_drift(before, pd.DataFrame(names))._repr_html_()

    assert "<b>1</b>" not in html
    assert "&lt;b&gt;1" in html
    assert html.count("<tr>") == 21
    assert "more tests" in html


def test_frame_has_a_row_for_every_test_and_the_joint_one() -> None:
    report = detect_drift(batch(0), batch(2, shift=1.0))

    frame = report.to_frame()

    assert len(frame) == len(report.columns) + 1
    assert frame.iloc[-1]["name"] == "*"
    assert set(frame[frame["is_drift"] == True]["name"]) >= {"moved"}  # noqa: E712 - None is neither


def test_verdict_reads_as_a_line() -> None:
    assert str(detect_drift(batch(0), batch(2, shift=1.0))).startswith("drift in moved (500 rows")


def test_coarsening_of_the_policy_leaves_the_joint_test_out() -> None:
    report = detect_drift(batch(0), batch(2, shift=1.0), DriftPolicy(coarsen=Coarsening(32)))

    assert "moved" in report.drifted
    assert report.multivariate is not None
    assert report.multivariate.reason == "the reference profile holds no sample of rows"
