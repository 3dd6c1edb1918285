from __future__ import annotations

from typing import Any

import pytest

from calmops_flows.spec import DriftSpec
from calmops_flows.steps.propose import ColumnVariation, Proposal, Rate, propose

QUIET = (Rate(2, 100), Rate(0, 7), Rate(0, 10))
BUDGETED = {"over_time": {"budget": 1, "per": 100}}


def column(**more: Any) -> ColumnVariation:
    values: dict[str, Any] = {
        "name": "temp",
        "detector": "ks",
        "pairs": 10,
        "alarms": 5,
        "median": 0.1,
        "ninth_decile": 0.2345,
        "largest": 0.4,
    }
    return ColumnVariation(**{**values, **more})


def proposals(
    *columns: ColumnVariation, spec: dict[str, Any] | None = None, **more: Any
) -> tuple[Proposal, ...]:
    values: dict[str, Any] = {
        "alpha": 0.01,
        "rates": QUIET,
        "verdicts": [],
        "dependence": None,
        **more,
    }
    declared = DriftSpec.model_validate({**BUDGETED, **(spec or {})})
    return propose(
        declared,
        values["alpha"],
        values["rates"],
        columns,
        verdicts=values["verdicts"],
        dependence=values["dependence"],
    )[0]


def test_quiet_data_speak_for_no_change() -> None:
    assert proposals(column(alarms=0)) == ()


def test_floor_is_the_ninth_decile_rounded_up() -> None:
    (found,) = proposals(column())

    assert (found.setting, found.value) == ("drift.columns.temp.min_effect", 0.24)
    assert "5 of 10 pairs" in found.reason


@pytest.mark.parametrize(
    "quiet",
    [
        column(alarms=1),
        column(alarms=2, pairs=11),
        column(detector="missing_rate"),
    ],
)
def test_rare_alarms_and_share_tests_bring_no_floor(quiet: ColumnVariation) -> None:
    assert proposals(quiet) == ()


def test_floor_that_is_high_enough_is_left_alone() -> None:
    assert proposals(column(), spec={"min_effect": 0.3}) == ()
    assert proposals(column(), spec={"columns": {"temp": {"min_effect": 0.3}}}) == ()


def test_few_pairs_bring_no_floor() -> None:
    assert proposals(column(), rates=(*QUIET[:2], Rate(4, 4))) == ()


def test_lone_alarms_speak_for_persistence_and_lasting_ones_against() -> None:
    lone = [False, True, False, False, True, False, True, None]
    lasting = [False, True, True, True, False, True, True, False, True, True]

    (found,) = proposals(verdicts=lone)

    assert (found.setting, found.value) == ("drift.persist", {"k": 2, "n": 3})
    assert proposals(verdicts=lasting) == ()


def test_dependence_needs_both_alarms_and_alike_rows() -> None:
    rates = (QUIET[0], Rate(6, 7), QUIET[2])

    assert proposals(rates=rates) == ()
    (found,) = proposals(rates=rates, dependence="consecutive rows are alike in 'a'")
    assert (found.setting, found.value) == ("drift.dependence", "block")


def test_rate_without_a_verdict_is_unknown_and_not_zero() -> None:
    assert Rate(0, 0).value is None
    assert Rate(0, 0).bounds == (0.0, 1.0)


def test_wilson_interval_has_the_textbook_values() -> None:
    # R: prop.test(10, 100, correct = FALSE)$conf.int
    lower, upper = Rate(10, 100).bounds

    assert (lower, upper) == pytest.approx((0.05523, 0.17437), abs=1e-4)
