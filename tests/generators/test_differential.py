"""Figures with noise: as far off as the mechanism says, and never beyond the budget."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest, laplace

from calmops_flows.errors import MissingExtraError, SpecError
from calmops_flows.generators.privacy import Budget, Release, dp_histogram, dp_mean
from calmops_flows.generators.privacy.differential import MISSING, OTHER
from calmops_flows.generators.privacy.protect import protect

DRAWS = 1_000  # the noise has no seed: margins are such that chance fails once in a million
AGES = pd.DataFrame({"age": np.random.default_rng(0).integers(20, 81, 400).astype(float)})


def means(epsilon: float, data: pd.DataFrame = AGES) -> NDArray[np.float64]:
    found: list[float] = []
    for _ in range(DRAWS):
        release = dp_mean(data, "age", low=0.0, high=100.0, epsilon=epsilon, budget=Budget(epsilon))
        assert isinstance(release.value, float)
        found.append(release.value)
    return np.array(found)


@pytest.mark.parametrize("epsilon", [0.1, 1.0])
def test_mean_is_off_by_laplace_noise_of_the_stated_scale(epsilon: float) -> None:
    # By hand: one row moves the mean by at most 100 / 400, so the scale is 0.25 / epsilon.
    scale = 0.25 / epsilon

    errors = means(epsilon) - float(AGES["age"].mean())

    assert abs(np.abs(errors).mean() - scale) < 5 * scale / np.sqrt(DRAWS)
    assert kstest(errors, laplace(scale=scale).cdf).pvalue > 1e-6


def test_one_row_changes_the_mean_by_no_more_than_the_noise_hides() -> None:
    low, high = (AGES.assign(age=AGES["age"].where(AGES.index > 0, end)) for end in (0.0, 1e9))

    # epsilon 1: no event is more than e times likelier under a neighbouring table.
    cut = float(pd.concat([low, high])["age"].clip(0, 100).mean())
    shares = [float((means(1.0, data) > cut).mean()) for data in (low, high)]

    assert shares[0] > 0.2
    assert shares[1] < math.e * shares[0] + 0.1


def test_counts_are_off_by_geometric_noise_of_the_stated_size() -> None:
    data = pd.DataFrame({"c": ["a"] * 500 + ["b"] * 300 + [None] * 150 + ["z"] * 50})
    exact = {"a": 500, "b": 300, OTHER: 50, MISSING: 150}
    found: list[Release] = [
        dp_histogram(data, "c", categories=["a", "b"], epsilon=1.0, budget=Budget(1.0))
        for _ in range(DRAWS)
    ]

    errors = np.array(
        [
            [r.value[name] - n for name, n in exact.items()]
            for r in found
            if isinstance(r.value, dict)
        ]
    )

    # By hand: P(k) ~ exp(-|k| / 2), so the mean of |k| is 2 q / (1 - q^2) with q = exp(-1/2).
    q = np.exp(-0.5)
    assert errors.shape == (DRAWS, 4)
    assert found[0].scale == pytest.approx(2 * q / (1 - q**2))
    assert abs(np.abs(errors).mean() - found[0].scale) < 5 * 2.2 / np.sqrt(errors.size)
    assert abs(errors.mean()) < 5 * 2.9 / np.sqrt(errors.size)


def test_bins_of_numbers_hold_their_rows() -> None:
    data = pd.DataFrame({"n": [0.0, 1.0, 1.5, 2.0, -5.0, np.nan]})

    # So much epsilon is hardly any noise: the counts themselves are seen.
    release = dp_histogram(data, "n", edges=[0, 1, 2], epsilon=200.0, budget=Budget(200.0))

    assert release.value == {"[0, 1)": 1, "[1, 2)": 2, OTHER: 2, MISSING: 1}


def test_budget_adds_up_and_refuses_what_is_not_left() -> None:
    budget = Budget(1.0)
    for _ in range(10):
        budget.spend(0.1, on="x")

    assert budget.spent == pytest.approx(1.0)
    with pytest.raises(SpecError, match=r"asks for epsilon 0\.01, and 0 of 1 is left"):
        dp_mean(AGES, "age", low=0, high=1, epsilon=0.01, budget=budget)
    assert budget.spent == pytest.approx(1.0)


def test_refused_release_spends_nothing() -> None:
    budget = Budget(1.0)

    with pytest.raises(SpecError, match="no column"):
        dp_mean(AGES, "q", low=0, high=1, epsilon=0.5, budget=budget)
    with pytest.raises(SpecError, match="left"):
        dp_mean(AGES, "age", low=0, high=1, epsilon=1.5, budget=budget)

    assert budget.spent == 0.0


def plan(*figures: dict[str, Any], epsilon: float = 1.0) -> dict[str, Any]:
    return {"release": {"epsilon": epsilon, "figures": list(figures)}}


MEAN = {"kind": "mean", "column": "age", "low": 0, "high": 100, "epsilon": 0.5}
HISTOGRAM = {"kind": "histogram", "column": "age", "edges": [0, 50, 100], "epsilon": 0.5}


def test_plan_releases_figures_of_the_table_as_it_came() -> None:
    wanted = plan(MEAN, HISTOGRAM) | {"steps": [{"kind": "drop", "columns": ["age"]}]}

    report = protect(AGES, wanted).report

    mean, histogram = report.releases
    assert isinstance(mean.value, float)
    assert isinstance(histogram.value, dict)
    assert abs(mean.value - AGES["age"].mean()) < 20 * mean.scale
    assert sum(histogram.value.values()) == pytest.approx(400, abs=200)
    assert "says nothing of the table" in report.document().to_html()


def test_figures_without_a_seed_are_never_the_same() -> None:
    one, two = (protect(AGES, plan(MEAN)).report.releases[0].value for _ in range(2))

    assert one != two


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (plan(MEAN, HISTOGRAM, epsilon=0.9), "histogram of age asks for epsilon 0.5, and 0.4"),
        (plan({**MEAN, "low": 100}), "low must lie below high"),
        (plan({**MEAN, "epsilon": 0}), "greater than 0"),
        (plan({**MEAN, "kind": "median"}), "median"),
        (plan({**HISTOGRAM, "edges": []}), "either edges or categories"),
        (plan({**HISTOGRAM, "edges": [1, 1]}), "ascending"),
        (plan({**HISTOGRAM, "edges": [], "categories": ["a", "a"]}), "must differ"),
        (plan(), "figures"),
    ],
)
def test_wrong_use_is_refused(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        protect(AGES, wanted)


def test_missing_values_count_as_declared() -> None:
    data = pd.DataFrame({"age": [10.0, np.nan, 30.0]})
    wanted: dict[str, Any] = {"low": 0, "high": 100, "epsilon": 1e6}

    with pytest.raises(SpecError, match="say in `missing`"):
        dp_mean(data, "age", budget=Budget(1e6), **wanted)
    release = dp_mean(data, "age", missing=20.0, budget=Budget(1e6), **wanted)

    assert release.value == pytest.approx(20.0, abs=0.01)


def test_no_rows_and_no_budget_are_refused() -> None:
    with pytest.raises(SpecError, match="no rows"):
        dp_mean(AGES[:0], "age", low=0, high=1, epsilon=1, budget=Budget(1))
    with pytest.raises(SpecError, match="positive and finite"):
        Budget(0.0)
    with pytest.raises(SpecError, match="positive and finite"):
        Budget(1.0).spend(float("nan"), on="x")


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("opendp"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(MissingExtraError, match=r"calmops-flows\[privacy\]"):
        dp_mean(AGES, "age", low=0, high=1, epsilon=1, budget=Budget(1))
