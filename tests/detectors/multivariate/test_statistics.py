"""Statistics and permutation null against brute force, scipy and values by hand."""

from __future__ import annotations

from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance, mannwhitneyu, norm, rankdata

from calmops_flows.detectors.multivariate.base import looks, permute, rank_sum
from calmops_flows.detectors.multivariate.encode import MAX_LEVELS, REACH, Encoded, encode
from calmops_flows.detectors.multivariate.energy import energy
from calmops_flows.detectors.multivariate.kernels import forms, squared_distances
from calmops_flows.detectors.multivariate.mmd import mmd
from calmops_flows.detectors.multivariate.moments import MAX_PAIRS, chosen_pairs, moments
from calmops_flows.profiles import RowSample, sample_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sample(key: str, **columns: object) -> RowSample:
    return sample_rows(pa.table(columns), key)


def pair(n: int, m: int) -> tuple[RowSample, RowSample]:
    rng = np.random.default_rng(0)
    before = sample("a", x=rng.normal(size=n), y=rng.normal(size=n))
    return before, sample("b", x=rng.normal(0.3, 1, size=m), y=rng.normal(size=m))


def weighted(encoded: Encoded) -> NDArray[np.float64]:
    return (encoded.features * encoded.weights[:, np.newaxis]).T.astype(np.float64)


def labels_of(order: NDArray[np.int64], n: int) -> NDArray[np.float32]:
    labels = np.full(len(order), -1.0 / (len(order) - n), np.float32)
    labels[order[:n]] = 1.0 / n
    return labels


def test_mmd_is_the_mean_of_kernels_by_definition() -> None:
    before, after = pair(40, 60)
    rows = weighted(encode(before, after))
    x, y = rows[:40], rows[40:]
    everything = cdist(rows, rows, "sqeuclidean")
    bandwidth = np.median(everything[np.triu_indices(100, 1)])

    def mean_kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        return float(np.exp(-cdist(a, b, "sqeuclidean") / (2 * bandwidth)).mean())

    expected = mean_kernel(x, x) + mean_kernel(y, y) - 2 * mean_kernel(x, y)
    found = mmd(before, after, alpha=0.05)

    assert found.statistic == pytest.approx(expected, rel=1e-4)


def test_energy_is_the_mean_of_distances_by_definition() -> None:
    before, after = pair(40, 60)
    rows = weighted(encode(before, after))
    x, y = rows[:40], rows[40:]

    expected = 2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean()

    assert energy(before, after, alpha=0.05).statistic == pytest.approx(expected, rel=1e-3)


def test_energy_of_one_feature_is_scipys_squared() -> None:
    before, after = pair(50, 30)
    encoded = encode(before, after)
    one = Encoded(encoded.features[:1], encoded.weights[:1], encoded.owners[:1], ("x",), 50)
    labels = labels_of(np.arange(80), 50)

    found = forms(-np.sqrt(squared_distances(one)))(labels[np.newaxis])[0, 0]

    expected = energy_distance(one.features[0, :50], one.features[0, 50:]) ** 2
    assert found == pytest.approx(expected, rel=1e-4)


def test_quadratic_forms_equal_a_loop_over_relabelled_rows() -> None:
    before, after = pair(15, 25)
    encoded = encode(before, after)
    rows = weighted(encoded)
    apply = forms(-np.sqrt(squared_distances(encoded)))
    rng = np.random.default_rng(1)

    for _ in range(5):
        order = rng.permutation(40)
        x, y = rows[order[:15]], rows[order[15:]]
        expected = 2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean()
        found = apply(labels_of(order, 15)[np.newaxis])[0, 0]
        assert found == pytest.approx(expected, rel=1e-3)


def test_p_value_agrees_with_all_permutations_of_a_small_sample() -> None:
    values = np.array([0.1, 0.7, 1.9, 2.2, 0.4, 2.8, 3.1, 1.2], np.float32)
    everything = [sum(values[list(chosen)]) / 4 for chosen in combinations(range(8), 4)]
    gaps = np.abs([2 * mean - values.sum() / 4 for mean in everything])
    observed = abs(values[:4].mean() - values[4:].mean())
    exact = np.mean(gaps >= observed - 1e-6)

    null = permute(lambda labels: np.abs(labels @ values)[:, np.newaxis], 4, 4, seed=0, alpha=0.001)

    assert len(null.permuted) in looks(0.001)
    assert null.p_value == pytest.approx(exact, abs=4 * (exact / len(null.permuted)) ** 0.5)


def squared_gaps(x: NDArray[np.float32], labels: NDArray[np.float32]) -> NDArray[np.float64]:
    gaps: NDArray[np.float64] = np.square(labels @ x).astype(np.float64)
    return gaps


def test_p_values_are_valid_at_every_level() -> None:
    rng = np.random.default_rng(2)
    found = []
    for run in range(1_500):
        x = rng.normal(size=(24, 3)).astype(np.float32)
        found.append(permute(partial(squared_gaps, x), 12, 12, seed=run, alpha=0.02).p_value)

    for level in (0.005, 0.02, 0.05, 0.1, 0.2, 0.5):
        share = np.mean(np.array(found) <= level)
        assert share <= level + 3.3 * (level * (1 - level) / 1_500) ** 0.5


def test_looks_grow_where_the_level_is_small() -> None:
    assert looks(0.02) == [49, 199]
    assert looks(0.004) == [49, 199, 999]


def test_clear_absence_of_drift_costs_one_look() -> None:
    null = permute(
        lambda labels: np.abs(labels @ np.arange(10.0))[:, np.newaxis], 5, 5, seed=0, alpha=0.5
    )
    flat = permute(
        lambda labels: -np.abs(labels @ np.arange(10.0))[:, np.newaxis], 5, 5, seed=0, alpha=0.02
    )

    assert len(null.permuted) == 199
    assert len(flat.permuted) == 49


@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_rank_sum_is_mann_whitney(decimals: int) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(0.3, 1, 40).round(decimals), rng.normal(size=55).round(decimals)

    area, z = rank_sum(x, y)

    expected = mannwhitneyu(x, y, alternative="greater", method="asymptotic", use_continuity=False)
    assert area == pytest.approx(expected.statistic / (40 * 55))
    assert norm.sf(z) == pytest.approx(expected.pvalue)


def test_ranks_become_scipys_normal_scores() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=80).round(1)
    before, after = sample("a", x=x[:50]), sample("b", x=x[50:])
    values = np.concatenate([s.rows["x"].to_pylist() for s in (before, after)])

    found = encode(before, after, scale="ranks").features[0]

    scores = norm.ppf((rankdata(values) - 0.5) / 80)
    assert found == pytest.approx((scores - scores.mean()) / scores.std(), abs=1e-5)


def test_features_have_unit_variance_and_columns_equal_weight() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(50, 10, 4_000)
    x[rng.random(4_000) < 0.2] = np.nan
    words = [f"v{i}" for i in rng.integers(0, 6, 4_000)]
    both = sample("a", x=x, word=words)

    encoded = encode(both, sample("b", x=x, word=words))

    rows = weighted(encoded)
    for place in (0, 1):
        assert rows[:, encoded.owners == place].var(axis=0).sum() == pytest.approx(1.0, abs=0.2)


def test_numbers_are_bounded_and_levels_are_few() -> None:
    rng = np.random.default_rng(6)
    x = rng.standard_cauchy(500)
    x[0] = np.inf
    words = [f"v{i}" for i in rng.integers(0, 60, 500)]
    encoded = encode(sample("a", x=x, word=words), sample("b", x=x, word=words))

    assert np.abs(encoded.features[encoded.owners == 1]).max() == REACH
    assert (encoded.owners == 0).sum() == MAX_LEVELS


def test_encoding_does_not_know_which_sample_is_which() -> None:
    before, after = pair(30, 30)

    forth, back = encode(before, after).features, encode(after, before).features

    assert np.array_equal(forth, np.roll(back, 30, axis=1))


def test_effect_of_a_new_correlation_is_about_its_size() -> None:
    rng = np.random.default_rng(7)
    x, y, z, w = rng.normal(size=(4, 1_000))
    before = sample("a", x=x, y=y)
    after = sample("b", x=z, y=0.8 * z + 0.6 * w)

    assert moments(before, after, alpha=0.02).effect_size == pytest.approx(0.8, abs=0.1)


def test_pairs_of_wide_data_are_the_most_correlated_ones() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(200, 150))
    x[:, 149] = x[:, 0]
    columns = {f"x{i:03d}": column for i, column in enumerate(x.T)}

    first, second = chosen_pairs(encode(sample("a", **columns), sample("b", **columns)))

    assert len(first) == MAX_PAIRS
    assert (0, 149) in set(zip(first.tolist(), second.tolist(), strict=True))
