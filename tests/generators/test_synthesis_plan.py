"""New rows keep what a plan says: conditions, balance, rules, blocks, time, and drift on top."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from calmops_flows.errors import SpecError
from calmops_flows.generators import synthesize


def visits(n_rows: int = 500, seed: int = 0) -> pd.DataFrame:
    """Rows of three sites over time, whose level rises; the town depends on the site."""
    rng = np.random.default_rng(seed)
    site = np.sort(rng.choice(["s2", "s1", "s3"], n_rows, p=[0.5, 0.3, 0.2]))[::-1]
    day = np.sort(rng.integers(0, 300, n_rows))
    level = day / 50 + rng.normal(0, 0.3, n_rows) + 2 * (site == "s1")
    return pd.DataFrame(
        {
            "site": site,
            "town": pd.Series(site).map({"s1": "A", "s2": "B", "s3": "A"}),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D"),
            "level": level,
            "ill": (level + rng.normal(0, 1, n_rows) > 5).astype(int),
            "kind": rng.choice(["x", "y"], n_rows),
        }
    )


@pytest.mark.parametrize("method", ["cart", "copula"])
def test_condition_holds_in_every_row_and_moves_the_rest(method: str) -> None:
    real = visits()

    new = synthesize(
        real, 300, method=method, random_state=0, plan={"conditions": {"site": "s1"}}
    ).data

    assert (new["site"] == "s1").all()
    there = real.loc[real["site"] == "s1", "level"].mean()
    assert abs(new["level"].mean() - there) < abs(new["level"].mean() - real["level"].mean())


@pytest.mark.parametrize("method", ["cart", "gmm"])
def test_target_is_balanced(method: str) -> None:
    # bounds: rows that break them are drawn again, class by class
    plan = {
        "balance": {"target": "ill", "shares": {"1": 0.7, "0": 0.3}},
        "bounds": {"level": [1, 7]},
    }

    new = synthesize(visits(), 200, method=method, random_state=0, plan=plan).data

    assert new["ill"].value_counts().to_dict() == {1: 140, 0: 60}
    level = new.groupby("ill")["level"].mean()
    assert level[1] - level[0] > 0.8
    assert new["level"].between(1, 7).all()


def test_rules_hold_in_every_row() -> None:
    plan = {
        "bounds": {"level": [1.0, 6.0]},
        "where": "kind == 'x' or level < 5",
        "dependencies": [{"columns": ["site"], "determines": "town"}],
    }

    new = synthesize(visits(), 400, random_state=0, plan=plan).data

    assert list(new.columns) == list(visits().columns)
    assert new["level"].between(1, 6).all()
    assert ((new["kind"] == "x") | (new["level"] < 5)).all()
    assert set(map(tuple, new[["site", "town"]].to_numpy())) == {
        ("s1", "A"),
        ("s2", "B"),
        ("s3", "A"),
    }


def test_pairs_that_no_real_row_has_do_not_occur() -> None:
    rng = np.random.default_rng(0)
    real = pd.DataFrame({"a": rng.choice(["p", "q"], 300), "b": rng.choice(["u", "v"], 300)})
    real = real[~((real["a"] == "q") & (real["b"] == "v"))].reset_index(drop=True)
    real["c"] = real["a"] + real["b"]
    plan = {"dependencies": [{"columns": ["a", "b"], "determines": "c"}]}

    new = synthesize(real, 200, method="copula", random_state=0, plan=plan).data

    assert (new["c"] == new["a"] + new["b"]).all()
    assert not ((new["a"] == "q") & (new["b"] == "v")).any()


@pytest.mark.parametrize("method", ["cart", "copula"])
def test_blocks_and_time_are_kept(method: str) -> None:
    real = visits()

    new = synthesize(
        real, 250, method=method, random_state=0, plan={"block": "site", "time": "day"}
    ).data

    assert new["site"].unique().tolist() == real["site"].unique().tolist()
    shares = new["site"].value_counts(normalize=True) - real["site"].value_counts(normalize=True)
    assert shares.abs().max() < 0.01
    assert all(one.is_monotonic_increasing for _, one in new.groupby("site")["day"])
    assert new["day"].isin(real["day"]).all()
    late = new["day"] > new["day"].median()
    assert new.loc[late, "level"].mean() - new.loc[~late, "level"].mean() > 1.5


def test_drift_is_put_on_top_and_logged() -> None:
    step = {"kind": "shift", "columns": ["level"], "magnitude": 3.0}
    plain = synthesize(visits(), 100, random_state=0)

    done = synthesize(visits(), 100, random_state=0, plan={"inject": step})

    assert plain.log is None
    assert done.log is not None
    assert len(done.log) == 100
    assert (done.data["level"] > plain.data["level"]).all()


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"wish": 1}, "valid parameters: balance, block"),
        ({"conditions": {"nothing": 1}}, "no column 'nothing'; columns: site"),
        ({"conditions": {"site": "s9"}}, "no real row has a value like 's9' in 'site'"),
        ({"conditions": {"level": "high"}}, "'high' is no value for the column 'level'"),
        ({"conditions": {"level": 99}}, "no real row has a value like 99"),
        ({"conditions": {"ill": 1}, "balance": {"target": "ill"}}, "two parts of the plan"),
        ({"balance": {"target": "one"}}, "'one' has the single class 'same'"),
        ({"balance": {"target": "ill", "shares": {"2": 1.0}}}, "no class '2'; classes: 0, 1"),
        ({"balance": {"target": "ill", "shares": {"1": 0.7}}}, "sum to 1"),
        ({"bounds": {"kind": [0, 1]}}, "'kind' holds no numbers"),
        ({"bounds": {"nothing": [0, 1]}}, "no column 'nothing'"),
        ({"bounds": {"level": [98, 99]}}, "too rare"),
        ({"where": "nothing > 1"}, "names 'nothing', which is no column"),
        ({"where": "level + 1"}, "where must be a condition"),
        ({"dependencies": [{"columns": ["town"], "determines": "site"}]}, "do not determine"),
        ({"time": "nothing"}, "no column 'nothing'"),
    ],
)
def test_wrong_plans_are_refused(plan: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        synthesize(visits(120).assign(one="same"), 40, random_state=0, plan=plan)


def test_a_number_cannot_be_fixed_where_rows_are_drawn_whole() -> None:
    with pytest.raises(SpecError, match="use cart, rf or lgbm"):
        synthesize(
            visits(), 20, method="copula", random_state=0, plan={"conditions": {"level": 2.0}}
        )
