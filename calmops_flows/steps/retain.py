"""Forget what the spec no longer wants kept, and nothing that somebody still needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from calmops_flows.records import VersionStatus
from calmops_flows.steps.delete import remove_unnamed
from calmops_flows.store.catch_up import owed_query
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.retention import Item, forget, items
from calmops_flows.store.tables import label_joins, model_versions, outcomes, snapshots

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from calmops_flows.spec import PipelineSpec, RetentionLimit
    from calmops_flows.store.store import Store

KINDS = ("snapshots", "predictions", "candidates", "profiles")


@dataclass(frozen=True, slots=True)
class Retained:
    """What one round of retention did, or would do."""

    forgotten: tuple[Item, ...]
    protected: Mapping[str, str]
    removed: int
    freed_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)


def retain(
    store: Store, name: str, *, token: str | None = None, dry_run: bool = False, now: datetime
) -> Retained:
    """Apply a pipeline's retention.

    What is over a limit is first forgotten by the rows that name it, in one transaction with
    an audit entry. Its bytes are removed when nothing else names them and they are older
    than a day; younger ones go with a later round, for a run elsewhere may be about to name
    the same bytes.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    token : str, optional
        Lease token of the run that asks; None when a person does.
    dry_run : bool, default False
        Say what would go, and change nothing.
    now : datetime
        Time-zone aware time.

    Returns
    -------
    Retained
        With the reason for what is over a limit and stays.

    Raises
    ------
    NotFoundError
        If there is no such pipeline.
    """
    spec = load_state(store.database, name).spec
    limits = spec.retention
    if limits is None:
        return Retained((), {}, 0, 0)
    chosen: list[Item] = []
    protected: dict[str, str] = {}
    with store.database.read() as connection:
        for kind in KINDS:
            limit: RetentionLimit | None = getattr(limits, kind)
            if limit is None:
                continue
            known = items(connection, name, kind)
            needed = _NEEDED[kind](connection, spec)
            for item in over_limit(known, limit, _sizes(store, known), now=now):
                if item.key in needed:
                    protected[f"{kind}: {item.label}"] = needed[item.key]
                else:
                    chosen.append(item)
    if not chosen or dry_run:
        return Retained(tuple(chosen), protected, 0, 0)
    forget(store.database, name, token, chosen, now=now)
    mine = {digest for item in chosen for digest in item.digests}
    gone = remove_unnamed(store, mine, now=now)
    return Retained(tuple(chosen), protected, gone.artifacts, gone.freed_bytes)


def over_limit(
    known: Sequence[Item],
    limit: RetentionLimit,
    sizes: Mapping[str, int],
    *,
    now: datetime,
) -> list[Item]:
    """Return the items beyond any of the limits.

    Parameters
    ----------
    known : sequence of Item
        Newest first.
    limit : RetentionLimit
        Number, age in days, bytes together; each may be left open.
    sizes : mapping of str to int
        Bytes by digest.
    now : datetime
        What ages are counted from.
    """
    oldest = None if limit.days is None else now - timedelta(days=limit.days)
    total, found = 0, []
    for position, item in enumerate(known):
        total += sum(sizes.get(digest, 0) for digest in item.digests)
        is_over = (
            (limit.count is not None and position >= limit.count)
            or (limit.bytes is not None and total > limit.bytes)
            or (oldest is not None and datetime.fromisoformat(item.at) < oldest)
        )
        if is_over:
            found.append(item)
    return found


def _sizes(store: Store, known: Sequence[Item]) -> dict[str, int]:
    digests = {digest for item in known for digest in item.digests}
    return {digest: store.artifacts.size(digest) or 0 for digest in digests}


def _needed_rows(connection: Connection, spec: PipelineSpec) -> dict[int, str]:
    """Return the snapshots whose rows are still wanted, with the reason."""
    needed = _awaiting_labels(connection, spec)
    owed = connection.execute(owed_query(spec.name)).all()
    needed.update(dict.fromkeys((row.id for row in owed), "retraining on it was put off"))
    needed.update(_newest_by_block(connection, spec.name))
    rows, size = 0, spec.retrain.window_rows()
    query = (
        select(snapshots.c.id, snapshots.c.rows)
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .where(snapshots.c.pipeline == spec.name, snapshots.c.data_digest.is_not(None))
        .order_by(snapshots.c.sequence.desc())
    )
    for row in connection.execute(query):
        if rows >= size:
            break
        needed[row.id] = f"the window of {size} rows reaches it"
        rows += row.rows or 0
    return needed


def _needed_predictions(connection: Connection, spec: PipelineSpec) -> dict[int, str]:
    return _awaiting_labels(connection, spec)


def _needed_profiles(connection: Connection, spec: PipelineSpec) -> dict[int, str]:
    """Return the snapshots whose profile is, or may become, a reference."""
    needed = _newest_by_block(connection, spec.name)
    reference = spec.drift.reference
    n = int(reference.removeprefix("window:")) if reference.startswith("window:") else 1
    processed = (
        select(snapshots.c.id)
        .join(outcomes, outcomes.c.snapshot_id == snapshots.c.id)
        .where(snapshots.c.pipeline == spec.name)
    )
    newest = processed.order_by(snapshots.c.sequence.desc()).limit(n)
    first = processed.order_by(snapshots.c.sequence).limit(1)
    needed.update(dict.fromkeys(connection.execute(newest).scalars(), "it may be the reference"))
    needed.update(dict.fromkeys(connection.execute(first).scalars(), "it is the first snapshot"))
    of_versions = (
        select(snapshots.c.id)
        .join(model_versions, model_versions.c.profile_digest == snapshots.c.profile_digest)
        .where(
            snapshots.c.pipeline == spec.name,
            model_versions.c.pipeline == spec.name,
            model_versions.c.status.in_([VersionStatus.CHAMPION, VersionStatus.RETIRED]),
        )
    )
    why = "a version that served learnt from it"
    needed.update(dict.fromkeys(connection.execute(of_versions).scalars(), why))
    return needed


def _no_candidate(_connection: Connection, _spec: PipelineSpec) -> dict[int, str]:
    return {}  # champions and retired versions are no candidates


def _awaiting_labels(connection: Connection, spec: PipelineSpec) -> dict[int, str]:
    if spec.labels is None:
        return {}
    joined = (
        select(label_joins.c.snapshot_id, func.max(label_joins.c.labelled).label("labelled"))
        .group_by(label_joins.c.snapshot_id)
        .subquery()
    )
    query = (
        select(outcomes.c.snapshot_id)
        .outerjoin(joined, joined.c.snapshot_id == outcomes.c.snapshot_id)
        .where(
            outcomes.c.pipeline == spec.name,
            func.coalesce(joined.c.labelled, 0) < outcomes.c.rows,
        )
    )
    return dict.fromkeys(connection.execute(query).scalars(), "not all of its labels have come")


def _newest_by_block(connection: Connection, name: str) -> dict[int, str]:
    newest = (
        select(func.max(snapshots.c.sequence))
        .where(snapshots.c.pipeline == name, snapshots.c.block.is_not(None))
        .group_by(snapshots.c.block)
    )
    query = select(snapshots.c.id).where(
        snapshots.c.pipeline == name, snapshots.c.sequence.in_(newest)
    )
    return dict.fromkeys(connection.execute(query).scalars(), "it is its block's newest content")


_NEEDED = {
    "snapshots": _needed_rows,
    "predictions": _needed_predictions,
    "candidates": _no_candidate,
    "profiles": _needed_profiles,
}
