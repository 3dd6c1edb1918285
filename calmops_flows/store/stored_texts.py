"""Which columns hold JSON, and the rows in which it cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from calmops_flows.errors import StoreError
from calmops_flows.store.encoding import stored_json
from calmops_flows.store.tables import (
    contracts,
    decisions,
    drift_reports,
    model_versions,
    outbox,
    spec_revisions,
)

# The audit log is not among them: its hash chain finds more than a broken text.
TEXTS = (
    contracts.c.contract,
    decisions.c.record,
    drift_reports.c.notes,
    model_versions.c.metrics,
    outbox.c.payload,
    spec_revisions.c.spec,
)


def unreadable_texts(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield column and primary key of every row whose JSON cannot be read."""
    for column in TEXTS:
        keys = list(column.table.primary_key.columns)
        for *key, text in connection.execute(select(*keys, column)):
            try:
                stored_json(text)
            except StoreError:
                yield f"{column.table.name}.{column.name}", "/".join(map(str, key))
