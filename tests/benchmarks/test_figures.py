"""Figures beside their bars: what counts as met, and what the run of all benchmarks reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.figures import RESULTS, Figure, family, rate, report


@pytest.mark.parametrize(
    ("figure", "is_met"),
    [
        (Figure("cost", 0.9, "s", 1.0), True),
        (Figure("cost", 1.1, "s", 1.0), False),
        (Figure("cost", 1.1, "s"), None),
        (Figure("power", 0.79, "", 0.8, error=0.1, is_floor=True), False),
        (Figure("power", 0.8, "", 0.8, is_floor=True), True),
        (rate("alarms", 9, 100, 0.05), True),
        (rate("alarms", 10, 100, 0.05), False),
    ],
)
def test_bar_is_met_within_two_errors_from_above_and_none_from_below(
    figure: Figure, is_met: bool | None
) -> None:
    assert figure.is_met is is_met


def test_family_allows_more_errors_to_one_row_than_to_all_together() -> None:
    rows = [(f"case {i}", 10 if i == 0 else 5, 100) for i in range(40)]

    *single, together = family("nulls", rows, 0.05)

    assert [row.is_met for row in single] == [True] * 40
    assert together.measured == pytest.approx(205 / 4000)
    assert together.allowance == 2.0
    assert rate("case 0", 10, 100, 0.05).is_met is False


def test_rate_everywhere_above_the_bar_is_missed_by_all_together() -> None:
    *_, together = family("nulls", [(f"case {i}", 8, 100) for i in range(40)], 0.05)

    assert together.is_met is False


def test_missed_bar_is_printed_kept_and_ends_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    monkeypatch.setenv(RESULTS, str(results))

    with pytest.raises(SystemExit, match="1"):
        report([Figure("one", 1.0, "s", 2.0), Figure("two", 3.0, "s", 2.0)])

    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "met",
        "MISSED",
    ]
    kept = [Figure(**json.loads(line)) for line in results.read_text().splitlines()]
    assert [figure.is_met for figure in kept] == [True, False]
