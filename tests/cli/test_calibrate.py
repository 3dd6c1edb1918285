from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Calmops
from tests.cli.test_views import errors


def test_calibrate_prints_rates_variation_and_reasons(calmops: Calmops, folder: Path) -> None:
    calmops("run", "small.yaml")

    done = calmops("calibrate", "small", "--splits", "20")

    assert done.code == 0
    assert "random halves of one snapshot" in done.out
    assert "Consider drift.over_time" in done.out
    assert "Note: natural variation does not show in 1 pairs" in done.out
    assert "verdicts" in done.err


def test_calibrate_as_json_fits_its_schema(calmops: Calmops, folder: Path) -> None:
    calmops("run", "small.yaml")

    done = calmops("calibrate", "small", "--splits", "20", "--json")

    assert errors("calibrate", done.json) == []
    assert done.json["random_splits"]["trials"] == 20


def test_calibrate_before_the_first_run_says_what_to_do(calmops: Calmops, folder: Path) -> None:
    calmops("apply", "small.yaml")

    done = calmops("calibrate", "small")

    assert done.code == 2
    assert "calmops run small" in done.err
