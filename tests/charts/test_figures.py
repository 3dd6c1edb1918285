from __future__ import annotations

from dataclasses import replace

import pytest

from calmops_flows.charts import backtest_figure, drift, history_figure, metric_names
from calmops_flows.read import history
from calmops_flows.read.backtests import Backtest, PolicyResult
from calmops_flows.records import ColumnDrift, Outcome
from calmops_flows.settings import Settings
from calmops_flows.store import open_store
from tests.read.seed import a_report, a_year


@pytest.fixture
def outcomes(settings: Settings) -> list[Outcome]:
    with open_store(settings) as store:
        a_year(store)
        return history(store, "flights")


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


def test_line_has_a_gap_where_the_metric_is_undefined(outcomes: list[Outcome]) -> None:
    figure = history_figure(outcomes, "accuracy")

    assert list(figure.data[0].y) == [None, 0.8, 0.8, 0.8, None]


def test_drift_and_decisions_are_marked_where_they_happened(outcomes: list[Outcome]) -> None:
    marks = {trace.name: list(trace.x) for trace in history_figure(outcomes, "accuracy").data[1:]}

    assert marks == {"drift": [3, 4], "trained": [1], "promoted": [3], "rejected": [4]}


def test_only_decided_snapshots_are_drawn(outcomes: list[Outcome]) -> None:
    pending = [outcome for outcome in outcomes if outcome.decision is None]

    assert len(history_figure(pending, "accuracy").data) == 0
    assert metric_names(outcomes) == ["accuracy", "balanced_accuracy"]


def test_name_with_markup_is_shown_as_text(outcomes: list[Outcome]) -> None:
    hostile = replace(outcomes[0], snapshot="<a href='x'>\x1b[31m")

    figure = history_figure([hostile], "<b>m</b>")

    assert figure.data[0].text[0] == "&lt;a href=&#x27;x&#x27;&gt;\\x1b[31m"
    assert figure.data[0].name == "&lt;b&gt;m&lt;/b&gt;"


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
