from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import calmops_flows.store as package
from calmops_flows.errors import NotFoundError, SchemaVersionError, SpecError, StoreError
from calmops_flows.settings import Settings
from calmops_flows.store import Store, open_store
from calmops_flows.store.database import HEAD, Database
from calmops_flows.store.migrate import back_up
from calmops_flows.store.tables import metadata


def test_migrations_make_exactly_the_tables_of_the_code(store: Store) -> None:
    with store.database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    assert differences == []


def test_newest_migration_is_the_one_the_code_expects() -> None:
    folder = Path(package.__file__).parent / "migrations"

    assert ScriptDirectory(str(folder)).get_current_head() == HEAD


def test_opening_again_changes_nothing(store: Store, settings: Settings) -> None:
    with open_store(settings) as again:
        assert again.database.revision() == HEAD


def test_newer_schema_is_refused(store: Store, settings: Settings) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaVersionError, match=r"'9999'.*newer"):
        open_store(settings)


def test_reader_does_not_make_a_store(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no store yet"):
        open_store(Settings(home=tmp_path / "home"), create=False)

    assert list(tmp_path.iterdir()) == []


def test_backup_is_a_whole_database(tmp_path: Path) -> None:
    with open_store(Settings(home=tmp_path)) as store:
        assert store.database.file is not None
        copy = back_up(store.database.file, "0001")

    with closing(sqlite3.connect(copy)) as connection:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert found == (HEAD,)


@pytest.mark.parametrize(
    "url", ["mysql://localhost/x", "sqlite://", "nonsense", "sqlite:///:memory:"]
)
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(SpecError, match="CALMOPS_DATABASE_URL"):
        Database(url)


def test_corrupt_database_is_a_store_error(tmp_path: Path) -> None:
    tmp_path.joinpath("calmops.db").write_bytes(b"not a database" * 1000)

    with pytest.raises(StoreError, match="not a database"):
        open_store(Settings(home=tmp_path))


def test_unreachable_server_is_a_store_error_without_the_password() -> None:
    url = "postgresql://user:topsecret@127.0.0.1:1/none"

    with pytest.raises(StoreError, match="refused") as caught:
        open_store(Settings(database_url=url))

    assert "topsecret" not in str(caught.value)
