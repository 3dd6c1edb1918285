"""All that a store says, without what may differ between two runs over the same files."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Table, select

from calmops_flows.store.database import Database
from calmops_flows.store.tables import metadata, snapshots

# Times, run ids, costs, tries, and what depends on them (hashes of timed entries, inode stamps).
DROPPED = frozenset(
    {
        "at",
        "attempts",
        "created_at",
        "delivered_at",
        "delivered_to",
        "discovered_at",
        "expires_at",
        "fit_seconds",
        "hash",
        "last_error",
        "owner",
        "previous_hash",
        "run_id",
        "stamp",
        "stamp_key",
        "token",
        "wake",
    }
)
DROPPED_IN_JSON = frozenset({"cost_seconds", "fit_seconds", "open_until", "run_id", "at"})
JSON = frozenset({"record", "payload", "breaker", "spec", "contract"})
SNAPSHOT_IDS = frozenset({"snapshot_id", "label_id", "superseded_by", "duplicate_of"})


def dump(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return the comparable part of every row, sorted, by table."""
    with database.read() as connection:
        labels = {
            row.id: (row.path, row.block, row.digest)
            for row in connection.execute(select(snapshots))
        }
        return {
            table.name: _rows(connection, table, labels)
            for table in sorted(metadata.tables.values(), key=lambda table: table.name)
        }


def _rows(
    connection: Connection, table: Table, labels: dict[int, tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    columns = [column.name for column in table.columns if column.name not in DROPPED]
    found = connection.execute(select(table)).mappings()
    rows = [tuple(_value(table, name, row[name], labels) for name in columns) for row in found]
    return sorted(rows, key=repr)


def _value(table: Table, name: str, value: Any, labels: dict[int, tuple[Any, ...]]) -> Any:
    is_snapshot = name in SNAPSHOT_IDS or (table is snapshots and name == "id")
    if is_snapshot:
        return None if value is None else labels[value]
    if name in JSON and value is not None:
        return json.dumps(_without(json.loads(value)), sort_keys=True)
    return value


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if key not in DROPPED_IN_JSON}
    return [_without(item) for item in value] if isinstance(value, list) else value
