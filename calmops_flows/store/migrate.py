"""Bring the schema up to date; kept apart because Alembic is slow to import."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config

from calmops_flows.errors import StoreError
from calmops_flows.faults import durable
from calmops_flows.store.database import Database


def upgrade(database: Database, found: str | None) -> None:
    """Apply all migrations above ``found`` in one transaction, after a backup."""
    if database.file is not None:
        database.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if found is not None:
            back_up(database.file, found)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with database.write("schema.migrate") as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def back_up(file: Path, revision: str) -> Path:
    """Copy an SQLite file beside itself, whole or not at all.

    Raises
    ------
    StoreError
        If it cannot be written; nothing is migrated without it.
    """
    target = file.with_name(f"{file.name}.{revision}.backup")
    partial = target.with_name(target.name + ".tmp")
    try:
        with durable("schema.backup"):
            source, copy = sqlite3.connect(file), sqlite3.connect(partial)
            with closing(source), closing(copy):
                source.backup(copy)
            partial.replace(target)
    except (OSError, sqlite3.Error) as err:
        raise StoreError(
            f"cannot back the database up to {target} before its schema is changed: {err}; make "
            "room or free that path, then run again: nothing was changed"
        ) from err
    return target
