"""Views over SQLite and over PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from calmops_flows.settings import Settings
from calmops_flows.store import Store, open_store


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_database")
    with open_store(Settings(home=tmp_path / "home", database_url=url)) as opened:
        yield opened


@pytest.fixture
def plain_store(tmp_path: Path) -> Iterator[Store]:
    """Give an SQLite store, for tests that ask no new question of the database."""
    with open_store(Settings(home=tmp_path / "home")) as opened:
        yield opened
