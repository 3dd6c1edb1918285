"""Molecules have the distributions, trends and modules that their layers declare."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from calmops_flows.errors import SpecError
from calmops_flows.generators.clinic import Clinical
from calmops_flows.generators.clinic.layers.rna_seq import RnaSeq
from tests.generators.clinic.conftest import drawn

N = 4_000
PLAIN = {"kind": "rna_seq", "n_features": 60, "library_sd": 0.0}


def rna(patients: int = N, seed: int = 1, **params: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    made = drawn(patients, seed=seed, layers={"rna": PLAIN | params})
    return made.periods[0].rows.filter(like="rna_"), made.truth["features"]


def test_counts_have_the_variance_of_a_negative_binomial() -> None:
    counts, features = rna(library_size=1e4, scatter=0.0)

    mean, variance = counts.mean().to_numpy(), counts.var().to_numpy()
    expected = mean + features["dispersion"].to_numpy() * mean**2
    assert np.median(np.abs(variance / expected - 1.0)) < 0.05
    assert (variance > 1.5 * mean).mean() > 0.8


@pytest.mark.parametrize("gene", [0, 7, 31])
def test_counts_follow_the_negative_binomial(gene: int) -> None:
    counts, features = rna(library_size=3e3)

    k = 1.0 / features["dispersion"][gene]
    # E log2 of a gamma variable gives the mean back; scipy's law of the same mean and size.
    mean = 2 ** features["mean"][gene] * k / np.exp(stats.loggamma(k).mean())
    law = stats.nbinom(k, k / (k + mean))
    values = counts.iloc[:, gene].to_numpy()
    edges = np.unique(law.ppf([0.1, 0.3, 0.5, 0.7, 0.9])).astype(int)
    seen = np.histogram(values, [-1, *edges + 0.5, np.inf])[0]
    expected = np.diff([0.0, *law.cdf(edges), 1.0]) * len(values)
    assert stats.chisquare(seen, expected).pvalue > 0.001


def test_modules_leave_the_marginals_of_counts_alone() -> None:
    modules = [{"size": 30, "correlation": 0.6}]
    counts, features = rna(library_size=1e4, scatter=0.0, modules=modules)

    mean, variance = counts.mean().to_numpy()[:30], counts.var().to_numpy()[:30]
    expected = mean + features["dispersion"].to_numpy()[:30] * mean**2
    # Means of a module move together, so the bound is on the ratio of variance and mean.
    assert np.median(np.abs(variance / expected - 1.0)) < 0.07


def test_dispersion_follows_its_trend() -> None:
    layer = RnaSeq(
        n_features=5_000, library_size=1e6, dispersion=0.08, extra_poisson=3.0, scatter=0.25
    )

    features = layer.features("rna", np.random.default_rng(0))

    k = 1.0 / features.dispersion
    mean = np.exp(features.mean * np.log(2.0) - stats.loggamma(k).mean() + np.log(k))
    slope, level = np.polyfit(1.0 / mean, 1.0 / k, 1, w=mean / (mean * 0.08 + 3.0))
    # The scatter is lognormal with median 1, so its mean is above by exp(sd ** 2 / 2).
    up = np.exp(0.25**2 / 2.0)
    assert abs(level / (0.08 * up) - 1.0) < 0.03
    assert abs(slope / (3.0 * up) - 1.0) < 0.05
    residual = np.log(features.dispersion) - np.log(0.08 + 3.0 / mean)
    assert abs(residual.std() - 0.25) < 0.01


def test_library_sizes_are_told_and_spread_as_asked() -> None:
    made = drawn(N, layers={"rna": PLAIN | {"library_sd": 0.4, "library_size": 1e6}})

    depth = made.truth["visits"]["rna_depth"].to_numpy()
    # Rows of the file are in the order of patients: all come on the first day.
    total = made.periods[0].rows.filter(like="rna_").sum(axis=1).to_numpy()
    assert abs(np.log(depth).std() - 0.4) < 0.02
    assert abs(total.mean() / 1e6 - 1.0) < 0.03
    assert np.corrcoef(np.log(depth), np.log(total))[0, 1] > 0.85


def levels_of(kind: str, **params: Any) -> pd.DataFrame:
    layer = {"kind": kind, "n_features": 40, "noise": 0.0} | params
    rows = drawn(N, layers={"omics": layer}).periods[0].rows.filter(like="omics_")
    return rows.apply(np.log2) if kind == "metabolites" else rows


@pytest.mark.parametrize("kind", ["microarray", "proteins", "metabolites"])
def test_features_of_a_module_are_correlated_and_others_are_not(kind: str) -> None:
    modules = [{"size": 10, "correlation": 0.7}, {"size": 5, "correlation": 0.3}]
    low = {"background": -40.0} if kind == "microarray" else {}

    found = levels_of(kind, modules=modules, **low).corr().to_numpy()

    first, second = found[:10, :10], found[10:15, 10:15]
    apart = ~np.eye(10, dtype=bool)
    assert abs(first[apart].mean() - 0.7) < 0.03
    assert abs(second[apart[:5, :5]].mean() - 0.3) < 0.03
    assert np.abs(found[:10, 10:]).max() < 0.1


def test_counts_of_a_module_are_correlated() -> None:
    modules = [{"size": 20, "correlation": 0.8}]
    counts, _ = rna(library_size=1e7, dispersion=0.3, modules=modules)

    found = stats.spearmanr(counts.iloc[:, :25]).statistic

    # Spearman's of normal scores with correlation 0.8; counts add hardly any noise here.
    expected = 6.0 / np.pi * np.arcsin(0.4)
    assert abs(np.median(found[:20, :20][np.triu_indices(20, 1)]) - expected) < 0.02
    assert np.abs(found[:20, 20:]).max() < 0.08


def test_levels_have_the_told_mean_and_spread() -> None:
    made = drawn(N, layers={"omics": {"kind": "proteins", "n_features": 40, "noise": 0.0}})

    rows, features = made.periods[0].rows.filter(like="omics_"), made.truth["features"]
    error = (rows.mean().to_numpy() - features["mean"]) / features["sd"]
    assert np.abs(error).max() < 5.0 / np.sqrt(N)
    assert np.abs(rows.std().to_numpy() / features["sd"] - 1.0).max() < 0.06


def test_microarray_flattens_at_its_background() -> None:
    layer = {"kind": "microarray", "n_features": 200, "mean": 4.0, "background": 6.0, "noise": 0.0}

    made = drawn(500, layers={"chip": layer})

    rows, features = made.periods[0].rows.filter(like="chip_"), made.truth["features"]
    low = (features["mean"] < 2.0).to_numpy()
    assert rows.to_numpy().min() > 6.0
    assert rows.loc[:, low].std().max() < 0.1


def test_low_proteins_are_detected_half_of_the_time_at_the_limit() -> None:
    layer = {"kind": "proteins", "n_features": 80, "sd": 0.01, "limit": 20.0}

    made = drawn(1_000, layers={"ms": layer})

    rate = made.periods[0].rows.filter(like="ms_").notna().mean().to_numpy()
    expected = 1.0 / (1.0 + np.exp(-2.0 * (made.truth["features"]["mean"] - 20.0)))
    assert np.abs(rate - expected).max() < 0.06


def test_metabolites_below_the_limit_are_not_reported() -> None:
    layer = {"kind": "metabolites", "n_features": 50, "limit": 5.0}

    rows = drawn(500, layers={"met": layer}).periods[0].rows.filter(like="met_")

    assert 0.05 < rows.isna().to_numpy().mean() < 0.7
    assert np.nanmin(rows.to_numpy()) >= 5.0


def test_patients_keep_a_share_of_their_differences() -> None:
    layer = {"kind": "proteins", "n_features": 60, "noise": 0.0, "stability": 0.6}
    modules = [{"size": 30, "correlation": 0.5}]

    made = drawn(2_000, visits={"times": [0.0, 1.0]}, layers={"ms": layer | {"modules": modules}})

    first, second = (visit.filter(like="ms_").to_numpy() for visit in by_visit(made))
    kept = [np.corrcoef(first[:, i], second[:, i])[0, 1] for i in range(60)]
    assert abs(np.mean(kept) - 0.6) < 0.02


def by_visit(made: Clinical) -> list[pd.DataFrame]:
    return [period.rows.sort_values("patient") for period in made.periods]


def test_another_layer_changes_nothing_of_the_first() -> None:
    one = {"kind": "rna_seq", "n_features": 20}
    two = {"kind": "proteins", "n_features": 5}

    alone = drawn(50, layers={"rna": one}).frame()
    both = drawn(50, layers={"ms": two, "rna": one}).frame()

    pd.testing.assert_frame_equal(alone.filter(like="rna_"), both.filter(like="rna_"))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"kind": "rnaseq", "n_features": 5}, "'metabolites', 'microarray', 'proteins', 'rna_seq'"),
        ({"kind": "proteins", "n_features": -1}, "greater than or equal to 1"),
        ({"kind": "proteins", "n_features": 5, "depth": 1}, "valid parameters: kind, limit, mean"),
        (
            {"kind": "proteins", "n_features": 5, "modules": [{"size": 6, "correlation": 0.5}]},
            "modules have 6 features together, and n_features is 5",
        ),
        ({"kind": "rna_seq", "n_features": 5, "dispersion": 0}, "greater than 0"),
    ],
)
def test_wrong_layer_is_refused(layer: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        drawn(10, layers={"omics": layer})


def test_feature_names_do_not_meet_other_columns() -> None:
    cohort = {"variables": {"ms_2": {"kind": "normal"}}}

    with pytest.raises(SpecError, match="'ms_2' is given twice"):
        drawn(10, cohort=cohort, layers={"ms": {"kind": "proteins", "n_features": 5}})
