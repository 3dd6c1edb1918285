from __future__ import annotations

from dataclasses import replace

import pytest

from calmops_flows.charts import (
    backtest_figure,
    correlations_figure,
    distances_figure,
    drift,
    heat_map,
    scores_figure,
    shares_figure,
    simulation_heat_map,
    simulation_lanes,
    tracks,
)
from calmops_flows.compared import (
    ColumnComparison,
    GeneratedComparison,
    PairComparison,
    Shares,
)
from calmops_flows.read.backtests import Backtest, PolicyResult
from calmops_flows.read.drift_past import DriftCell, DriftPast, RankedColumn
from calmops_flows.read.timeline import Timeline, timeline
from calmops_flows.read.window import Window
from calmops_flows.records import ColumnDrift, DecisionKind, DriftReport, SnapshotState
from calmops_flows.settings import Settings
from calmops_flows.simulated import Simulated, SimulatedSnapshot
from calmops_flows.store import open_store
from tests.read.seed import HOUR, NOW, a_report, a_year


@pytest.fixture
def past(settings: Settings) -> Timeline:
    with open_store(settings) as store:
        a_year(store)
        return timeline(store, "flights", Window(), now=NOW + 100 * HOUR)


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


def test_tracks_hold_the_scores_that_are_known(past: Timeline) -> None:
    line = next(trace for trace in tracks(past, "accuracy").data if trace.name == "on arrival")

    assert list(zip(line.x, line.y, strict=True)) == [(2, 0.8), (3, 0.8), (4, 0.8)]


def test_events_are_marked_where_they_happened(past: Timeline) -> None:
    lanes = {trace.name: list(trace.x) for trace in tracks(past, None).data if trace.yaxis == "y4"}

    assert lanes == {
        "drift": [3, 4],
        "trained": [1],
        "promoted": [3],
        "rejected": [4],
        "kept": [2, 7],
        "quarantined": [5],
        "waiting": [8],
    }


def test_every_state_and_decision_has_a_lane(past: Timeline) -> None:
    for kind in (*DecisionKind, *SnapshotState):
        if kind in {SnapshotState.PROCESSED, SnapshotState.DUPLICATE}:
            continue
        decision = kind if isinstance(kind, DecisionKind) else None
        point = replace(past.points[0], decision=decision, state=str(kind), is_drift=False)

        figure = tracks(replace(past, points=(point,)), None)

        assert [t for t in figure.data if t.yaxis == "y4"], kind


def test_threshold_and_changes_of_champion_are_drawn(past: Timeline) -> None:
    figure = tracks(replace(past, thresholds={"accuracy": 0.75}), "accuracy")

    assert list(next(t for t in figure.data if t.name == "threshold").y) == [0.75, 0.75]
    assert {shape.x0 for shape in figure.layout.shapes} == {1, 3}


def test_rows_are_split_into_missing_and_whole_cells(past: Timeline) -> None:
    point = replace(past.points[0], rows=200, missing=0.25)

    bars = {t.name: list(t.y) for t in tracks(replace(past, points=(point,)), None).data}

    assert bars["missing"] == [50.0]
    assert bars["rows"] == [150.0]


def test_switches_of_the_breaker_have_lanes(past: Timeline) -> None:
    points = (replace(past.points[0], breaker="opened"), replace(past.points[1], breaker="closed"))

    lanes = {t.name: list(t.x) for t in tracks(replace(past, points=points), None).data}

    assert (lanes["breaker opened"], lanes["breaker closed"]) == ([1], [2])


def test_few_numbers_get_whole_ticks(past: Timeline) -> None:
    few = scores_figure(past, ["accuracy"])
    far = replace(past.points[-1], sequence=90, scores=past.points[1].scores)
    many = scores_figure(replace(past, points=(*past.points, far)), ["accuracy"])

    assert (few.layout.xaxis.dtick, many.layout.xaxis.dtick) == (1, None)


def test_p_value_below_all_floats_is_not_called_zero() -> None:
    report = a_report(True)
    tiny = replace(report.columns[0], adjusted_p_value=0.0)

    figure = drift(replace(report, columns=(tiny,)))

    assert list(figure.data[0].text) == ["p below 1e-300"]


def test_name_with_markup_is_shown_as_text(past: Timeline) -> None:
    hostile = replace(past.points[1], snapshot="<a href='x'>\x1b[31m", reason="<b>")

    figure = tracks(replace(past, points=(hostile,)), "accuracy")

    texts = [text for trace in figure.data for text in trace.text or ()]
    assert texts
    assert not [text for text in texts if "<" in text or "\x1b" in text]


def test_heat_map_marks_drifted_cells_and_keeps_hostile_names_apart(past: Timeline) -> None:
    names = ("<b>" + "x" * 40 + "1", "<b>" + "x" * 40 + "2")
    columns = tuple(RankedColumn(name, "numeric", 1, 1, 0.5, 0.1) for name in names)
    cells = tuple(DriftCell(1, name, 0.5, 0.1, "ks", i == 0) for i, name in enumerate(names))

    figure = heat_map(DriftPast(columns, {1: "m01"}, cells, (), 1))

    assert len(set(figure.data[0].y)) == 2
    assert len(figure.data[1].x) == 1
    assert "<b>" not in "".join(figure.data[0].y)


def test_drifted_tests_come_first_and_untestable_ones_are_left_out() -> None:
    clean = ColumnDrift("b<i>", "numeric", "ks", 0.1, 0.5, 1.0, 0.0, False)
    report = a_report(True)

    figure = drift(replace(report, columns=(clean, *report.columns)))

    assert [(trace.name, list(trace.y)) for trace in figure.data] == [
        ("drift", ["temp (ks)"]),
        ("no drift", ["b&lt;i&gt; (ks)"]),
    ]


def test_report_without_a_test_says_so() -> None:
    figure = drift(a_report(None))

    assert figure.layout.annotations[0].text == "No column could be tested."


def test_joint_test_is_drawn_beside_the_columns() -> None:
    joint = ColumnDrift("*", "multivariate", "mmd", 0.3, 0.001, 0.01, 0.5, True)

    figure = drift(replace(a_report(False), multivariate=joint))

    assert list(figure.data[0].y) == ["all columns together (mmd)"]


def test_backtest_draws_front_others_and_baselines() -> None:
    results = (
        PolicyResult("always", 0.9, {}, 12, 9, 9, 1.0, 3.0, on_front=True),
        PolicyResult("<i>never</i>", 0.7, {}, 1, 1, 1, 0.1, 1.0, on_front=True),
        PolicyResult("every:2", 0.6, {}, 6, 4, 4, 0.5, 2.0),
        PolicyResult("window", None, {}, 0, 0, 0, 0.0, 0.0, failure="no"),
    )

    figure = backtest_figure(_backtest(results))

    points = {trace.name: (list(trace.x), list(trace.y)) for trace in figure.data}
    assert points == {
        "Pareto front": ([12, 1], [0.9, 0.7]),
        "others": ([6], [0.6]),
        "static model": ([0, 12], [0.7, 0.7]),
        "no change": ([0, 12], [0.8, 0.8]),
    }
    assert "<i>" not in figure.data[0].text[1]


def test_backtest_without_scores_says_so() -> None:
    assert len(backtest_figure(_backtest(())).data) == 0


def _backtest(results: tuple[PolicyResult, ...]) -> Backtest:
    return Backtest(
        "p",
        "accuracy",
        is_loss=False,
        rows=900,
        snapshots=9,
        no_change=0.8,
        static=0.7,
        results=results,
    )


def test_simulation_tells_found_missed_and_false_alarms_apart() -> None:
    figure = simulation_heat_map(a_simulation())

    marks = {trace.name: list(zip(trace.x, trace.y, strict=True)) for trace in figure.data[1:]}
    assert marks == {
        "found": [("2", "&lt;b&gt;a")],
        "changed, no alarm": [("3", "&lt;b&gt;a")],
        "alarm, not changed": [("3", "b")],
    }
    assert [list(row) for row in figure.data[0].z] == [[0.5, 0.1], [0.1, 0.5]]


def test_simulation_lanes_say_what_was_changed_and_what_was_said() -> None:
    lanes = {trace.name: trace for trace in simulation_lanes(a_simulation()).data}

    assert list(lanes["changed"].text) == ["&lt;b&gt;a", "&lt;b&gt;a"]
    assert list(lanes["columns"].text) == ["&lt;b&gt;a", "b"]
    assert list(lanes["errors"].text) == ["a rise (mean error 0.2)", "untestable"]
    assert list(lanes["errors"].marker.symbol) == ["diamond", "x-thin-open"]


LONG = "<b>" + "a" * 60


def a_column(name: str, *, is_different: bool | None, shares: Shares) -> ColumnComparison:
    distance = None if is_different is None else 0.4
    reason = None if distance else "too few rows"
    return ColumnComparison(
        name, "numeric", "ks", distance, distance, is_different, reason, (0.0, 0.1),
        ("1 to 2", "1 to 3"), shares,
    )  # fmt: skip


def test_comparison_keeps_names_apart_that_are_cut_to_the_same_text() -> None:
    bins = Shares(True, ("1", "2", "3"), (0.25, 0.75), (0.5, 0.5))
    names = (f"{LONG}1", f"{LONG}2", "c")
    columns = tuple(
        a_column(name, is_different=said, shares=bins)
        for name, said in zip(names, (True, False, None), strict=True)
    )
    pair = PairComparison((names[0], "c"), 0.5, -0.25)
    report = DriftReport(True, 0.05, (), 10, 20)
    found = GeneratedComparison((10, 20), columns, (pair,), ((), ()), report)

    distances, correlations = distances_figure(found), correlations_figure(found)

    bars = {bar.name: (list(bar.y), list(bar.x), bar.text[0]) for bar in distances.data}
    assert bars["different"][:2] == ([0], [0.4])
    assert bars["alike"][:2] == ([1], [0.4])
    assert bars["untestable"] == ([2], [0.0], "c: too few rows")
    assert all("<b>" not in text for text in distances.layout.yaxis.ticktext)
    marks = {trace.name: list(trace.x) for trace in correlations.data if trace.name}
    assert marks == {"real": [0.5], "generated": [-0.25]}


def test_column_of_both_tables_is_drawn_in_steps_or_bars() -> None:
    numbers = Shares(True, ("1", "2", "3"), (0.25, 0.75), (0.5, 0.5))
    levels = Shares(False, ("<b>x", "y"), (0.25, 0.75), (1.0, 0.0))

    steps = shares_figure(a_column("a", is_different=True, shares=numbers))
    bars = shares_figure(a_column("a", is_different=True, shares=levels))
    empty = shares_figure(a_column("a", is_different=None, shares=Shares(True, (), (), ())))

    assert {line.name: list(line.y) for line in steps.data} == {
        "real": [0.25, 0.75, 0.75],
        "generated": [0.5, 0.5, 0.5],
    }
    assert list(steps.layout.xaxis.ticktext) == ["1", "2", "3"]
    assert [list(bar.x) for bar in bars.data] == [["&lt;b&gt;x", "y"]] * 2
    assert empty.layout.annotations[0].text == "There are no values to draw."


def a_simulation() -> Simulated:
    def test(name: str, *, is_drift: bool) -> ColumnDrift:
        effect = 0.5 if is_drift else 0.1
        return ColumnDrift(name, "numeric", "ks", 0.1, 0.1, 0.1, effect, is_drift)

    def snapshot(number: int, drifted: str, *, is_rise: bool | None) -> SimulatedSnapshot:
        columns = tuple(test(name, is_drift=name == drifted) for name in ("<b>a", "b"))
        report = DriftReport(True, 0.05, columns, 100, 100)
        error = None if is_rise is None else 0.2
        return SimulatedSnapshot(number, 100, ("<b>a",), True, report, error, is_rise)

    first = SimulatedSnapshot(1, 100, (), False, None, None, None)
    later = (snapshot(2, "<b>a", is_rise=True), snapshot(3, "b", is_rise=None))
    return Simulated((first, *later), (), "", "")
