"""What every detector of the family keeps to."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from calmops_flows.detectors import DETECTORS, Detector
from calmops_flows.detectors.base import ANY_KIND
from calmops_flows.profiles import Column, profile

FAMILY = pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS)


def column(values: object, kind: pa.DataType | None = None) -> Column:
    return profile(pa.table({"x": pa.array(values, kind)})).columns["x"]


def samples(kind: str, n: int, *, changed: bool = False, seed: int = 0) -> Column:
    rng = np.random.default_rng([seed, n, changed])
    missing = rng.random(n) < (0.6 if changed else 0.1)
    if kind == "categorical":
        shares = [0.1, 0.1, 0.0, 0.8] if changed else [0.3, 0.2, 0.5, 0.0]
        words = rng.choice(["a", "b", "c", "d"], n, p=shares).astype(object)
        return column(np.where(missing, np.array(None), words).tolist(), pa.string())
    return column(np.where(missing, np.nan, rng.normal(2.0 * changed, 1.0, n)))


def wider(n: int) -> Column:
    rng = np.random.default_rng([5, n])
    return column(rng.normal(0.0, 8.0, n))


def kind_of(detector: Detector) -> str:
    return "numeric" if "numeric" in detector.kinds else "categorical"


@FAMILY
def test_key_name_and_kinds_agree(detector: Detector) -> None:
    assert DETECTORS[detector.name] is detector
    assert detector.kinds
    assert detector.kinds <= ANY_KIND
    assert detector.min_effect > 0.0


@FAMILY
@pytest.mark.parametrize("n", [60, 200, 20_000])
def test_clear_change_is_significant_and_above_the_floor(detector: Detector, n: int) -> None:
    kind = kind_of(detector)

    changed = wider(n) if detector.name == "mood" else samples(kind, n, changed=True)
    found = detector(samples(kind, n), changed)

    assert found is not None
    assert found.p_value is not None
    assert found.effect_size is not None
    assert found.p_value < (0.05 if n == 60 else 1e-6)
    assert found.effect_size > detector.min_effect
    assert found.p_min <= found.p_value


@FAMILY
@pytest.mark.parametrize("n", [40, 1_000, 15_000])
def test_p_value_is_valid_without_a_change(detector: Detector, n: int) -> None:
    kind, runs = kind_of(detector), 120 if n < 10_000 else 40
    findings = [
        detector(samples(kind, n, seed=2 * i), samples(kind, n // 2, seed=2 * i + 1))
        for i in range(runs)
    ]
    p_values = np.array([f.p_value for f in findings if f is not None], float)

    for level in (0.05, 0.2):
        rate = (p_values <= level).mean()
        assert rate <= level + 3 * math.sqrt(level * (1 - level) / runs)


@FAMILY
def test_numbers_are_plain_finite_floats_in_range(detector: Detector) -> None:
    kind = kind_of(detector)

    found = detector(samples(kind, 300), samples(kind, 200, changed=True))

    assert found is not None
    numbers = (found.statistic, found.p_value, found.effect_size, found.p_min)
    assert all(type(x) is float and math.isfinite(x) for x in numbers)
    assert 0.0 <= numbers[1] <= 1.0  # type: ignore[operator]


@FAMILY
def test_no_rows_are_untestable_with_the_side_named(detector: Detector) -> None:
    full, empty = samples(kind_of(detector), 100), column([], pa.float64())

    for pair, side in (((full, empty), "current"), ((empty, full), "reference")):
        found = detector(*pair)
        assert found is not None
        assert found.p_value is None
        assert found.reason == f"no rows in the {side} data"


@FAMILY
def test_one_row_gives_a_finding_or_a_reason_but_no_error(detector: Detector) -> None:
    full = samples(kind_of(detector), 100)
    one = column(["a"]) if kind_of(detector) == "categorical" else column([1.0])

    found = detector(full, one)

    assert found is not None
    assert found.reason == "fewer than 5 values in the current data" or found.p_value is not None


def test_importing_and_running_the_detectors_loads_nothing_heavy(tmp_path: Path) -> None:
    code = """
import sys
import calmops_flows.detectors
heavy = ("pandas", "scipy.stats", "river", "frouros", "prefect", "pydantic")
assert not [m for m in heavy if m in sys.modules], "import"
import pyarrow.csv as csv
from calmops_flows.detectors.decision import DriftPolicy, check
from calmops_flows.profiles import from_bytes, merge, profile, to_bytes
table = csv.read_csv(sys.argv[1])
summary = profile(table)
report = check(from_bytes(to_bytes(summary)), merge(summary, summary), DriftPolicy())
assert report.is_drift is False
print(*[m for m in heavy if m in sys.modules])
"""
    rows = "".join(f"{i % 7 or ''},{'xyz'[i % 3]},2013-01-{i % 28 + 1:02}\n" for i in range(60))
    path = tmp_path / "rows.csv"
    path.write_text("x,w,d\n" + rows)

    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
