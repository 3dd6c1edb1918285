"""One trained pipeline, and a server for the tests that do not change it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from calmops_flows.settings import Settings
from calmops_flows.store import open_store
from tests.serving.served import Client, rows, serving, trained


@pytest.fixture(scope="package")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    with open_store(Settings(home=folder / "home")) as store:
        trained(store, folder / "source", rows(1))
    return folder / "home"


@pytest.fixture(scope="module")
def server(trained_home: Path) -> Iterator[Client]:
    with serving(trained_home, "stream") as client:
        yield client
