"""Every page of the demo in headless Chromium: whole, readable, and open to all."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.chromium import (
    SETTLED,
    chromium,
    click_page,
    dashboard,
    open_page,
    wait_until_healthy,
)
from calmops_flows.settings import Settings
from calmops_flows.store import open_store
from tests.dashboard.pages import PAGES
from tests.read.seed import a_year
from tests.servers.ports import free_port

pytestmark = [pytest.mark.xdist_group("dashboard")]
ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "build" / "screenshots"
AXE = ROOT / "build" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
# Which pages are looked at with which pipeline, one after the other as a person clicks.
WALKS = (
    ("flights-by-origin", ("blocks", "performance", "simulator")),
    ("cancellations", ("ipip", "files", "logs")),
    ("flights", ("pipeline", "drift", "feature")),
    ("flights", ("models", "quality", "runs", "overview")),
)
TOKEN = "a-token-of-the-dashboard"
# Text of a chart that lies on other text of the same chart, by its boxes on the screen.
OVERLAPS = """
() => {
  const found = [];
  for (const chart of document.querySelectorAll('.js-plotly-plot')) {
    const texts = [...chart.querySelectorAll('svg text')].filter(t => t.textContent.trim());
    const boxes = texts.map(t => [t.textContent, t.getBoundingClientRect()])
      .filter(([_, b]) => b.width > 0 && b.height > 0);
    for (let i = 0; i < boxes.length; i++)
      for (let j = i + 1; j < boxes.length; j++) {
        const [s, a] = boxes[i], [t, b] = boxes[j];
        const w = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (w > 3 && h > 3 && w * h > 0.25 * Math.min(a.width * a.height, b.width * b.height))
          found.push(s + ' | ' + t);
      }
  }
  return found;
}
"""
# A chart whose marks have no extent, and no words that say why.
EMPTY = """
() => [...document.querySelectorAll('.js-plotly-plot')].filter(chart =>
  ![...chart.querySelectorAll('.bars path, .scatterlayer path, .hm image, .annotation')]
    .some(mark => {
      const box = mark.getBoundingClientRect();
      return box.width > 0.5 && box.height > 0.5 || mark.classList.contains('js-line');
    })).length
"""


@pytest.fixture(scope="session")
def server(demo_home: Path) -> Iterator[str]:
    """Serve the demo's store on a free port of loopback."""
    with dashboard(demo_home) as address:
        yield address


@pytest.fixture
def browser() -> Iterator[Any]:
    """Run Debian's Chromium, or whichever is on PATH; its event loop ends with the test."""
    with chromium() as started:
        yield started


def settle(page: Any) -> None:
    """Wait until the page and its charts are drawn."""
    page.wait_for_function(SETTLED)
    page.wait_for_timeout(400)


def address_of(server: str, name: str) -> str:
    path = "" if name == "overview" else name
    return f"{server}/{path}?pipeline=flights"


def violations(page: Any) -> dict[str, object]:
    """Return what axe-core finds serious or worse, with the first element of each."""
    assert AXE.is_file(), "axe-core is not there; scripts/system.sh installs it into build/"
    page.add_script_tag(path=AXE)
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return {
        one["id"]: one["nodes"][0]["html"][:200]
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    }


LOOKS = ((1280, "light"), (390, "dark"), (1280, "dark"), (390, "light"))


@pytest.mark.parametrize("is_sample", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_every_page_is_whole_at_both_widths_light_and_dark(
    server: str, browser: Any, *, is_sample: bool
) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    wrong: dict[str, object] = {}
    for number, (pipeline, names) in enumerate(WALKS):
        for width, scheme in (LOOKS[number],) if is_sample else LOOKS:
            begin = f"{server}/logs?pipeline={pipeline}"
            page = open_page(browser, begin, width=width, scheme=scheme)
            for name in names:
                click_page(page, "" if name == "overview" else name)
                found = looked_at(page, SHOTS / f"{name}-{width}-{scheme}.png")
                if f"pipeline={pipeline}" not in page.url and name != "simulator":
                    found["address"] = page.url
                if any(found.values()):
                    wrong[f"{name} {width} {scheme}"] = found
            page.context.close()

    assert wrong == {}
    assert sorted(name for _, names in WALKS for name in names) == sorted(PAGES)


def looked_at(page: Any, shot: Path) -> dict[str, object]:
    """Take a picture of a whole page, and return what is wrong with it."""
    size = page.viewport_size
    height = page.evaluate(
        "document.querySelector('[data-testid=\"stMainBlockContainer\"]').scrollHeight"
    )
    page.set_viewport_size({**size, "height": min(int(height) + 80, 6000)})
    settle(page)
    page.screenshot(path=shot)
    found = {
        "exceptions": page.locator('[data-testid="stException"]').count(),
        "empty charts": page.evaluate(EMPTY),
        "overlaps": page.evaluate(OVERLAPS),
        "sideways": page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"),
        **violations(page),
    }
    page.set_viewport_size(size)
    return found


def test_first_address_of_a_server_has_the_names_and_the_strip(
    demo_home: Path, browser: Any
) -> None:
    with dashboard(demo_home) as fresh:
        page = open_page(browser, f"{fresh}/drift?pipeline=flights")

        names = page.get_by_test_id("stSidebarNavLink").all_inner_texts()
        assert names[:2] == ["Overview", "Pipeline"]
        assert len(names) == len(PAGES)
        page.get_by_text("all times UTC").wait_for()
        page.context.close()


def test_tables_offer_no_download_but_the_harmless_one(server: str, browser: Any) -> None:
    page = open_page(browser, f"{server}/files?pipeline=flights-by-origin")

    page.get_by_test_id("stDataFrame").first.hover()
    named = '[data-testid="stElementToolbarButton"] button[aria-label="{}"]'
    page.locator(named.format("Search")).first.wait_for()
    assert page.locator(named.format("Download as CSV")).count() > 0  # Streamlit's own: unescaped
    assert not page.locator(named.format("Download as CSV")).first.is_visible()
    page.context.close()


@pytest.fixture
def open_server(tmp_path: Path) -> Iterator[str]:
    """Serve a store on all addresses, as the command does when it is given a token."""
    with open_store(Settings(home=tmp_path)) as store:
        a_year(store)
    port = free_port()
    options = ("--host", "0.0.0.0", "--port", str(port))
    environment = os.environ | {"CALMOPS_HOME": str(tmp_path), "CALMOPS_TOKEN": TOKEN}
    command = [sys.executable, "-m", "calmops_flows.cli.main", "dashboard", *options]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def test_off_loopback_a_page_asks_for_the_token_before_it_shows_anything(
    open_server: str, browser: Any
) -> None:
    shown = {}
    for name in ("drift", "models", "simulator", "overview"):
        page = open_page(browser, address_of(open_server, name), width=1280, scheme="light")
        shown[name] = page.locator('[data-testid="stApp"]').inner_text()
        if name != "overview":
            page.context.close()
    token = page.get_by_label("Token (CALMOPS_TOKEN)")
    token.fill("guess")
    token.press("Enter")
    page.get_by_text("That is not the token.").wait_for()
    refused = page.locator('[data-testid="stApp"]').inner_text()
    token.fill(TOKEN)
    token.press("Enter")
    page.get_by_role("link", name="Runs and health").wait_for()
    settle(page)
    admitted = page.locator('[data-testid="stApp"]').inner_text()
    page.context.close()

    assert {name for name, text in shown.items() if "Token (CALMOPS_TOKEN)" not in text} == set()
    before = "".join(shown.values()) + refused
    assert [word for word in ("flights", "Overview", "Runs and health") if word in before] == []
    assert "flights" in admitted
