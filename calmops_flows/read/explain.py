"""Find one snapshot and gather all that is known about its decision."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, Select, select

from calmops_flows.errors import NotFoundError
from calmops_flows.read.attribution import attribute
from calmops_flows.read.labels import labels_of, predictions_of
from calmops_flows.read.names import near, require_pipeline
from calmops_flows.read.overview import label
from calmops_flows.read.views import EstimateView, Explanation
from calmops_flows.records import DecisionKind
from calmops_flows.store.catch_up import made_good_by
from calmops_flows.store.history import decision, drift_report, history, learning_details
from calmops_flows.store.reports import linked_reports
from calmops_flows.store.tables import ESTIMATED, REALISED, metrics, outcomes, pipelines, snapshots

if TYPE_CHECKING:
    from calmops_flows.store.store import Store

_DIGEST_PREFIX = re.compile(r"^[0-9a-f]{4,64}$")
_LOOKED_AT = 2000  # names that are compared when the wanted one is not there


def explain(store: Store, name: str, snapshot: str | None = None) -> Explanation:
    """Gather what is known about one snapshot.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    snapshot : str, optional
        Its path (with ``#block`` for a slice), or at least four digits of its
        digest; default: the one that was decided last.

    Returns
    -------
    Explanation
        Outcome, decision record and drift report with its attribution; all but the
        first are None for a snapshot that was not decided.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or snapshot, or the digest fits several; the
        message lists names that are near.
    """
    with store.database.read() as connection:
        require_pipeline(connection, name)
        row = find_snapshot(connection, name, snapshot)
        duplicate_of = _label_of(connection, row.duplicate_of)
        superseded_by = _label_of(connection, row.superseded_by)
        followed = connection.execute(made_good_by(name, row)).first()
        notes = _notes(connection, row.id)
        labels = labels_of(connection, row.id)
        said = predictions_of(connection, name, row)
        estimated = _estimated(connection, row.id)
        serving = connection.execute(
            select(pipelines.c.champion).where(pipelines.c.name == name)
        ).scalar()
    (outcome,) = history(store.database, name, ids=[row.id])
    is_deferred = outcome.decision == DecisionKind.DEFERRED
    report = drift_report(store.database, row.id)
    return Explanation(
        pipeline=name,
        outcome=outcome,
        decision=decision(store.database, row.id),
        drift=report,
        duplicate_of=duplicate_of,
        superseded_by=superseded_by,
        made_good_by=label(*followed) if followed is not None and is_deferred else None,
        notes=notes,
        attribution=None if report is None else attribute(store, name, row.id, report),
        reports=linked_reports(store.database, row.id),
        labels=labels,
        predictions=said,
        details=learning_details(store.database, row.id),
        estimated=estimated,
        serving=serving,
    )


def find_snapshot(connection: Connection, name: str, wanted: str | None) -> Row[Any]:
    """Return the row of a snapshot by path or digest, or of the one decided last.

    Raises
    ------
    NotFoundError
        If there is none, or the digest fits several.
    """
    return _latest(connection, name) if wanted is None else _named(connection, name, wanted)


def _latest(connection: Connection, name: str) -> Row[Any]:
    """Return the snapshot that was decided last, else the newest of the ledger."""
    decided = (
        select(snapshots)
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .where(outcomes.c.pipeline == name)
        .order_by(outcomes.c.at.desc(), outcomes.c.snapshot_id.desc())
    )
    row = _first(connection, decided) or _first(connection, _newest_first(name))
    if row is None:
        raise NotFoundError(
            f"pipeline {name!r} has seen no snapshot yet; put files into its source folder, then "
            f"`calmops run {name}`"
        )
    return row


def _named(connection: Connection, name: str, wanted: str) -> Row[Any]:
    row = _by_path(connection, name, wanted) or _by_digest(connection, name, wanted)
    if row is not None:
        return row
    names = select(snapshots.c.path, snapshots.c.block).where(snapshots.c.pipeline == name)
    newest = names.order_by(snapshots.c.sequence.desc()).limit(_LOOKED_AT)
    labels = [label(path, block) for path, block in connection.execute(newest)]
    hint = near(wanted, dict.fromkeys(labels), f"calmops history {name}")
    raise NotFoundError(f"pipeline {name!r} has no snapshot {wanted!r}; {hint}")


def _by_path(connection: Connection, name: str, wanted: str) -> Row[Any] | None:
    """Return the newest content that arrived under this path."""
    path, _, block = wanted.rpartition("#")
    whole = (snapshots.c.path == wanted) & snapshots.c.block.is_(None)
    slice_ = (snapshots.c.path == path) & (snapshots.c.block == block)
    return _first(connection, _newest_first(name).where(whole | slice_))


def _by_digest(connection: Connection, name: str, wanted: str) -> Row[Any] | None:
    prefix = wanted.lower()
    if not _DIGEST_PREFIX.match(prefix):
        return None
    # A range instead of LIKE, so that the index on (pipeline, digest) is used.
    first, last = prefix.ljust(64, "0"), prefix.ljust(64, "f")
    query = _newest_first(name).where(snapshots.c.digest.between(first, last))
    rows = connection.execute(query).all()
    digests = sorted({row.digest for row in rows})
    if len(digests) > 1:
        shown = ", ".join(digest[:16] for digest in digests[:10])
        raise NotFoundError(f"digest {wanted!r} fits {len(digests)} snapshots ({shown}); give more")
    return next((row for row in rows if row.duplicate_of is None), rows[0] if rows else None)


def _newest_first(name: str) -> Select[Any]:
    query = select(snapshots).where(snapshots.c.pipeline == name)
    return query.order_by(snapshots.c.sequence.desc())


def _first(connection: Connection, query: Select[Any]) -> Row[Any] | None:
    return connection.execute(query.limit(1)).first()


def _label_of(connection: Connection, snapshot_id: int | None) -> str | None:
    if snapshot_id is None:
        return None
    query = select(snapshots.c.path, snapshots.c.block).where(snapshots.c.id == snapshot_id)
    return label(*connection.execute(query).one())


def _notes(connection: Connection, snapshot_id: int) -> dict[str, str]:
    query = (
        select(metrics.c.role, metrics.c.metric, metrics.c.note)
        .where(
            metrics.c.snapshot_id == snapshot_id,
            metrics.c.note.is_not(None),
            metrics.c.scope.not_in((ESTIMATED, REALISED)),
        )
        .order_by(metrics.c.role, metrics.c.metric)
    )
    return {f"{row.role}.{row.metric}": row.note for row in connection.execute(query)}


def _estimated(connection: Connection, snapshot_id: int) -> tuple[EstimateView, ...]:
    query = (
        select(metrics)
        .where(metrics.c.snapshot_id == snapshot_id, metrics.c.scope == ESTIMATED)
        .order_by(metrics.c.metric)
    )
    return tuple(
        EstimateView(row.metric, row.value, row.lower, row.upper, row.note or "")
        for row in connection.execute(query)
    )
