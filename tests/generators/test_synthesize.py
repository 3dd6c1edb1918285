"""New rows keep types, gaps and relations of real ones, copy none, and come from a seed."""

from __future__ import annotations

import datetime as dt
import decimal
import importlib.util
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from calmops_flows.demo.flights import data_folder, read_months
from calmops_flows.errors import MissingExtraError, SpecError
from calmops_flows.generators import synthesize
from calmops_flows.generators.synthesis import METHODS
from calmops_flows.generators.synthesis.columns import read_columns
from calmops_flows.generators.synthesis.copula import correlations
from calmops_flows.generators.synthesis.donors import make_donors
from calmops_flows.generators.synthesis.scores import read_scores

REGIONS = np.array(["a", "b", "rare", None], dtype=object)
# one correlation, or a few normal components, cannot say all that trees can
ROUGH = {"copula", "gmm"}
LEARNING = sorted(set(METHODS) - {"resample", "sdv"})


def people(n_rows: int = 600, seed: int = 0) -> pd.DataFrame:
    """Numbers, categories, dates and gaps that depend on one another."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n_rows, p=[0.3, 0.7])
    age = rng.integers(18, 80, n_rows)
    weight = np.round(60 + 15 * (sex == "m") + 0.2 * age + rng.normal(0, 4, n_rows), 1)
    lost = rng.random(n_rows) < np.where(sex == "f", 0.4, 0.05)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, n_rows), unit="D")
    return pd.DataFrame(
        {
            "sex": sex,
            "age": age,
            "weight": np.where(lost, np.nan, weight),
            "gain": np.where(rng.random(n_rows) < 0.9, 0.0, np.round(rng.lognormal(7, 1, n_rows))),
            "region": rng.choice(REGIONS, n_rows, p=[0.6, 0.3, 0.02, 0.08]),
            "day": days,
            "site": "one",
            "ill": rng.random(n_rows) < 1 / (1 + np.exp(-(age - 50) / 5)),
        }
    )


@pytest.mark.parametrize("method", LEARNING)
def test_marginals_and_relations_are_kept(method: str) -> None:
    real = people()

    new = synthesize(real, 600, method=method, random_state=1).data

    assert (new.dtypes == real.dtypes).all()
    assert list(new.columns) == list(real.columns)
    for name in ("age", "weight"):
        assert new[name].mean() == pytest.approx(real[name].mean(), abs=0.15 * real[name].std())
        assert new[name].std() == pytest.approx(real[name].std(), rel=0.1)
    gap = new["weight"].isna().groupby(new["sex"]).mean()
    assert gap["f"] - gap["m"] > (0.1 if method in ROUGH else 0.2)
    heavier = new.groupby("sex")["weight"].mean()
    assert heavier["m"] - heavier["f"] > (8 if method in ROUGH else 11)
    assert new.groupby("ill")["age"].mean().diff().iloc[-1] > (15 if method in ROUGH else 20)
    assert abs((new["gain"] == 0).mean() - 0.9) < 0.05
    assert abs((new["region"] == "rare").mean() - (real["region"] == "rare").mean()) < 0.02
    assert (new["site"] == "one").all()
    assert new["day"].between(real["day"].min(), real["day"].max()).all()
    assert (new["day"] == new["day"].dt.normalize()).all()


@pytest.mark.parametrize("method", LEARNING)
def test_same_seed_gives_same_rows(method: str) -> None:
    real = people(200)

    first, again, other = (
        synthesize(real, 50, method=method, random_state=seed).data for seed in (3, 3, 4)
    )

    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_types_come_back_as_they_were() -> None:
    rng = np.random.default_rng(0)
    n = 60
    real = pd.DataFrame(
        {
            "int8": rng.integers(0, 9, n).astype("int8"),
            "nullable": pd.array([None, *range(n - 1)], dtype="Int64"),
            "float32": rng.normal(size=n).astype("float32"),
            "price": [decimal.Decimal(int(one)) / 100 for one in rng.integers(0, 999, n)],
            "flag": pd.array([None, *rng.integers(0, 2, n - 1).astype(bool)], dtype="boolean"),
            "grade": pd.Categorical(
                rng.choice(["lo", "hi"], n), ["lo", "hi", "never"], ordered=True
            ),
            "text": pd.array(rng.choice(["x", "y"], n), dtype="string"),
            "day": [None, *(dt.date(2024, 1, 1 + int(one)) for one in rng.integers(0, 28, n - 1))],
            "clock": pd.date_range("2024-03-01", periods=n, freq="h", tz="Europe/Madrid"),
        }
    )

    new = synthesize(real, 80, random_state=0).data

    assert (new.dtypes == real.dtypes).all()
    assert {type(one) for one in new["price"]} == {decimal.Decimal}
    assert all(one == round(one, 2) for one in new["price"])
    assert {type(one) for one in new["day"]} <= {dt.date, type(None)}
    assert new["clock"].between(real["clock"].min(), real["clock"].max()).all()


def test_arrow_comes_back_as_arrow() -> None:
    table = pa.table({"n": pa.array([1, 2, None] * 20), "t": ["a", "b", "b"] * 20})

    new = synthesize(table, 30, random_state=0).data

    assert new.schema == table.schema
    assert new.num_rows == 30


def test_rows_that_are_there_once_are_not_copied() -> None:
    # few values: chance alone copies rows
    rng = np.random.default_rng(0)
    real = pd.DataFrame(rng.integers(0, 8, (300, 3)), columns=list("abc"))
    counts = real.value_counts()
    once = set(counts[counts == 1].index)

    done = synthesize(real, 1_000, random_state=0)

    assert done.metadata["redrawn_copies"] > 0
    assert done.metadata["notes"] == []
    assert not once & set(done.data.itertuples(index=False, name=None))


def test_copies_that_cannot_be_avoided_are_told() -> None:
    real = pd.DataFrame({"a": range(30)})

    done = synthesize(real, 10, random_state=0, smoothing="none")

    assert "copy a real row" in done.metadata["notes"][0]


def test_names_are_not_learnt() -> None:
    real = people(100).assign(name=[f"person {n}" for n in range(100)])

    done = synthesize(real, 20, random_state=0)

    assert done.data["name"].tolist()[:2] == ["name-0000001", "name-0000002"]
    assert "'name' names the rows" in done.metadata["notes"][0]


def test_held_out_rows_are_not_learnt() -> None:
    real = people(400)
    real["row"] = np.arange(400)

    done = synthesize(real, 10, random_state=0, holdout=0.25)

    assert sorted([*done.learnt["row"], *done.holdout["row"]]) == list(range(400))
    assert len(done.holdout) == 100


def test_shared_numbers_stay_and_rare_ones_move() -> None:
    values = np.concatenate([np.zeros(50), np.random.default_rng(0).lognormal(3, 1, 200)])
    donors = make_donors(values, np.zeros(250, dtype=np.intp), 1, "leaf")

    drawn = donors.draw(np.zeros(10_000, dtype=np.intp), np.random.default_rng(1))

    assert (drawn == 0).mean() == pytest.approx(0.2, abs=0.001)
    assert np.isin(drawn[drawn != 0], values).mean() < 0.01
    assert drawn.std() == pytest.approx(values.std(), rel=0.02)


def test_a_leaf_is_shared_out_evenly() -> None:
    donors = make_donors(np.arange(8.0), np.array([0, 0, 0, 0, 1, 1, 1, 1]), 2, "none")

    drawn = donors.draw(np.repeat([0, 1], 400), np.random.default_rng(0))

    assert np.bincount(drawn.astype(int)).tolist() == [100] * 8


def test_proper_synthesis_varies_more() -> None:
    real = people(100)[["age"]].astype(float)

    def spread(*, proper: bool) -> float:
        means = [
            synthesize(real, 400, random_state=seed, proper=proper).data["age"].mean()
            for seed in range(40)
        ]
        return float(np.std(means))

    # the mean of 100 rows has the standard error 1.8
    assert spread(proper=True) == pytest.approx(real["age"].std() / 10, rel=0.4)
    assert spread(proper=False) < 0.5


def test_visited_columns_come_first() -> None:
    table = read_columns(people())
    chain = (
        METHODS["cart"]
        .model_validate({"visit": ["ill", "sex"]})
        .learn(table, np.random.default_rng(0))
    )

    order = [table.columns[number].name for number in chain.order]  # type: ignore[attr-defined]

    assert order == ["ill", "sex", "gain", "age", "weight", "region", "day", "site"]


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"method": "magic"}, "unknown method 'magic'; valid: .*cart"),
        ({}, {"leaf": 3}, "valid parameters: min_leaf"),
        ({}, {"min_leaf": 0}, "min_leaf"),
        ({}, {"smoothing": "much"}, "smoothing"),
        ({}, {"visit": ["nothing"]}, "no column 'nothing'; columns: sex"),
        ({}, {"n_samples": 0}, "n_samples"),
        ({}, {"n_samples": 2.5}, "n_samples"),
        ({}, {"random_state": -1}, "random_state"),
        ({}, {"holdout": 1.0}, "holdout"),
        ({"empty": np.nan}, {}, "column 'empty' holds missing values only"),
        ({"far": np.inf}, {}, "column 'far' holds infinite numbers"),
        ({"lists": [[1]] * 40}, {}, "column 'lists' holds values that cannot be counted"),
        ({3: 1}, {}, "names of the columns"),
    ],
)
def test_wrong_use_is_refused(
    change: dict[Any, Any], options: dict[str, Any], message: str
) -> None:
    real = pd.concat([people(40), pd.DataFrame(change, index=range(40))], axis=1)
    given = {"n_samples": 10, "random_state": 0, **options}

    with pytest.raises(SpecError, match=message):
        synthesize(real, **given)


def test_a_single_row_is_refused() -> None:
    with pytest.raises(SpecError, match="at least 2 rows"):
        synthesize(people(1), 10, random_state=0)


def test_values_are_drawn_and_never_the_mean() -> None:
    # two far modes around a mean that no row has
    rng = np.random.default_rng(0)
    real = pd.DataFrame({"x": rng.normal(size=400)})
    real["y"] = real["x"] + np.where(rng.random(400) < 0.5, -20.0, 20.0)

    for method in LEARNING:
        new = synthesize(real, 400, method=method, random_state=0).data

        assert (new["y"].abs() < 10).mean() < 0.02, method
        assert new["y"].std() == pytest.approx(20.0, rel=0.05), method


def test_mixtures_and_copulas_keep_the_spread_of_real_weather() -> None:
    # many levels, gaps that belong together, numbers of few values: no mixture fits them well
    months = [month.rows for month in read_months(data_folder())]
    real = pd.concat(months).sample(4_000, random_state=0).reset_index(drop=True)
    numbers = ["temp", "dewp", "humid", "wind_speed", "pressure", "visib"]

    for method in ("copula", "gmm"):
        new = synthesize(real, 4_000, method=method, random_state=2).data

        ratios = new[numbers].std() / real[numbers].std()
        assert ratios.between(0.95, 1.05).all(), (method, ratios.to_dict())


def test_copula_finds_the_latent_correlation() -> None:
    # both halves of a normal pair with correlation 0.6, one cut at its median
    rng = np.random.default_rng(0)
    pair = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 20_000)
    real = pd.DataFrame({"x": pair[:, 0], "cut": np.where(pair[:, 1] > 0, "up", "down")})

    matrix = correlations(read_scores(read_columns(real), "none"))

    assert abs(matrix[0, 1]) == pytest.approx(0.6, abs=0.02)


def test_resample_says_that_it_copies() -> None:
    real = people(100)

    with pytest.warns(UserWarning, match="copies real rows"):
        done = synthesize(real, 100, method="resample", random_state=0)

    assert done.metadata["notes"] == ["resample copies real rows: its table is as secret as theirs"]
    assert len(done.data.merge(real.drop_duplicates())) == 100


def test_sdv_is_the_users_to_install() -> None:
    assert importlib.util.find_spec("sdv") is None

    with pytest.raises(MissingExtraError, match="BUSL"):
        synthesize(people(50), 10, method="sdv", random_state=0)
