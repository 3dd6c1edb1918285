"""Patients have the marginals, correlations, groups and conditions that were asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calmops_flows.errors import SpecError
from calmops_flows.generators.clinic.copula import Pair, latent_correlation
from calmops_flows.generators.clinic.shares import chances
from calmops_flows.generators.clinic.variables import Variable
from tests.generators.clinic.conftest import drawn

N = 20_000
VARIABLES = {
    "age": {"kind": "normal", "mean": 58.0, "sd": 12.0, "low": 18.0, "high": 95.0},
    "bmi": {"kind": "lognormal", "mean": 3.2, "sd": 0.2},
    "visits_before": {"kind": "poisson", "mean": 2.5},
    "score": {"kind": "uniform", "low": 0.0, "high": 10.0},
    "sex": {"kind": "choice", "options": {"female": 0.6, "male": 0.4}},
}


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("age", stats.truncnorm((18 - 58) / 12, (95 - 58) / 12, 58, 12)),
        ("bmi", stats.lognorm(0.2, scale=np.exp(3.2))),
        ("score", stats.uniform(0, 10)),
    ],
)
def test_continuous_variables_follow_their_laws(name: str, law: Any) -> None:
    found = drawn(N, cohort={"variables": VARIABLES}).patients[name]

    assert stats.kstest(found, law.cdf).pvalue > 0.001


def test_counts_and_choices_have_their_shares() -> None:
    found = drawn(N, cohort={"variables": VARIABLES}).patients

    counts = np.bincount(found["visits_before"], minlength=30)[:8]
    expected = stats.poisson(2.5).pmf(np.arange(8))
    assert np.allclose(counts / N, expected, atol=0.015)
    assert abs((found["sex"] == "male").mean() - 0.4) < 0.015


@pytest.mark.parametrize(("first", "second", "rho"), [("age", "bmi", 0.6), ("bmi", "score", -0.45)])
def test_copula_reaches_the_rank_correlation(first: str, second: str, rho: float) -> None:
    pairs = [{"between": [first, second], "spearman": rho}]

    found = drawn(N, cohort={"variables": VARIABLES, "correlations": pairs}).patients

    assert abs(stats.spearmanr(found[first], found[second]).statistic - rho) < 0.015
    assert abs(stats.spearmanr(found["age"], found["visits_before"]).statistic) < 0.03


def test_groups_have_their_prevalence() -> None:
    groups = {"healthy": 0.7, "mild": 0.2, "severe": 0.1}

    found = drawn(N, cohort={"groups": groups}).patients["group"].value_counts(normalize=True)

    assert all(abs(found[name] - share) < 0.015 for name, share in groups.items())


def test_condition_has_its_prevalence_and_its_odds_ratio() -> None:
    conditions = {
        "smoker": {"prevalence": 0.3},
        "cancer": {"prevalence": 0.1, "formula": "log(3) * smoker"},
    }

    found = drawn(50_000, cohort={"conditions": conditions}).patients

    assert abs(found["smoker"].mean() - 0.3) < 0.01
    assert abs(found["cancer"].mean() - 0.1) < 0.006
    table = np.array(
        [[((found["smoker"] == s) & (found["cancer"] == c)).sum() for c in (0, 1)] for s in (0, 1)]
    )
    odds_ratio = table[1, 1] * table[0, 0] / (table[1, 0] * table[0, 1])
    assert abs(np.log(odds_ratio / 3.0)) < 0.12


@given(
    st.floats(0.001, 0.999),
    st.lists(st.floats(-30, 30), min_size=1, max_size=30),
)
@settings(max_examples=50, deadline=None)
def test_chances_have_the_wanted_mean(prevalence: float, scores: list[float]) -> None:
    found = chances(np.array(scores), prevalence)

    assert abs(found.mean() - prevalence) < 1e-9
    assert (np.diff(found[np.argsort(scores)]) >= -1e-12).all()


def test_poisson_variable_inverts_its_distribution() -> None:
    u = np.linspace(0.001, 0.999, 500)

    found = Variable(kind="poisson", mean=7.3).quantiles(u)

    # scipy's own quantiles
    assert (found == stats.poisson(7.3).ppf(u)).all()


def test_impossible_correlations_are_refused_with_the_nearest_possible() -> None:
    names = ["a", "b", "c"]
    pairs = [
        Pair(between=("a", "b"), spearman=0.9),
        Pair(between=("b", "c"), spearman=0.9),
        Pair(between=("a", "c"), spearman=-0.9),
    ]

    with pytest.raises(SpecError, match="nearest that can be had") as refused:
        latent_correlation(names, pairs)

    offer = str(refused.value).rpartition("had: ")[2]
    offered = [
        Pair(
            between=(one.split(" ")[0], one.split(" ")[2][:-1]), spearman=float(one.split(": ")[1])
        )
        for one in offer.split(", ")
    ]
    assert len(offered) == 3
    assert np.linalg.eigvalsh(latent_correlation(names, offered)).min() > 0


@pytest.mark.parametrize(
    ("cohort", "message"),
    [
        ({"groups": {"a": 0.5, "b": 0.6}}, "groups must sum to 1, and sum to 1.1"),
        ({"groups": {"a": 1.5, "b": -0.5}}, "none negative"),
        ({"patients": -5}, "greater than or equal to 1"),
        (
            {"variables": {"age": {"kind": "normal", "men": 5}}},
            "men'; valid parameters: digits, h",
        ),
        ({"variables": {"age": {"kind": "gamma"}}}, "'normal', 'lognormal'"),
        ({"variables": {"group": {}}}, "'group' has a meaning of its own"),
        ({"variables": {"two words": {}}}, "should match pattern"),
        ({"variables": {"x": {"kind": "choice", "options": {"a": 0.4, "b": 0.4}}}}, "sum to 0.8"),
        ({"variables": {"x": {"kind": "uniform"}}}, "uniform needs low and high"),
        ({"correlations": [{"between": ["x", "y"], "spearman": 0.1}]}, "no variable 'x'"),
        ({"conditions": {"ill": {"prevalence": 0.1, "formula": "agee"}}}, "names 'agee'"),
        ({"conditions": {"ill": {"prevalence": 1.4}}}, "less than or equal to 1"),
    ],
)
def test_wrong_cohort_is_refused(cohort: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        drawn(10, cohort=cohort)


def test_formula_without_values_is_refused() -> None:
    cohort = {
        "variables": {"x": {"kind": "normal"}},
        "conditions": {"ill": {"prevalence": 0.1, "formula": "log(x)"}},
    }

    with pytest.raises(SpecError, match="not finite"):
        drawn(cohort=cohort)
