"""The store that stays open between pages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from calmops_flows.errors import NotFoundError, SchemaVersionError
from calmops_flows.read import list_pipelines
from calmops_flows.read.kept import kept_store
from calmops_flows.settings import load_settings
from calmops_flows.store import open_store
from tests.read.seed import a_year


def fill() -> None:
    with open_store() as store:
        a_year(store)


def test_store_is_opened_once_and_read_by_many_threads() -> None:
    fill()

    first = kept_store()
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda _: list_pipelines(kept_store())[0].name, range(40)))

    assert kept_store() is first
    assert names == ["flights"] * 40


def test_changes_are_seen_and_another_home_is_another_store(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill()
    first = kept_store()
    with open_store() as store, store.database.write("test") as connection:
        connection.execute(text("UPDATE pipelines SET champion = NULL"))
    champion = list_pipelines(kept_store())[0].champion
    monkeypatch.setenv("CALMOPS_HOME", str(tmp_path / "other"))
    with open_store():
        pass

    assert champion is None
    assert kept_store() is not first
    assert list_pipelines(kept_store()) == []


def test_file_that_was_removed_or_replaced_is_not_read_on() -> None:
    fill()
    list_pipelines(kept_store())
    home = load_settings().home

    for file in home.glob("calmops.db*"):
        file.unlink()
    with pytest.raises(NotFoundError, match="no store yet"):
        kept_store()
    with open_store():
        pass

    assert list_pipelines(kept_store()) == []


def test_store_that_a_newer_version_has_migrated_is_refused() -> None:
    fill()
    kept_store()

    with open_store() as store, store.database.write("test") as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaVersionError, match="newer"):
        kept_store()
