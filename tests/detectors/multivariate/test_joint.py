"""The family of multivariate tests: valid, deterministic, robust to bad columns."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from calmops_flows.detectors.multivariate import JOINT_TESTS, attribute
from calmops_flows.detectors.multivariate.joint import joint_test
from calmops_flows.errors import SpecError
from calmops_flows.profiles import RowSample, merge_samples, sample_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

METHODS = sorted(JOINT_TESTS)
LEVEL = 0.05
KINDS = ("independent", "correlated", "heavy", "ties", "sparse", "missing", "categories")


def numbers(x: NDArray[np.float64], key: str) -> RowSample:
    return sample_rows(pa.table({f"x{i}": column for i, column in enumerate(x.T)}), key)


def draw(rng: np.random.Generator, n: int, kind: str, key: str) -> RowSample:
    x = rng.normal(size=(n, 8))
    if kind == "correlated":
        x += rng.normal(size=(n, 1))
    elif kind == "heavy":
        x = rng.standard_t(1, size=(n, 8)) * np.exp(rng.normal(size=(n, 1)))
    elif kind == "ties":
        x = np.floor(np.abs(x) * 1.2)
    elif kind == "sparse":
        x *= rng.random((n, 8)) < 0.03
    elif kind == "missing":
        x[rng.random((n, 8)) < 0.2] = np.nan
    columns = {f"x{i}": pa.array(column) for i, column in enumerate(x.T)}
    if kind == "categories":
        for k in (5, 30, 500):
            columns[f"c{k}"] = pa.array([f"v{i}" for i in rng.integers(0, k, n)])
    return sample_rows(pa.table(columns), key)


def alarm_rate(method: str, kind: str, sizes: tuple[int, int], runs: int) -> float:
    alarms = 0
    for run in range(runs):
        rng = np.random.default_rng([run, *sizes])
        before, after = (draw(rng, n, kind, f"{i} {run}") for i, n in enumerate(sizes))
        p_value = joint_test(method, before, after, alpha=LEVEL).p_value
        alarms += p_value is not None and p_value <= LEVEL
    return alarms / runs


@pytest.mark.parametrize("kind", KINDS)
def test_default_keeps_its_level(kind: str) -> None:
    rate = alarm_rate("auto", kind, (150, 150), 150)

    assert rate <= LEVEL + 3.3 * (LEVEL * (1 - LEVEL) / 150) ** 0.5


@pytest.mark.parametrize("method", ["auto", "mmd", "energy", "pca"])
def test_level_holds_for_samples_of_unequal_size(method: str) -> None:
    rate = alarm_rate(method, "heavy", (60, 240), 100)

    assert rate <= LEVEL + 3.3 * (LEVEL * (1 - LEVEL) / 100) ** 0.5


@pytest.mark.slow
def test_domain_classifier_keeps_its_level() -> None:
    rate = alarm_rate("domain", "correlated", (100, 100), 60)

    assert rate <= LEVEL + 3.3 * (LEVEL * (1 - LEVEL) / 60) ** 0.5


def wide_normal(rng: np.random.Generator, n: int, rho: float, key: str) -> RowSample:
    x = rng.normal(size=(n, 50))
    x[:, :5] = np.sqrt(1 - rho) * x[:, :5] + np.sqrt(rho) * rng.normal(size=(n, 1))
    return numbers(x, key)


def test_default_sees_a_change_of_correlation_among_five_of_fifty_columns() -> None:
    found = []
    for run in range(20):
        rng = np.random.default_rng(run)
        before, after = wide_normal(rng, 1_000, 0.0, "a"), wide_normal(rng, 1_000, 0.7, "b")
        found.append(joint_test("auto", before, after, alpha=0.02).p_value)

    assert max(p for p in found if p is not None) <= 0.02
    assert None not in found


@pytest.mark.parametrize("method", METHODS)
def test_strong_change_of_dependence_is_seen_by_every_method(method: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 3))
    linked = np.column_stack((x[:, 0], x[:, 0] + 0.2 * x[:, 1], x[:, 0] + 0.2 * x[:, 2]))

    found = joint_test(
        method, numbers(rng.normal(size=(800, 3)), "a"), numbers(linked, "b"), alpha=0.02
    )

    assert found.p_value is not None
    assert found.effect_size is not None
    assert found.p_value <= 0.02
    assert found.effect_size > 0.03


def test_default_sees_dependence_between_a_category_and_a_number() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 600))
    words = [f"v{i}" for i in rng.integers(0, 3, 600)]
    linked = ["v0" if value > 0.4 else "v1" if value < -0.4 else "v2" for value in y]

    before = sample_rows(pa.table({"x": x, "word": words}), "a")
    after = sample_rows(pa.table({"x": y, "word": linked}), "b")

    assert joint_test("auto", before, after, alpha=0.02).p_value == 0.005


def test_default_sees_values_that_go_missing_together() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2, 800, 2))
    x[0][rng.random((800, 2)) < 0.2] = np.nan
    x[1][rng.random(800) < 0.2] = np.nan

    assert joint_test("auto", numbers(x[0], "a"), numbers(x[1], "b"), alpha=0.02).p_value == 0.005


@pytest.mark.parametrize("method", METHODS)
def test_result_depends_on_the_samples_alone(method: str) -> None:
    rng = np.random.default_rng(3)
    table = pa.table({"x": rng.normal(size=300), "y": rng.normal(size=300)})
    parts = [sample_rows(table.slice(a, 150), "f", first_row=a) for a in (0, 150)]
    after = numbers(rng.normal(size=(300, 2)), "g")
    after = RowSample(after.size, after.hashes, after.rows.rename_columns(["x", "y"]))

    whole = joint_test(method, sample_rows(table, "f"), after, alpha=0.02)
    merged = joint_test(method, merge_samples(parts[1], parts[0]), after, alpha=0.02)

    assert whole == merged


@pytest.mark.parametrize("method", ["auto", "mmd", "energy"])
def test_same_rows_in_both_samples_are_no_drift(method: str) -> None:
    sample = numbers(np.random.default_rng(4).normal(size=(200, 3)), "a")

    found = joint_test(method, sample, sample, alpha=0.02)

    assert found.p_value == 1.0
    assert found.effect_size == 0.0


@pytest.mark.parametrize("method", METHODS)
def test_bad_columns_do_not_spoil_the_test(method: str) -> None:
    rng = np.random.default_rng(5)

    def awkward(key: str, *, link: float) -> RowSample:
        x, y = rng.normal(size=(2, 400))
        wild = x.copy()
        wild[:3] = (np.inf, -np.inf, 1e300)
        columns = {
            "x": wild,
            "y": link * x + y,
            "constant": np.ones(400),
            "empty": np.full(400, np.nan),
            "one": ["same"] * 400,
            "ids": [f"{key}{i}" for i in range(400)],
            f"only {key}": rng.normal(size=400),
            "clash": x if key == "a" else [f"v{i}" for i in range(400)],
        }
        return sample_rows(pa.table(columns), key)

    found = joint_test(method, awkward("a", link=0.0), awkward("b", link=5.0), alpha=0.02)

    assert found.reason is None
    assert found.p_value is not None
    assert found.p_value <= 0.02


@pytest.mark.parametrize("method", METHODS)
def test_too_little_to_compare_is_untestable(method: str) -> None:
    rng = np.random.default_rng(6)
    good = numbers(rng.normal(size=(100, 2)), "a")
    constant = numbers(np.ones((100, 2)), "b")
    single = numbers(rng.normal(size=(100, 1)), "c")
    short = numbers(rng.normal(size=(1, 2)), "d")

    assert joint_test(method, constant, constant, alpha=0.02).reason is not None
    assert joint_test(method, single, single, alpha=0.02).reason is not None
    assert (
        joint_test(method, good, short, alpha=0.02).reason
        == "fewer than 20 rows in the current sample"
    )
    assert (
        joint_test(method, None, good, alpha=0.02).reason
        == "the reference profile holds no sample of rows"
    )


def test_unknown_method_is_refused() -> None:
    sample = numbers(np.zeros((30, 2)), "a")

    with pytest.raises(SpecError, match=r"drift.multivariate must be one of \['auto'"):
        joint_test("magic", sample, sample, alpha=0.02)


def test_a_thousand_columns_are_tested() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(2, 500, 1_000))
    x[1, :, :5] = 0.4 * x[1, :, :5] + 0.9 * rng.normal(size=(500, 1))

    found = joint_test("auto", numbers(x[0], "a"), numbers(x[1], "b"), alpha=0.02)

    assert found.p_value == 0.005


def test_attribution_names_the_columns_that_changed() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(2, 500, 6))
    x[1, :, 4] += 1.5

    ranked = attribute(numbers(x[0], "a"), numbers(x[1], "b"))

    assert next(iter(ranked)) == "x4"
    assert ranked["x4"] > 0.2
    assert max(list(ranked.values())[1:]) < 0.05


def test_default_imports_no_heavy_library() -> None:
    code = """
import sys
import pyarrow as pa
from calmops_flows.profiles import merge, profile, from_bytes, to_bytes
from calmops_flows.profiles.arrow import from_numbers, from_texts
from calmops_flows.detectors.multivariate.joint import joint_test
import numpy as np
rng = np.random.default_rng(0)
x = [from_numbers(column) for column in rng.normal(size=(2, 200))]
words = from_texts([f"v{i}" for i in rng.integers(0, 3, 200)])
table = pa.Table.from_arrays([*x, words], names=["x", "y", "word"])
one, two = profile(table, key="a"), profile(table, key="b")
kept = from_bytes(to_bytes(merge(one, two)))
print(joint_test("auto", kept.sample, two.sample, alpha=0.05).p_value)
print([name for name in ("pandas", "sklearn", "scipy.stats") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[1] == "[]"
