"""Contract of the streaming detectors, and what the default one promises."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calmops_flows.detectors.streaming import STREAMING, StreamResult, watch
from calmops_flows.detectors.streaming.base import locate
from calmops_flows.detectors.streaming.likelihood_ratio import LikelihoodRatio, load, row_threshold

Floats = NDArray[np.float64]
BLIND = {"frouros_gma"}  # its default threshold lies far above any 0/1 stream
SLOW = {"river_kswin"}
FAMILY = sorted(set(STREAMING) - SLOW)


def stream(rng: np.random.Generator, *parts: tuple[int, float]) -> Floats:
    level = np.concatenate([np.full(n, rate) for n, rate in parts])
    errors: Floats = (rng.random(len(level)) < level).astype(float)
    return errors


@pytest.mark.parametrize("name", sorted(set(FAMILY) - BLIND))
def test_abrupt_rise_is_seen_by_every_detector(name: str) -> None:
    errors = stream(np.random.default_rng(0), (1000, 0.05), (1000, 0.7))

    found = watch(STREAMING[name], errors, None)

    assert found.is_drift is True
    assert found.scan.alarm_row is not None


@pytest.mark.parametrize("name", sorted(STREAMING))
def test_state_goes_on_as_if_the_stream_had_not_been_cut(name: str) -> None:
    errors = stream(np.random.default_rng(1), (300, 0.1))
    calm = errors[:150] * 0.0  # no detector alarms without an error

    whole = watch(STREAMING[name], np.concatenate([calm, calm]), None)
    first = watch(STREAMING[name], calm, None)
    second = watch(STREAMING[name], calm, first.state)

    later = stream(np.random.default_rng(5), (200, 0.1), (600, 0.9))
    cut, uncut = (
        watch(STREAMING[name], later, state).scan for state in (second.state, whole.state)
    )
    assert cut == uncut
    assert first.is_drift is False


@pytest.mark.parametrize("name", FAMILY)
def test_falling_errors_are_no_alarm(name: str) -> None:
    errors = stream(np.random.default_rng(2), (400, 1.0), (1500, 0.02))

    found = watch(STREAMING[name], errors, None)

    assert found.is_drift is False or (found.scan.change_point or 0) > 400


@pytest.mark.parametrize("name", sorted(STREAMING))
def test_no_errors_are_untestable_and_keep_the_state(name: str) -> None:
    found = watch(STREAMING[name], np.empty(0), b"before")

    assert found.is_drift is None
    assert found.state == b"before"
    assert found.reason == "there are no labelled rows"


def test_errors_outside_the_unit_interval_are_refused() -> None:
    with pytest.raises(ValueError, match="within"):
        watch(STREAMING["auto"], np.array([0.0, 2.0]), None)


def test_missing_errors_are_refused() -> None:
    with pytest.raises(ValueError, match="within"):
        watch(STREAMING["auto"], np.array([0.0, np.nan]), None)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 5999))
def test_default_detector_does_not_depend_on_where_snapshots_end(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    errors = stream(rng, (3000, 0.2), (3000, 0.2 + 0.2 * rng.random()))
    cut_off = min(cut, 4999)  # longer snapshots have a higher threshold

    whole = LikelihoodRatio()
    ratio = whole._ratios(errors)
    first = LikelihoodRatio()
    first._remember(errors[:cut_off])
    again = load(first.to_bytes())
    rest = again._ratios(np.concatenate([again.kept, errors[cut_off:]]))[len(again.kept) :]

    np.testing.assert_allclose(rest, ratio[cut_off:], atol=1e-6)


def test_statistic_is_the_likelihood_ratio_by_hand() -> None:
    errors = np.concatenate([np.zeros(290), np.ones(10), np.zeros(200), np.ones(32)])

    found = LikelihoodRatio()._ratios(errors)[-1]

    # The last 32 rows are all 1, of the 500 before 10 are: two Bernoulli fits against one.
    before = 10 * np.log(10 / 500) + 490 * np.log(490 / 500)
    together = 42 * np.log(42 / 532) + 490 * np.log(490 / 532)
    assert found == pytest.approx(before - together, rel=1e-9)


def results(seed: int, n: int, *parts: tuple[int, float]) -> list[StreamResult]:
    rng = np.random.default_rng(seed)
    return [watch(STREAMING["auto"], stream(rng, *parts), None) for _ in range(n)]


def test_default_detector_finds_the_promised_change_in_time() -> None:
    found = results(5, 150, (2500, 0.2), (2500, 0.3))

    delays = np.array(
        [np.inf if r.scan.alarm_row is None else r.scan.alarm_row - 2500 for r in found]
    )
    assert np.mean((delays >= 0) & (delays < 2500)) >= 0.96  # .98, less two standard errors
    assert np.median(delays) <= 400


@pytest.mark.parametrize("rate", [0.02, 0.2, 0.5])
def test_default_detector_is_quiet_on_stationary_streams(rate: float) -> None:
    found = results(6, 200, (5000, rate))

    assert np.mean([bool(r.is_drift) for r in found]) <= 0.02 + 2 * np.sqrt(0.02 * 0.98 / 200)


def test_default_detector_takes_real_valued_errors() -> None:
    rng = np.random.default_rng(7)

    def squashed(n: int, scale: float) -> Floats:
        gaps = np.abs(scale * rng.standard_t(3, n))
        return np.asarray(gaps / (gaps + 0.75))

    calm = [watch(STREAMING["auto"], squashed(5000, 1.0), None) for _ in range(60)]
    worse = np.concatenate([squashed(2500, 1.0), squashed(2500, 1.3)])

    assert sum(bool(r.is_drift) for r in calm) <= 4
    assert watch(STREAMING["auto"], worse, None).is_drift is True


def test_change_point_lies_near_the_change() -> None:
    found = [r.scan.change_point for r in results(8, 40, (2500, 0.2), (2500, 0.4))]

    assert np.median(np.abs(np.array([p for p in found if p is not None]) - 2500)) < 60


def test_state_after_an_alarm_is_that_before_the_change() -> None:
    rng = np.random.default_rng(9)
    calm = watch(STREAMING["auto"], stream(rng, (4000, 0.1)), None)

    first = watch(STREAMING["auto"], stream(rng, (1000, 0.3)), calm.state)
    second = watch(STREAMING["auto"], stream(rng, (1000, 0.3)), first.state)
    back = watch(STREAMING["auto"], stream(rng, (1000, 0.1)), first.state)

    assert (first.is_drift, second.is_drift, back.is_drift) == (True, True, False)


def test_equal_histories_give_equal_bytes() -> None:
    errors = stream(np.random.default_rng(3), (6000, 0.2))

    states = {watch(STREAMING["auto"], errors, None).state for _ in range(2)}

    assert len(states) == 1


def test_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 1"):
        load(b"[9, 0, 0.0, 0.0]\n")


def test_threshold_rises_with_the_rows_of_a_snapshot() -> None:
    assert row_threshold(100) == row_threshold(5000) < row_threshold(100_000)


def test_locate_finds_the_largest_step_by_hand() -> None:
    assert locate(np.array([0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0])) == (4, True)
    assert locate(np.array([1.0, 1.0, 0.0])) == (2, False)
    assert locate(np.array([1.0])) == (0, True)


def test_family_is_listed_without_importing_the_libraries() -> None:
    code = (
        "import sys; from calmops_flows.detectors.streaming import STREAMING; "
        "print({'river', 'frouros', 'scipy.stats', 'pandas'} & set(sys.modules))"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "set()"
