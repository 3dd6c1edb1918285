"""Every page, without a store, with an empty one and with a history."""

from __future__ import annotations

from pathlib import Path

import pytest

from calmops_flows.cli.commands.dashboard import dashboard_script
from calmops_flows.records import DecisionKind
from calmops_flows.store import open_store
from tests.read.seed import Seed, a_year

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
PAGES = ("overview", "pipeline", "decision")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Streamlit's own


def page(name: str, **query: str):  # type: ignore[no-untyped-def]  # Streamlit's class is heavy
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(APP), default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run().switch_page(f"pages/{name}.py").run()


@pytest.mark.parametrize("name", PAGES)
def test_page_without_a_store_says_what_to_do_and_makes_none(name: str, calmops_home: Path) -> None:
    app = page(name)

    assert not app.exception
    assert app.info
    assert not calmops_home.exists()


@pytest.mark.parametrize("name", PAGES)
def test_page_of_an_empty_store_does_not_fail(name: str) -> None:
    open_store().close()

    app = page(name)

    assert not app.exception
    assert app.info


@pytest.mark.parametrize("name", PAGES)
def test_page_of_a_pipeline_that_saw_nothing_does_not_fail(name: str) -> None:
    with open_store() as store:
        Seed(store)

    assert not page(name).exception


def test_overview_shows_a_line_per_pipeline() -> None:
    with open_store() as store:
        a_year(store)
        Seed(store, "other")

    app = page("overview")

    table = app.dataframe[0].value
    assert not app.exception
    assert list(table["pipeline"]) == ["flights", "other"]
    assert list(table["health"]) == ["healthy", "new"]


def test_pipeline_of_the_address_is_shown_with_its_snapshots() -> None:
    with open_store() as store:
        Seed(store, "another")
        a_year(store)

    app = page("pipeline", pipeline="flights")

    assert not app.exception
    assert app.selectbox[0].value == "flights"
    assert app.metric[1].value == "2"
    assert app.dataframe[0].value["snapshot"][0] == "m07.csv"


def test_decision_page_says_why() -> None:
    with open_store() as store:
        a_year(store)
    app = page("decision", pipeline="flights")

    app.selectbox[1].select_index(4).run()

    assert not app.exception
    assert any("promoted to champion" in text.value for text in app.text)


def test_hostile_name_reaches_no_page_unescaped() -> None:
    with open_store() as store:
        Seed(store).process("<img src=x>\x1b[31m.csv", DecisionKind.TRAINED)

    app = page("decision")

    assert not app.exception
    assert not [text for text in app.text if "\x1b" in text.value]


def test_no_script_allows_html() -> None:
    scripts = [APP, *APP.parent.glob("pages/*.py")]

    assert [
        s.name for s in scripts if "unsafe_allow" in s.read_text() or "st.html" in s.read_text()
    ] == []


def test_command_finds_the_script() -> None:
    assert dashboard_script().name == "app.py"
