"""Stores that are seeded once per session; pages only read them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.seeding import seed
from calmops_flows.demo import run_demo
from calmops_flows.settings import Settings
from calmops_flows.store import open_store

DASHBOARD = Path(__file__).parents[2] / "dashboard"
MONTHS = 3


@pytest.fixture(scope="session")
def thousand_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the home of a store with a pipeline of 1,000 snapshots."""
    home = tmp_path_factory.mktemp("thousand")
    with open_store(Settings(home=home)) as store:
        seed(store, n_pipelines=1, n_snapshots=1000)
    return home


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the home of the demo of every kind: flights, flights-by-origin, cancellations."""
    home = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALMOPS_PREFECT", "off")
        for kind in ("stream", "block", "ipip"):
            run_demo(pipeline=kind, home=home, months=MONTHS, echo=_silent)
    return home


def _silent(text: str) -> None:
    assert isinstance(text, str)


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let Streamlit believe that it is bound to loopback, as ``calmops dashboard`` binds it."""
    from streamlit import config

    monkeypatch.syspath_prepend(str(DASHBOARD))
    before = config.get_option("server.address")
    config.set_option("server.address", "127.0.0.1")
    yield
    config.set_option("server.address", before)
    for name in [name for name in sys.modules if name.partition(".")[0] == "frame"]:
        assert str(DASHBOARD) in str(sys.modules[name].__file__)
