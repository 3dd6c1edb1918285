"""The drift report of one snapshot: rendered on demand, kept, and linked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from calmops_flows.errors import ArtifactError, NotFoundError
from calmops_flows.profiles import from_bytes
from calmops_flows.read.sources import Sources, find_sources
from calmops_flows.reports.evidently_report import render
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.reports import link_report, linked_reports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from calmops_flows.store.store import Store

KIND = "evidently"
MAX_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class DriftDocument:
    """A rendered report.

    Attributes
    ----------
    snapshot : str
        Label of the snapshot.
    html : bytes
        The page.
    artifact : str
        Its digest in the artifact store.
    is_new : bool
        Whether it was rendered now.
    left_out : mapping of str to str
        Why columns are not on the page; empty for a page that was kept.
    """

    snapshot: str
    html: bytes
    artifact: str
    is_new: bool
    left_out: Mapping[str, str] = field(default_factory=dict)


def drift_document(
    store: Store, name: str, snapshot: str | None = None, *, now: datetime
) -> DriftDocument:
    """Return Evidently's drift report of a snapshot, rendered once.

    It shows at most 10,000 rows of the snapshot and of its reference, drawn from the
    store's own copies, or the sample in the reference's profile where there is no
    copy.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    snapshot : str, optional
        Its path, or first digits of its digest; default: the one decided last.
    now : datetime
        When the link is made.

    Raises
    ------
    NotFoundError
        If there is no such snapshot, or it has no reference or no rows any more.
    MissingExtraError
        If Evidently is not installed.
    UntestableError
        If no column can be shown.
    """
    sources = find_sources(store, name, snapshot)
    kept = linked_reports(store.database, sources.snapshot_id).get(KIND)
    if kept is not None and store.artifacts.exists(kept):
        return DriftDocument(sources.label, store.artifacts.get(kept), kept, is_new=False)
    current = _rows(store, sources.current_data)
    if current is None:
        raise NotFoundError(f"the rows of snapshot {sources.label!r} are not kept any more")
    reference = _without_key(store, name, _reference(store, sources))
    rendered = render(reference, _without_key(store, name, current), first=sources.drifted)
    artifact = store.artifacts.put(rendered.html)
    link_report(store.database, sources.snapshot_id, KIND, artifact, now=now)
    return DriftDocument(
        sources.label, rendered.html, artifact, is_new=True, left_out=rendered.left_out
    )


def _without_key(store: Store, name: str, table: pa.Table) -> pa.Table:
    """Leave out what names the rows for delayed labels: it is no column to compare."""
    labels = load_state(store.database, name).spec.labels
    key = labels.key if labels else None
    return table.drop_columns([key]) if key in table.column_names else table


def _reference(store: Store, sources: Sources) -> pa.Table:
    if sources.reference_profile is None:
        raise NotFoundError(
            f"snapshot {sources.label!r} was compared with no reference, so there is no drift to "
            "report"
        )
    rows = _rows(store, sources.reference_data)
    if rows is not None:
        return rows
    sample = from_bytes(store.artifacts.get(sources.reference_profile)).sample
    if sample is None:
        raise NotFoundError(
            f"the rows of the reference of snapshot {sources.label!r} are not kept any more"
        )
    return sample.rows


def _rows(store: Store, digest: str | None) -> pa.Table | None:
    """Return a bounded sample of a parquet copy, the same at every call; None if it is gone."""
    if digest is None or not store.artifacts.exists(digest):
        return None
    try:
        table = pq.read_table(pa.BufferReader(store.artifacts.get(digest)))
    except pa.ArrowException as err:
        raise ArtifactError(f"artifact {digest[:12]} is no parquet file: {err}") from err
    if table.num_rows <= MAX_ROWS:
        return table
    rng = np.random.default_rng(int(digest[:8], 16))
    kept = np.sort(rng.choice(table.num_rows, MAX_ROWS, replace=False))
    return table.take(pa.array(kept))
