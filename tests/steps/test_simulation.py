"""Simulations: the truth is what was injected, and the printed commands make the same data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from calmops_flows.api import (
    detect_drift,
    preview_comparison,
    report_simulation,
    simulate,
    simulation_choices,
    suggest_injection,
)
from calmops_flows.cli.main import app
from calmops_flows.errors import SpecError
from calmops_flows.generators.injection import INJECTORS
from calmops_flows.generators.synthetic import CONCEPTS
from calmops_flows.simulated import outcome

SOURCES = {"new_category": "clinical_batch_effect"}
SHIFT = {"kind": "shift", "columns": ["x0"], "magnitude": 0.6}
# What these change is not the distribution of any column alone.
FOUND_BY_ERRORS = ("concept_flip", "rule_change")


def test_snapshots_before_the_drift_are_untouched_and_later_ones_are_found() -> None:
    found = simulate("sea", plan=SHIFT, n_snapshots=6, begins=4)

    assert [one.outcome for one in found.snapshots] == ["reference", "quiet", "quiet"] + [
        "found"
    ] * 3
    assert [one.changed for one in found.snapshots] == [()] * 3 + [("x0",)] * 3
    cells = {(cell.number, cell.column): cell.outcome for cell in found.cells()}
    assert [cells[n, "x0"] for n in range(2, 7)] == ["quiet"] * 2 + ["found"] * 3
    assert cells[5, "x1"] == "quiet"


def test_same_seed_gives_the_same_simulation_and_another_seed_does_not() -> None:
    first = simulate("agrawal", n_snapshots=3, begins=2)

    assert simulate("agrawal", n_snapshots=3, begins=2) == first
    assert simulate("agrawal", n_snapshots=3, begins=2, random_state=1) != first


def test_reports_say_what_the_simulation_says() -> None:
    size: dict[str, Any] = {"n_snapshots": 5, "begins": 4}
    found = simulate("sea", plan=SHIFT, **size)

    pages = report_simulation(found)
    before, after = (preview_comparison("sea", n, plan=SHIFT, **size) for n in (3, 4))

    told = json.loads(pages.json)
    assert [one["columns"] for one in told["snapshots"]] == [[], [], ["x0"], ["x0"]]
    assert [list(one["truth"]) for one in told["snapshots"]] == [[], [], ["x0"], ["x0"]]
    assert "<svg" in pages.html
    assert [one.comparison.verdict.drifted for one in (before, after)] == [(), ("x0",)]
    assert json.loads(after.pages.json)["verdict"]["columns"] == ["x0"]
    assert "Verdict on the generated rows at alpha 0.05: drift (x0)." in after.pages.html


@pytest.mark.parametrize(
    ("source", "against", "message"),
    [
        ("sea", 1, "from 2 to 12, got 1"),
        ("sea", 13, "from 2 to 12, got 13"),
        ("sea", "magic", "unknown method 'magic'; valid: cart"),
        ("random_rbf", "cart", "72 columns take too long"),
    ],
)
def test_what_cannot_be_compared_is_refused(source: str, against: int | str, message: str) -> None:
    params = {"n_features": 71} if source == "random_rbf" else {}

    with pytest.raises(SpecError, match=message):
        preview_comparison(source, against, params=params, n_rows=60)


@pytest.mark.parametrize("kind", [k for k in INJECTORS if k != "schema_change"])
def test_printed_commands_make_the_same_data(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SOURCES.get(kind, "agrawal")
    step = {"kind": kind, **suggest_injection(source, kind).params}
    found = simulate(source, plan=step, n_snapshots=4, n_rows=300, begins=3, random_state=5)
    monkeypatch.chdir(tmp_path)
    if source not in CONCEPTS:
        assert found.plan == ""
        return
    Path("plan.yaml").write_text(found.plan)

    for line in found.commands:
        done = CliRunner().invoke(app, line.split()[1:])
        assert done.exit_code == 0, done.output

    made = pd.read_parquet("drifted.parquet")
    edge = 600  # the first two snapshots have no drift, so no row of them came twice
    assert len(made) == sum(one.n_rows for one in found.snapshots)
    third = made[edge : edge + found.snapshots[2].n_rows]
    report = detect_drift(made[:300], third)
    simulated = found.snapshots[2].report
    assert simulated is not None
    assert [test.statistic for test in report.columns] == [t.statistic for t in simulated.columns]
    assert report.drifted == simulated.drifted


@pytest.mark.parametrize("kind", INJECTORS)
def test_every_suggested_injection_changes_what_it_says_and_nothing_before(kind: str) -> None:
    source = SOURCES.get(kind, "agrawal")
    suggested = suggest_injection(source, kind)

    found = simulate(
        source, plan={"kind": kind, **suggested.params}, n_snapshots=4, n_rows=300, begins=3
    )

    assert [one.is_changed for one in found.snapshots] == [False, False, True, True]
    named = set(suggested.params.get("columns", ())) or {suggested.params.get("column")}
    if kind in {"covariate_shift", "label_shift", "duplicates"}:
        return  # whole rows are drawn anew, or come twice
    if "target" in suggested.params:
        named = {suggested.params["target"]}
    assert set(found.snapshots[3].changed) == named


@pytest.mark.parametrize("source", [*simulation_choices().generators, "seasonal_demand"])
def test_every_source_can_be_simulated(source: str) -> None:
    found = simulate(source, n_snapshots=3, n_rows=200, begins=2)

    assert [one.n_rows for one in found.snapshots] == [200] * 3
    assert all(one.report is not None for one in found.snapshots[1:])
    if source in CONCEPTS:
        assert not any(one.is_changed for one in found.snapshots)
        assert {one.outcome for one in found.snapshots[1:]} <= {"quiet", "false alarm"}


@pytest.mark.parametrize("kind", FOUND_BY_ERRORS)
def test_change_of_the_rule_is_found_by_the_errors(kind: str) -> None:
    step = {"kind": kind, **suggest_injection("sea", kind).params}

    found = simulate("sea", plan=step, n_snapshots=6, begins=4)

    assert [one.is_error_rise for one in found.snapshots] == [None, False, False, True, True, True]
    usual, later = found.snapshots[1].error, found.snapshots[5].error
    assert usual is not None
    assert later is not None
    assert later > usual + 0.1


def test_copies_of_rows_stay_in_their_snapshot() -> None:
    found = simulate("sea", plan={"kind": "duplicates", "magnitude": 1.0}, n_snapshots=4, begins=3)

    assert [one.n_rows for one in found.snapshots] == [500, 500, 1000, 1000]
    assert found.snapshots[2].changed == ()
    assert found.snapshots[2].is_changed


def test_file_that_breaks_the_contract_counts_as_found() -> None:
    plan = {"kind": "schema_change", "action": "drop", "column": "x1"}

    found = simulate("sea", plan=plan, n_snapshots=3, begins=3)

    assert found.snapshots[2].is_refused
    assert found.snapshots[2].outcome == "found"
    assert "missing_column" in found.snapshots[2].note
    assert found.plan == ""


def test_truth_of_a_scenario_is_its_own_faults_and_movements() -> None:
    clinic = simulate("clinical_batch_effect", n_snapshots=6, n_rows=600)
    fraud = simulate("fraud_recurring", n_snapshots=4, n_rows=500)

    assert [one.changed for one in clinic.snapshots] == [()] * 4 + [("marker",)] * 2
    assert [one.outcome for one in clinic.snapshots][4:] == ["found", "found"]
    assert [one.changed for one in fraud.snapshots] == [(), (), ("fraud",), ("fraud",)]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"source": "mars"}, "unknown source of a simulation 'mars'"),
        ({"n_snapshots": 61}, "n_snapshots"),
        ({"n_rows": 49}, "n_rows"),
        ({"begins": 13, "plan": SHIFT}, "after the last of 12 snapshots"),
        ({"begins": 1}, "begins"),
        ({"params": {"variant": 9}}, "variant"),
        ({"params": {"random_state": 9}}, "leave out random_state"),
        ({"source": "clinical_batch_effect", "params": {"x": 1}}, "takes no parameters"),
        ({"source": "random_rbf", "params": {"n_features": 1000}}, "fewer snapshots"),
        ({"plan": {**SHIFT, "rows": {"start": 3}}}, "has no rows"),
        ({"plan": {**SHIFT, "columns": ["z"]}}, "no column 'z'"),
        ({"plan": {"kind": "melt"}}, "unknown injector 'melt'"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_the_reason(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        simulate(**{"source": "sea", **values})


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("friedman", "label_noise", "needs classes"),
        ("sea", "new_category", "no column of texts"),
        ("sea", "vanished_category", "no column of categories"),
        ("sea", "melt", "unknown injector"),
    ],
)
def test_nothing_is_suggested_where_nothing_fits(source: str, kind: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        suggest_injection(source, kind)


def test_suggestion_acts_on_the_column_that_was_chosen() -> None:
    assert suggest_injection("sea", "shift", column="x2").params["columns"] == ["x2"]
    assert suggest_injection("sea", "shift", column="no").params["columns"] == ["x0"]


@pytest.mark.parametrize(
    ("is_changed", "is_alarm", "expected"),
    [
        (True, True, "found"),
        (True, False, "missed"),
        (False, True, "false alarm"),
        (False, False, "quiet"),
        (True, None, "untestable"),
    ],
)
def test_outcomes(*, is_changed: bool, is_alarm: bool | None, expected: str) -> None:
    assert outcome(is_changed=is_changed, is_alarm=is_alarm) == expected
