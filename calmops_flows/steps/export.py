"""Write predictions where the spec says, through the outbox: at least once, under one name."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from calmops_flows.data.transport import Patience
from calmops_flows.errors import ArtifactError, MissingExtraError
from calmops_flows.records import Role
from calmops_flows.steps.ingest import read_copy
from calmops_flows.steps.predictions import to_table
from calmops_flows.store.exports import write_export

if TYPE_CHECKING:
    from calmops_flows.steps.evaluate import Scored
    from calmops_flows.steps.ingest import Ingested
    from calmops_flows.steps.run import SnapshotRun
    from calmops_flows.store.outbox import Message
    from calmops_flows.store.store import Store

EXPORT = "calmops.predictions.export"
FAILURES = (OSError, ArtifactError, MissingExtraError)
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_DIGITS = 16
_STEM = 80


def export_messages(
    run: SnapshotRun, ingested: Ingested, scored: Scored | None
) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """Return the order to write a snapshot's predictions, if the spec wants them written."""
    wanted = run.spec.predictions
    if wanted is None or scored is None or run.snapshot.role is not Role.DATA:
        return ()
    key = run.spec.labels.key if run.spec.labels else None
    order = {
        "snapshot": run.snapshot.label,
        "digest": run.snapshot.digest,
        "path": wanted.path,
        "name": export_name(run.snapshot.label, run.snapshot.digest),
        "probabilities": wanted.probabilities,
        "predictions": scored.artifact,
        "data": ingested.data_digest if key else None,
        "key": key,
    }
    return ((EXPORT, order),)


def export_name(label: str, digest: str) -> str:
    """Name the file that holds the predictions of a snapshot.

    Examples
    --------
    >>> export_name("2024/june sales.csv", "0123456789abcdef0123")
    'june_sales-0123456789abcdef.parquet'
    """
    path, _, block = label.partition("#")
    stem = PurePosixPath(path).name.partition(".")[0]
    plain = _ODD.sub("_", f"{stem}_{block}" if block else stem)[:_STEM]
    return f"{plain}-{digest[:_DIGITS]}.parquet"


def export(store: Store, message: Message) -> None:
    """Carry out one order; doing it again writes the same bytes.

    Raises
    ------
    OSError, ArtifactError, MissingExtraError
        If it cannot be done now; the next run tries again.
    """
    order = message.payload
    table = to_table(store.artifacts.get(order["predictions"])).replace_schema_metadata(None)
    if not order["probabilities"]:
        table = table.select(["prediction"])
    if order["key"] is not None:
        keys = read_copy(store.artifacts, order["data"]).column(order["key"])
        table = table.add_column(0, order["key"], keys)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    patience = Patience.of(store.settings)
    write_export(order["path"], order["name"], sink.getvalue(), patience=patience)
