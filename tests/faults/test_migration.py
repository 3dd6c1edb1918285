"""A store of an older schema: backed up whole, migrated at once or not at all."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from calmops_flows.errors import CalmopsError
from calmops_flows.settings import Settings
from calmops_flows.store import database, migrate, open_store
from calmops_flows.store.history import history
from tests.steps.conftest import Stream, rows

pytestmark = pytest.mark.faults
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.add_column("pipelines", sa.Column("colour", sa.Text))
    op.execute("UPDATE pipelines SET colour = 'red'"){more}
"""


@pytest.fixture
def older(stream: Stream) -> Stream:
    """Give a stream with one snapshot, in the schema of today."""
    stream.drop("1.csv", rows(1))
    stream.drain()
    stream.store.close()
    return stream


def release(folder: Path, monkeypatch: pytest.MonkeyPatch, more: str = "") -> None:
    """Make this process one of a later version, whose schema has one column more."""
    migrations = Path(migrate.__file__).parent / "migrations"
    shutil.copytree(migrations, folder / "migrations", dirs_exist_ok=True)
    later = folder / "migrations" / "versions" / "0002_later.py"
    later.write_text(NEXT.replace("{more}", more))
    monkeypatch.setattr(migrate, "__file__", str(folder / "migrate.py"))
    monkeypatch.setattr(database, "HEAD", "0002")
    monkeypatch.setattr(database, "KNOWN_REVISIONS", ("0001", "0002"))


def facts(file: Path) -> tuple[str, int, bool]:
    """Return revision, number of outcomes, and whether the new column is there."""
    with closing(sqlite3.connect(file)) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        (outcomes,) = connection.execute("SELECT count(*) FROM outcomes").fetchone()
        columns = [row[1] for row in connection.execute("PRAGMA table_info(pipelines)")]
    return revision, outcomes, "colour" in columns


OLD, NEW = ("0001", 1, False), ("0002", 1, True)


def test_older_store_is_backed_up_and_migrated(
    older: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = older.store.settings.home
    release(tmp_path / "later", monkeypatch)

    with open_store(Settings(home=home)) as store:
        outcomes = history(store.database, "stream")

    assert [o.decision for o in outcomes] == ["trained"]
    assert facts(home / "calmops.db") == NEW
    assert facts(home / "calmops.db.0001.backup") == OLD


@pytest.mark.parametrize(
    "point",
    [
        "schema.backup.before",
        "schema.backup.after",
        "schema.migrate.before",
        "schema.migrate.after",
    ],
)
def test_fault_while_migrating_leaves_the_old_schema_or_the_new_one(
    older: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    home = older.store.settings.home
    release(tmp_path / "later", monkeypatch)
    monkeypatch.setattr("calmops_flows.faults._passages", Counter())
    monkeypatch.setenv("CALMOPS_FAULT", f"{point}:1:enospc")

    with pytest.raises(CalmopsError, match="No space left"):
        open_store(Settings(home=home))
    monkeypatch.delenv("CALMOPS_FAULT")
    found = facts(home / "calmops.db")
    open_store(Settings(home=home)).close()

    assert found == (NEW if point == "schema.migrate.after" else OLD)
    assert facts(home / "calmops.db") == NEW
    assert facts(home / "calmops.db.0001.backup") == OLD


def test_migration_that_fails_midway_leaves_the_old_schema(
    older: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = older.store.settings.home
    release(tmp_path / "later", monkeypatch, more="; op.execute('DROP TABLE nobody')")

    with pytest.raises(CalmopsError, match="no such table: nobody"):
        open_store(Settings(home=home))

    assert facts(home / "calmops.db") == OLD
