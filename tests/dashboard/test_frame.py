"""What all pages share: the gate, the switch of models, tables, and what scripts may import."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from calmops_flows.cli.commands.dashboard import dashboard_script
from calmops_flows.read import list_pipelines, show
from calmops_flows.store import open_store
from tests.dashboard.pages import APP, PAGES, page, said
from tests.read.seed import a_year

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Streamlit's own
    pytest.mark.xdist_group("dashboard"),
]
SCRIPTS = sorted(APP.parent.rglob("*.py"))
ALLOWED = ("read", "charts", "records", "errors", "logs", "api", "simulated")


def test_no_script_allows_html() -> None:
    forbidden = ("unsafe_allow", "components")

    assert [s.name for s in SCRIPTS if any(word in s.read_text() for word in forbidden)] == []


def test_only_the_strip_refreshes_by_itself() -> None:
    assert [s.name for s in SCRIPTS if "run_every" in s.read_text()] == ["strip.py"]


def test_only_html_of_a_page_is_a_literal_style() -> None:
    calls = [
        line.strip() for s in SCRIPTS for line in s.read_text().splitlines() if "st.html" in line
    ]
    tree = ast.parse((APP.parent / "frame" / "page.py").read_text())
    style = next(
        ast.literal_eval(node.value)  # fails on anything that is put together
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "STYLE"
    )

    assert calls == ["st.html(STYLE)"]
    assert re.fullmatch(r"<style>[^<>]*</style>", style)


def test_scripts_import_reading_and_drawing_only() -> None:
    for script in SCRIPTS:
        for module in _imported(script):
            first, _, rest = module.partition(".")
            assert first != "dashboard", script
            if first == "calmops_flows" and rest:
                assert rest.partition(".")[0] in ALLOWED, (script.name, module)


def _imported(script: Path) -> list[str]:
    """Return what a script imports when it runs; what only types need is left out."""
    tree = ast.parse(script.read_text())
    only_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in only_types:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
    return found


def test_command_finds_the_script() -> None:
    assert dashboard_script().name == "app.py"


@pytest.mark.parametrize("address", [None, "0.0.0.0", "192.0.2.1"])
def test_off_loopback_nothing_is_shown_without_a_token(address: str | None) -> None:
    with open_store() as store:
        a_year(store)
    config.set_option("server.address", address)

    app = page("overview")

    assert "no token is set" in said(app)
    assert not app.dataframe
    assert "flights" not in said(app)


def test_off_loopback_the_token_opens_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALMOPS_TOKEN", "secret")
    with open_store() as store:
        a_year(store)
    config.set_option("server.address", "0.0.0.0")
    # The page by itself: a test of the whole app forgets inputs between runs, as if pages changed.
    app = AppTest.from_file(str(APP.parent / "views" / "overview.py"), default_timeout=60).run()
    assert not app.dataframe

    app.text_input(key="token").set_value("wrong").run()
    assert "That is not the token." in said(app)
    assert not app.dataframe

    app.text_input(key="token").set_value("secret").run()
    assert list(app.dataframe[0].value["pipeline"]) == ["flights"]


def test_models_switch_only_when_allowed_and_confirmed(
    demo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALMOPS_HOME", str(demo_home))
    with open_store() as store:
        champion = next(v for v in list_pipelines(store) if v.name == "flights").champion
        other = next(v.version for v in show(store, "flights").versions if v.version != champion)
    closed = page("models", pipeline="flights", version=str(other))
    assert "Actions are off" in said(closed)
    assert not [button for button in closed.button if button.key == "promote"]

    monkeypatch.setenv("CALMOPS_DASHBOARD_ACTIONS", "1")
    app = page("models", pipeline="flights", version=str(other))
    assert app.button(key="promote").disabled

    app.text_input(key="confirm").set_value("flights").run()
    app.button(key="promote").click().run()
    assert f"Version {other} serves now" in app.success[0].value
    app.button(key="rollback").click().run()

    with open_store() as store:
        after = next(v for v in list_pipelines(store) if v.name == "flights").champion
    assert after == champion


def test_downloaded_cells_are_no_formulas() -> None:
    from frame.tables import to_csv  # type: ignore[import-not-found,unused-ignore]

    text = to_csv([{"file": "=1+1", "+n": -1}, {"file": "@x", "+n": 2}])

    assert text.splitlines() == ["file,'+n", "'=1+1,-1", "'@x,2"]


def test_thirteen_pages_are_in_the_navigation() -> None:
    text = APP.read_text()

    assert [name for name in PAGES if f'"{name}"' not in text] == []
