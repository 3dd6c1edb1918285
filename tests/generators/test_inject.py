"""Injected drift: nothing at magnitude 0, and a log that names every changed cell."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calmops_flows.api import detect_drift
from calmops_flows.errors import SpecError
from calmops_flows.generators import Injected, inject
from calmops_flows.generators.injection import INJECTORS
from calmops_flows.generators.injection.correlation import nearest_correlation

MATRIX = [[1.0, 0.6], [0.6, 1.0]]
# Parameters of every injector at full strength, and what makes it do nothing.
STEPS: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "noise": ({"columns": ["a", "n"], "magnitude": 1.0}, {"magnitude": 0.0}),
    "shift": ({"columns": ["a", "n"], "magnitude": 2.0}, {"magnitude": 0.0}),
    "scale": ({"columns": ["a", "n"], "magnitude": 1.0}, {"magnitude": 0.0}),
    "quantile_map": ({"columns": ["a"], "quantiles": [0.0, 1.0, 9.0]}, {"magnitude": 0.0}),
    "replace_category": (
        {"column": "g", "old": "x", "new": "y", "magnitude": 0.5},
        {"magnitude": 0.0},
    ),
    "new_category": ({"column": "g", "magnitude": 0.5}, {"magnitude": 0.0}),
    "vanished_category": ({"column": "g", "value": "x"}, {"magnitude": 0.0}),
    "missing": ({"columns": ["a", "n", "g"], "magnitude": 0.5}, {"magnitude": 0.0}),
    "outliers": ({"columns": ["a", "n"], "magnitude": 0.3}, {"magnitude": 0.0}),
    "unit_change": ({"columns": ["a"], "factor": 1.8, "offset": 32.0}, {"magnitude": 0.0}),
    "freeze": ({"columns": ["a", "g"]}, {"magnitude": 0.0}),
    "duplicates": ({"magnitude": 0.5}, {"magnitude": 0.0}),
    "label_noise": ({"target": "y", "magnitude": 0.5}, {"magnitude": 0.0}),
    "label_shift": ({"target": "y", "value": 1, "share": 0.9}, {"magnitude": 0.0}),
    "concept_flip": ({"target": "y", "where": "a > 0"}, {"magnitude": 0.0}),
    "rule_change": ({"target": "y", "rule": "b > 0"}, {"magnitude": 0.0}),
    "covariate_shift": ({"column": "a", "magnitude": 3.0}, {"magnitude": 0.0}),
    "correlation": ({"columns": ["a", "b"], "matrix": MATRIX}, {"magnitude": 0.0}),
    "schema_change": ({"action": "as_text", "column": "n"}, None),
}
PROFILES: list[dict[str, Any]] = [
    {"kind": "abrupt", "position": 0.3},
    {"kind": "gradual", "position": 0.2, "width": 0.5},
    {"kind": "incremental", "position": 0.1, "width": 0.6, "shape": "sigmoid"},
    {"kind": "recurrent", "position": 0.1, "period": 0.2},
]


def table(n_rows: int = 200, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=n_rows),
            "b": rng.exponential(size=n_rows),
            "n": rng.integers(0, 100, n_rows),
            "g": rng.choice(["x", "y", "z"], n_rows),
            "y": rng.integers(0, 2, n_rows),
            "day": pd.date_range("2024-01-01", periods=n_rows),
        }
    )
    frame.loc[frame.index[::17], "a"] = np.nan
    return frame


def assert_log_is_the_truth(before: pd.DataFrame, done: Injected) -> None:
    """Every cell that differs is in the log once, and no other is."""
    after, log = done.data, done.log
    inserted = log[log["column"].isna() & (log["row"] >= 0)]
    kept = np.setdiff1d(np.arange(len(after)), inserted["row"].to_numpy(dtype=int))
    assert len(kept) == len(before)
    renamed = set(log.loc[log["row"] < 0, "column"])
    assert renamed == set(before.columns) ^ set(after.columns)
    for name in before.columns.intersection(after.columns):
        old = before[name].to_numpy(dtype=object)
        new = after[name].iloc[kept].to_numpy(dtype=object)
        changed = [
            int(row)
            for row, left, right in zip(kept, old, new, strict=True)
            if not (left == right or (pd.isna(left) and pd.isna(right)))
        ]
        named = log.loc[(log["column"] == name) & (log["row"] >= 0), "row"].tolist()
        assert named == changed, name


def test_every_injector_is_tried() -> None:
    assert set(STEPS) == set(INJECTORS)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile["kind"])
@pytest.mark.parametrize("kind", [kind for kind in STEPS if not INJECTORS[kind].WHOLE])
@given(seed=st.integers(0, 2**20), n_rows=st.integers(40, 120))
@settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_log_names_every_changed_cell(
    kind: str, profile: dict[str, Any], seed: int, n_rows: int
) -> None:
    before = table(n_rows, seed)
    params, _ = STEPS[kind]

    done = inject(before, {"kind": kind, "profile": profile, **params}, random_state=seed)

    assert len(done.log)
    assert_log_is_the_truth(before, done)


@pytest.mark.parametrize("kind", [kind for kind, (_, nothing) in STEPS.items() if nothing])
@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile["kind"])
def test_magnitude_nothing_changes_no_cell(kind: str, profile: dict[str, Any]) -> None:
    before = table()
    params, nothing = STEPS[kind]

    done = inject(
        before, {"kind": kind, "profile": profile, **params, **(nothing or {})}, random_state=1
    )

    pd.testing.assert_frame_equal(done.data, before)
    assert not len(done.log)


@pytest.mark.parametrize("kind", [kind for kind in STEPS if not INJECTORS[kind].WHOLE])
@pytest.mark.parametrize(
    "rows",
    [
        {"start": 50, "stop": 120},
        {"index": list(range(10, 90))},
        {"column": "g", "blocks": ["x", "y"]},
        # a date as YAML reads it, and as text
        {"column": "day", "since": dt.date(2024, 2, 1), "until": "2024-05-01"},
        {"where": "n > 30"},
    ],
    ids=["numbers", "index", "blocks", "dates", "condition"],
)
def test_rows_that_are_not_chosen_stay(kind: str, rows: dict[str, Any]) -> None:
    before = table()
    params, _ = STEPS[kind]
    chosen = inject(before.assign(), {"kind": "shift", "columns": ["b"], "magnitude": 1.0,
                                      "rows": rows}, random_state=0).log["row"]  # fmt: skip

    done = inject(before, {"kind": kind, "rows": rows, **params}, random_state=1)

    assert len(done.log)
    assert set(done.log["source_row"]) <= set(chosen)
    assert_log_is_the_truth(before, done)


@pytest.mark.parametrize("kind", sorted(STEPS))
def test_tables_of_arrow_come_back_as_arrow(kind: str) -> None:
    before = pa.Table.from_pandas(table(), preserve_index=False)
    params, _ = STEPS[kind]

    done = inject(before, {"kind": kind, **params}, random_state=1)

    assert isinstance(done.data, pa.Table)
    assert done.data.num_rows >= before.num_rows
    if kind == "shift":
        assert done.data.schema.field("n").type == pa.int64()


@pytest.mark.parametrize(
    ("action", "to", "columns"),
    [
        ("rename", "count", ["a", "b", "count", "g", "y", "day"]),
        ("drop", None, ["a", "b", "g", "y", "day"]),
        ("add", "more", ["a", "b", "n", "g", "y", "day", "more"]),
    ],
)
def test_schema_changes_are_told_as_whole_columns(
    action: str, to: str | None, columns: list[str]
) -> None:
    before = table()
    step = {"kind": "schema_change", "action": action, "column": "n"} | ({"to": to} if to else {})

    done = inject(before, step, random_state=0)

    assert list(done.data.columns) == columns
    assert_log_is_the_truth(before, done)


def test_the_same_seed_gives_the_same_data_and_the_input_stays() -> None:
    before = table()
    kept = before.copy()
    kinds = ("noise", "missing", "duplicates", "label_noise", "new_category", "correlation")
    plan = [{"kind": kind, **STEPS[kind][0]} for kind in kinds]

    one, two = inject(before, plan, random_state=4), inject(before, plan, random_state=4)

    pd.testing.assert_frame_equal(one.data, two.data)
    pd.testing.assert_frame_equal(one.log, two.log)
    pd.testing.assert_frame_equal(before, kept)


def test_shift_moves_by_its_magnitude() -> None:
    before = table(2_000)
    step = {"kind": "shift", "columns": ["b"], "magnitude": -1.5}

    done = inject(before, step, random_state=0)

    expected = -1.5 * float(before["b"].std(ddof=0))
    assert np.allclose(done.log["magnitude"], expected)


def test_missing_by_another_column_is_likelier_where_it_is_high() -> None:
    before = table(4_000)
    step = {"kind": "missing", "columns": ["b"], "magnitude": 0.3, "mechanism": "mar", "by": "n"}

    gone = inject(before, step, random_state=0).data["b"].isna()

    assert abs(gone.mean() - 0.3) < 0.03
    assert gone[before["n"] > 75].mean() > 3 * gone[before["n"] < 25].mean()


def test_missing_not_at_random_takes_the_high_values() -> None:
    before = table(4_000)
    step = {"kind": "missing", "columns": ["b"], "magnitude": 0.3, "mechanism": "mnar"}

    gone = inject(before, step, random_state=0).data["b"].isna()

    assert before["b"][gone].mean() > 1.5 * before["b"][~gone].mean()


def test_classes_reach_their_share() -> None:
    step = {"kind": "label_shift", "target": "y", "value": 1, "share": 0.9}

    done = inject(table(1_000), step, random_state=0)

    assert done.data["y"].mean() == 0.9


def test_covariate_shift_keeps_the_rule() -> None:
    before = table(2_000)
    before["y"] = (before["b"] > 1).astype(int)
    step = {"kind": "covariate_shift", "column": "b", "magnitude": 4.0}

    after = inject(before, step, random_state=0).data

    assert after["b"].mean() > before["b"].mean() + 0.5
    assert ((after["b"] > 1) == (after["y"] == 1)).all()


@pytest.mark.parametrize("rho", [-0.8, 0.3, 0.9])
def test_correlation_is_reached_and_marginals_stay(rho: float) -> None:
    before = table(2_000)
    before["c"] = np.random.default_rng(3).normal(size=2_000)
    step = {"kind": "correlation", "columns": ["n", "c"], "matrix": [[1, rho], [rho, 1]]}

    after = inject(before, step, random_state=0).data

    assert abs(np.corrcoef(after["n"], after["c"])[0, 1] - rho) < 0.02
    assert sorted(after["c"]) == sorted(before["c"])
    assert sorted(after["n"]) == sorted(before["n"])


def test_nearest_correlation_is_positive_definite() -> None:
    wrong = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])

    near = nearest_correlation(wrong)

    assert np.linalg.eigvalsh(near).min() > 0
    assert np.allclose(np.diag(near), 1.0)


def test_a_shift_of_half_a_deviation_is_found() -> None:
    rng = np.random.default_rng(8)
    found = 0
    for seed in range(10):
        data = pd.DataFrame(rng.normal(size=(2_000, 20)), columns=[f"x{i}" for i in range(20)])
        step = {"kind": "shift", "columns": ["x3"], "magnitude": 0.5}
        report = detect_drift(data[:1_000], inject(data[1_000:], step, random_state=seed).data)
        found += "x3" in report.drifted

    assert found == 10


def test_plan_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(
        "steps:\n"
        "  - kind: shift\n    columns: [b]\n    magnitude: 1\n"
        "    profile: {kind: abrupt, position: 100}\n"
        "  - {kind: duplicates, magnitude: 0.1}\n"
    )

    done = inject(table(), file, random_state=0)

    assert done.log["kind"].unique().tolist() == ["shift", "duplicates"]
    assert done.log["row"][done.log["step"] == 0].min() == 100


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"kind": "sudden"}, "unknown injector 'sudden'; valid: concept_flip"),
        (
            {"kind": "shift", "columns": ["a"], "size": 1},
            "unknown parameter 'size'; valid parameters: columns, magnitude",
        ),
        ({"kind": "shift", "columns": ["q"], "magnitude": 1}, "no column 'q'; columns: a, b"),
        ({"kind": "shift", "columns": ["g"], "magnitude": 1}, "must be numeric"),
        ({"kind": "shift", "columns": ["e"], "magnitude": 1}, "holds no value"),
        ({"kind": "shift", "columns": ["a"], "magnitude": 1, "rows": {"index": [999]}}, "row 999"),
        ({"kind": "shift", "columns": ["a"], "magnitude": 1, "rows": {"where": "a"}}, "condition"),
        ({"kind": "shift", "columns": ["a"], "magnitude": 1, "rows": {"where": "a > 99"}}, "fits"),
        (
            {"kind": "shift", "columns": ["a"], "magnitude": 1, "profile": {"position": 500}},
            "outside the data",
        ),
        ({"kind": "label_noise", "target": "one", "magnitude": 0.1}, "needs two classes"),
        ({"kind": "label_shift", "target": "y", "value": 7, "share": 0.5}, "no class 7"),
        (
            {
                "kind": "correlation",
                "columns": ["a", "b", "n"],
                "matrix": [[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]],
            },
            "not positive definite; the nearest",
        ),
        ({"kind": "schema_change", "action": "drop", "column": "a", "rows": {"start": 3}}, "whole"),
        ({"kind": "new_category", "column": "a", "magnitude": 0.1}, "holds no categories"),
        ({"kind": "replace_category", "column": "g", "old": "q", "new": "x"}, "holds no 'q'"),
        ({"kind": "rule_change", "target": "y", "rule": "a * 2"}, "write a condition"),
        ([], "holds no step"),
        ("no/such/plan.yaml", "cannot read the plan"),
        (3, "expected a mapping"),
    ],
)
def test_wrong_use_is_refused(plan: object, message: str) -> None:
    data = table().assign(one=1, e=np.nan)

    with pytest.raises(SpecError, match=message):
        inject(data, plan, random_state=0)
