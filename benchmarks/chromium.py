"""The dashboard in headless Chromium: start both, and know when a page is drawn."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from calmops_flows.cli.commands.dashboard import dashboard_script

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_SECONDS = 90
PHONE_WIDTH = 768  # below it, Streamlit hides the list of pages
TELEPHONE = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Mobile Safari/537.36"
)
# What stands above each page, by its path.
PAGES = {
    "": "Pipelines",
    "pipeline": "Pipeline",
    "drift": "Drift",
    "feature": "Feature",
    "performance": "Performance",
    "models": "Models",
    "blocks": "Blocks",
    "ipip": "IPIP",
    "files": "Files",
    "runs": "Runs and health",
    "quality": "Data quality",
    "logs": "Logs",
    "simulator": "Simulator",
}
# The script has ended, nothing on the page is old, and every chart has its drawing.
SETTLED = """
() => document.querySelector('[data-testid="stMain"] h1')
  && !document.querySelector('[data-testid="stSkeleton"]')
  && !document.querySelector('[data-stale="true"]')
  && document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState !== 'running'
  && [...document.querySelectorAll('[data-testid="stPlotlyChart"]')]
    .every(chart => chart.querySelector('.main-svg'))
"""


@contextmanager
def dashboard(home: Path) -> Iterator[str]:
    """Serve the dashboard of a store on a free port of loopback, and give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [
        "--server.address=127.0.0.1",
        f"--server.port={port}",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
        "--client.toolbarMode=viewer",
    ]
    command = [sys.executable, "-m", "streamlit", "run", str(dashboard_script()), *options]
    environment = os.environ | {"CALMOPS_HOME": str(home)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_until_healthy(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers; raise TimeoutError if it does not."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"the dashboard did not start within {START_SECONDS} s")


@contextmanager
def chromium() -> Iterator[Any]:
    """Run the system's Chromium; its event loop ends with the block."""
    from playwright.sync_api import sync_playwright

    program = next(
        (p for name in ("chromium", "chromium-browser") if (p := shutil.which(name))), None
    )
    if program is None:
        raise FileNotFoundError("no chromium on PATH; scripts/system.sh installs it")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield started
        started.close()


def open_page(browser: Any, address: str, *, width: int = 1280, scheme: str = "light") -> Any:
    """Open an address in a context of its own, with nothing cached, and wait until it is drawn."""
    told = {"user_agent": TELEPHONE, "has_touch": True} if width < PHONE_WIDTH else {}
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, **told
    )
    return open_again(context, address)


def open_again(context: Any, address: str) -> Any:
    """Open an address in a tab of its own of a browser that may have been here before."""
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(address, wait_until="commit")
    page.wait_for_function(SETTLED)
    return page


def click_page(page: Any, path: str) -> None:
    """Click another page's name, on a telephone in the list, and wait until it is drawn."""
    name = PAGES[path] if path else "Overview"
    if page.viewport_size["width"] < PHONE_WIDTH:
        page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    page.wait_for_function(
        "title => document.querySelector('[data-testid=\"stMain\"] h1')?.innerText === title",
        arg=PAGES[path],
    )
    page.wait_for_function(SETTLED)
