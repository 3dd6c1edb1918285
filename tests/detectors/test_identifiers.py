"""Columns that look like keys: untestable, never an alarm; features are not taken for them."""

import numpy as np
import pyarrow as pa
import pytest

from calmops_flows.detectors.decision import ColumnPolicy, DriftPolicy, check
from calmops_flows.detectors.identifiers import IDENTIFIER, is_identifier
from calmops_flows.profiles import from_bytes, merge, profile, to_bytes
from calmops_flows.records import DriftReport

N = 2_000
RNG_SEED = 11


def compare(before: pa.Array, after: pa.Array, policy: DriftPolicy | None = None) -> DriftReport:
    rng = np.random.default_rng(RNG_SEED)
    sides = [
        profile(pa.table({"key": keys, "x": rng.normal(size=len(keys))}), key=str(len(keys)))
        for keys in (before, after)
    ]
    return check(sides[0], sides[1], policy or DriftPolicy())


def tokens(start: int, n: int = N) -> pa.Array:
    return pa.array([f"user-{i:09d}" for i in range(start, start + n)])


def rising(start: int, n: int = N) -> pa.Array:
    rng = np.random.default_rng(start)
    return pa.array(start + np.cumsum(rng.integers(1, 9, n)))


def shuffled(start: int, n: int = N) -> pa.Array:
    return pa.array(np.random.default_rng(start).permutation(np.arange(start, start + n)))


@pytest.mark.parametrize("keys", [tokens, rising, shuffled])
@pytest.mark.parametrize("n", [N, 12_000])
def test_keys_of_new_rows_are_untestable_and_never_an_alarm(keys, n: int) -> None:  # type: ignore[no-untyped-def]
    report = compare(keys(0, n), keys(10 * n, n))

    assert report.is_drift is False
    assert report.untestable == {"key": IDENTIFIER}


def test_keys_with_a_few_repeats_are_identifiers() -> None:
    keys = np.concatenate((np.arange(1, N - 40), np.arange(1, 42)))

    assert is_identifier(profile(pa.table({"key": keys})).columns["key"])


def test_missing_rate_of_a_key_is_still_tested() -> None:
    after = pa.array([None if i % 3 == 0 else f"k{i}" for i in range(N)])

    report = compare(tokens(0), after)

    assert report.drifted == ("key",)
    assert report.untestable == {"key": IDENTIFIER}


def test_keys_that_became_a_constant_alarm() -> None:
    report = compare(tokens(0), pa.array(["same"] * N))

    assert report.drifted == ("key",)


def test_detector_of_its_own_takes_a_column_out_of_the_rule() -> None:
    policy = DriftPolicy(columns={"key": ColumnPolicy(detector="ks")})

    report = compare(rising(0), rising(50_000), policy)

    assert report.drifted == ("key",)


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(size=N),
        np.cumsum(np.random.default_rng(1).random(N)),  # rises, but has a fraction
        np.random.default_rng(2).lognormal(12, 1, N).round(),  # whole amounts, nearly all distinct
        np.random.default_rng(3).integers(0, N, N),  # whole numbers with repeats
        np.repeat(np.arange(N // 4), 4),  # rises slowly
        np.append(np.arange(N - 1.0), np.inf),
    ],
)
def test_features_are_no_identifiers(values: np.ndarray) -> None:  # type: ignore[type-arg]
    assert not is_identifier(profile(pa.table({"x": values})).columns["x"])


def test_categories_of_a_small_batch_are_no_identifiers() -> None:
    column = profile(pa.table({"x": [f"c{i}" for i in range(29)]})).columns["x"]

    assert not is_identifier(column)


def test_merged_and_saved_keys_stay_identifiers() -> None:
    parts = [profile(pa.table({"key": rising(start)})) for start in (0, 20_000)]

    merged = from_bytes(to_bytes(merge(*parts))).columns["key"]

    assert is_identifier(merged)
