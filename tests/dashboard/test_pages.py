"""Every page over every kind of store."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from calmops_flows.cli.main import app as command_line
from calmops_flows.records import DecisionKind
from calmops_flows.store import open_store, tables
from tests.dashboard.pages import OF_PIPELINES, PAGES, commands, page, said
from tests.read.seed import Seed, a_year

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Streamlit's own
    pytest.mark.xdist_group("dashboard"),
]
HOSTILE = "<img src=x onerror=alert(1)>[a](javascript:b) $x^2$ :red[c]\x1b[31m\u202e=1+1.csv"


@pytest.mark.parametrize("name", OF_PIPELINES)
def test_page_without_a_store_says_what_to_do_and_makes_none(name: str, calmops_home: Path) -> None:
    app = page(name)

    assert not app.exception
    assert "calmops demo" in said(app)
    assert not calmops_home.exists()


@pytest.mark.parametrize("name", OF_PIPELINES)
def test_page_of_an_empty_store_says_what_to_do(name: str) -> None:
    open_store().close()

    app = page(name)

    assert not app.exception
    assert "calmops apply FILE" in said(app)


@pytest.mark.parametrize("name", OF_PIPELINES)
def test_page_of_a_pipeline_that_saw_nothing_prints_the_command_that_fills_it(name: str) -> None:
    with open_store() as store:
        Seed(store).end()

    app = page(name, pipeline="flights")

    assert not app.exception
    if name == "overview":
        assert list(app.dataframe[0].value["health"]) == ["new"]
    else:
        assert re.search(r"calmops (run flights|demo --pipeline)", said(app))


@pytest.mark.parametrize("name", PAGES)
def test_page_of_one_snapshot_is_drawn(name: str) -> None:
    with open_store() as store:
        Seed(store).process("m01.csv", DecisionKind.TRAINED)

    assert not page(name, pipeline="flights").exception


@pytest.mark.parametrize("name", PAGES)
def test_page_of_a_thousand_snapshots_is_drawn(
    name: str, thousand_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALMOPS_HOME", str(thousand_home))

    app = page(name, pipeline="pipeline-000", range="1000")

    assert not app.exception
    assert not app.error or name == "models"  # its manifests are no artifacts


@pytest.mark.parametrize("pipeline", ["flights", "flights-by-origin", "cancellations"])
@pytest.mark.parametrize("name", PAGES)
def test_page_of_each_kind_is_drawn(
    name: str, pipeline: str, demo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALMOPS_HOME", str(demo_home))

    app = page(name, pipeline=pipeline)

    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("name", PAGES)
def test_hostile_name_is_shown_as_text(name: str) -> None:
    with open_store() as store:
        seed = Seed(store)
        seed.process(HOSTILE, DecisionKind.TRAINED)
        seed.process(f"2{HOSTILE}", is_drift=True)
        seed.quarantine(f"3{HOSTILE}", f"csv_cut: {HOSTILE}")
        seed.end()

    app = page(name, pipeline="flights")

    assert not app.exception
    assert not re.search("[\x1b\u202e]", said(app))
    assert not [m for m in app.markdown if "onerror" in str(m.value)]
    for table in app.dataframe:
        assert not re.search("[\x1b\u202e]", table.value.to_csv())


@pytest.mark.parametrize("name", PAGES)
def test_corrupt_rows_are_named_and_break_no_page(name: str) -> None:
    with open_store() as store:
        a_year(store)
        with store.database.engine.begin() as connection:
            for table, column in (
                (tables.decisions, "record"),
                (tables.contracts, "contract"),
                (tables.audit, "payload"),
            ):
                connection.execute(update(table).values({column: '{"cut'}))

    app = page(name, pipeline="flights")

    assert not app.exception
    if name in {"pipeline", "drift", "models", "quality", "runs"}:
        warned = "\n".join(str(warning.value) for warning in app.warning)
        assert "calmops fsck" in said(app) + warned


def test_overview_shows_a_line_per_pipeline() -> None:
    with open_store() as store:
        a_year(store)
        Seed(store, "other")

    app = page("overview")

    table = app.dataframe[0].value
    assert list(table["pipeline"]) == ["flights", "other"]
    assert list(table["health"]) == ["healthy", "new"]
    assert list(table["needs a person"]) == ["1 file is quarantined", ""]


def test_address_chooses_pipeline_range_and_snapshot() -> None:
    with open_store() as store:
        Seed(store, "another").end()
        a_year(store)
        digest = "3".ljust(64, "0")

    app = page("pipeline", pipeline="flights", range="30", snapshot=digest)

    chosen = [box.value for box in app.selectbox]
    assert chosen[:2] == ["flights", "30"]
    assert digest in chosen
    assert "promoted to champion" in said(app)
    assert app.query_params["snapshot"] in (digest, [digest])


def test_numbers_of_a_chart_are_drawn_when_they_are_opened() -> None:
    with open_store() as store:
        a_year(store)

    closed = page("pipeline", pipeline="flights", numbers="")
    opened = page("pipeline", pipeline="flights")

    assert (len(closed.dataframe), len(opened.dataframe)) == (0, 2)  # tracks, rules
    assert list(opened.dataframe[0].value["snapshot"])[:2] == ["m07.csv", "m06.csv"]


def test_unknown_names_in_the_address_are_left_out() -> None:
    with open_store() as store:
        a_year(store)

    app = page("pipeline", pipeline="<b>", range="../..", snapshot="x", metric="none")

    assert not app.exception
    assert app.selectbox[0].value == "flights"


def test_every_command_that_a_page_prints_is_one() -> None:
    with open_store() as store:
        a_year(store)
        Seed(store, "another").end()
    printed = {
        line
        for name in PAGES
        for pipeline in ("flights", "another")
        for line in commands(page(name, pipeline=pipeline))
    }

    for line in printed:
        words = line.split()
        assert words[0] == "calmops"
        assert CliRunner().invoke(command_line, [words[1], "--help"]).exit_code == 0, line
    assert len(printed) > 5


def test_simulator_sets_verdicts_beside_the_truth_and_prints_the_same_by_hand() -> None:
    app = page("simulator", source="sea", drift="shift", column="x1", begins="4", snapshots="6")

    assert not app.exception
    assert {one.label: one.value for one in app.metric} == {
        "Found": "3",
        "Missed": "0",
        "False alarms": "0",
        "Quiet": "2",
    }
    printed = "\n".join(block.value for block in app.code)
    assert "calmops generate synthetic sea 3000 --out stream.parquet --seed 0" in printed
    assert "start: 1500" in printed
    assert "simulate(\n    'sea'" in printed


def test_simulator_previews_the_reports_and_offers_them_as_files() -> None:
    changed = page("simulator", source="sea", drift="shift", column="x1", begins="3", snapshots="4")
    learnt = page("simulator", source="sea", drift="nothing", rows="200", against="cart")
    wrong = page("simulator", source="sea", drift="nothing", rows="60", against="sdv")

    assert not changed.exception
    assert "Verdict at alpha 0.05: drift (x1)." in said(changed)
    (distances,) = [box.value for box in changed.dataframe if "said" in box.value]
    assert list(distances["said"])[:2] == ["different", "alike"]
    assert distances["column"][0] == "x1"
    assert {
        f"Report on {what} as {kind}"
        for what in ("this comparison", "all snapshots")
        for kind in ("HTML", "JSON")
    } <= {button.proto.label for button in changed.get("download_button")}
    assert "200 real and 200 generated rows." in said(learnt)
    assert "Verdict at alpha 0.05: no drift." in said(learnt)
    assert [error.value for error in wrong.error] == ["This cannot be compared."]
    assert "pip install 'sdv>=2'" in said(wrong)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"rows": "3"}, "greater than or equal to 50"),
        ({"begins": "40"}, "after the last of 12 snapshots"),
        ({"params": "variant: 9"}, "variant"),
        ({"params": "[1, 2"}, "key: value"),
        ({"source": "friedman", "drift": "label_noise"}, "needs classes"),
        ({"source": "random_rbf", "params": "n_features: 1000"}, "fewer snapshots"),
        ({"drift": "rule_change", "more-sea-rule_change-x0": HOSTILE}, "key: value"),
    ],
)
def test_simulator_says_what_is_wrong_with_a_parameter(query: dict[str, str], message: str) -> None:
    app = page("simulator", **query)

    assert not app.exception
    assert [error.value for error in app.error] == ["This cannot be simulated."]
    assert message in said(app)
    assert not re.search("[\x1b\u202e]", said(app))


def test_simulator_keeps_choices_in_the_address() -> None:
    app = page("simulator", source="sea")

    next(n for n in app.number_input if n.label == "Seed").set_value(7)
    app.run()

    assert app.query_params["seed"] in ("7", ["7"])
    assert "--seed 7" in "\n".join(block.value for block in app.code)
