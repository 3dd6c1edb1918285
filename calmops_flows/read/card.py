"""Everything that the store knows about one version of a model, for its card."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select

from calmops_flows.errors import ArtifactError, NotFoundError, RemoteError, UntestableError
from calmops_flows.read.names import require_pipeline
from calmops_flows.read.overview import label
from calmops_flows.records import Comparison, Decision, DriftReport, Role, SnapshotState
from calmops_flows.store.audit import first_broken, unrecorded
from calmops_flows.store.encoding import stored_json
from calmops_flows.store.history import decision, drift_report, history
from calmops_flows.store.tables import audit, model_versions, outcomes, pipelines, snapshots

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from calmops_flows.evaluation.holdout import Holdout
    from calmops_flows.records import Outcome
    from calmops_flows.store.store import Store

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class ScoreView:
    """A score on the holdout; the bounds are None where no standard error is known."""

    metric: str
    value: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class SourceView:
    """A snapshot that a model learnt from; digests are sha256."""

    snapshot: str
    digest: str
    data_digest: str | None
    rows: int | None
    arrived_at: str


@dataclass(frozen=True, slots=True)
class CardView:
    """One version of a pipeline's model.

    ``served`` holds the outcomes of the snapshots that this version was scored on as
    champion. ``holdout_rows`` is None where the judging rows were not kept.
    """

    pipeline: str
    kind: str
    version: int
    status: str
    mode: str
    parent: int | None
    created_at: str
    fit_seconds: float
    artifact: str
    judged_artifact: str | None
    manifest: Mapping[str, Any]
    spec: Mapping[str, Any]
    spec_revision: int
    sources: tuple[SourceView, ...]
    scores: tuple[ScoreView, ...]
    holdout_rows: int | None
    decision: Decision | None
    drift: DriftReport | None
    served: tuple[Outcome, ...]
    audit_hash: str | None
    audit_holds: bool

    @property
    def comparison(self) -> Comparison | None:
        """The comparison that the decision about this version rests on."""
        return self.decision.comparison if self.decision else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return asdict(self)


def card(store: Store, name: str, version: int | None = None) -> CardView:
    """Return what is known about a version.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    version : int, optional
        Default: the champion.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or version, or no champion yet.
    ArtifactError
        If the version's manifest is gone or was changed.
    """
    with store.database.read() as connection:
        require_pipeline(connection, name)
        row = _version(connection, name, version)
        head = connection.execute(select(pipelines).where(pipelines.c.name == name)).one()
        manifest = json.loads(store.artifacts.get(row.manifest))
        sources = _sources(connection, name, _taught_by(store, connection, row, manifest))
        served = _served(connection, name, row.version)
        last = connection.execute(
            select(audit.c.hash)
            .where(audit.c.pipeline == name)
            .order_by(audit.c.position.desc())
            .limit(1)
        ).scalar()
        holds = first_broken(connection, name) is None and not unrecorded(connection, name)
    scores, n_rows = _scores(store, manifest, stored_json(row.metrics))
    return CardView(
        pipeline=name,
        kind=head.kind,
        version=row.version,
        status=row.status,
        mode=row.mode,
        parent=row.parent,
        created_at=row.created_at,
        fit_seconds=row.fit_seconds,
        artifact=row.artifact,
        judged_artifact=row.judged_artifact,
        manifest=manifest,
        spec=stored_json(head.spec),
        spec_revision=head.spec_revision,
        sources=sources,
        scores=scores,
        holdout_rows=n_rows,
        decision=decision(store.database, row.snapshot_id),
        drift=drift_report(store.database, row.snapshot_id),
        served=tuple(history(store.database, name, ids=served)) if served else (),
        audit_hash=last,
        audit_holds=holds,
    )


def _version(connection: Connection, name: str, version: int | None) -> Row[Any]:
    number: int | None = version
    if number is None:
        query = select(pipelines.c.champion).where(pipelines.c.name == name)
        number = connection.execute(query).scalar()
    if number is None:
        raise NotFoundError(f"pipeline {name!r} has no champion yet; `calmops show {name}`")
    row = connection.execute(
        select(model_versions).where(
            model_versions.c.pipeline == name, model_versions.c.version == number
        )
    ).first()
    if row is None:
        raise NotFoundError(f"pipeline {name!r} has no version {number}; `calmops show {name}`")
    return row


def _taught_by(
    store: Store, connection: Connection, row: Row[Any], manifest: Mapping[str, Any]
) -> set[str]:
    """Return the digests of all that taught a version, also of what it was built on."""
    found = set(manifest.get("snapshots", ()))
    while manifest.get("continues") and row.parent is not None:
        row = _version(connection, row.pipeline, row.parent)
        manifest = json.loads(store.artifacts.get(row.manifest))
        found.update(manifest.get("snapshots", ()))
    return found


def _sources(connection: Connection, name: str, digests: Collection[str]) -> tuple[SourceView, ...]:
    query = (
        select(snapshots)
        .where(
            snapshots.c.pipeline == name,
            snapshots.c.state != SnapshotState.DUPLICATE,
            snapshots.c.role != Role.CATCH_UP,  # the rows of another
        )
        .order_by(snapshots.c.sequence)
    )
    return tuple(
        SourceView(
            label(row.path, row.block), row.digest, row.data_digest, row.rows, row.discovered_at
        )
        for row in connection.execute(query)
        if row.digest in digests  # of which there may be more than SQLite takes parameters
    )


def _served(connection: Connection, name: str, version: int) -> list[int]:
    """Return the snapshots that this version was scored on: those after it became champion.

    An outcome names the champion that serves from then on, so the one that was scored on a
    snapshot is the champion of the outcome before.
    """
    query = (
        select(outcomes.c.snapshot_id, outcomes.c.champion)
        .join(snapshots, snapshots.c.id == outcomes.c.snapshot_id)
        .where(outcomes.c.pipeline == name)
        .order_by(outcomes.c.at, snapshots.c.sequence)
    )
    rows = connection.execute(query).all()
    return [after.snapshot_id for before, after in pairwise(rows) if before.champion == version]


def _scores(
    store: Store, manifest: Mapping[str, Any], metrics: Mapping[str, float | None]
) -> tuple[tuple[ScoreView, ...], int | None]:
    """Return the holdout's scores with their intervals, and its number of rows."""
    holdout = _holdout(store, manifest.get("holdout"))
    found = tuple(
        ScoreView(name, value, *((None, None) if holdout is None else _interval(holdout, name)))
        for name, value in metrics.items()
    )
    return found, None if holdout is None else len(holdout.truth)


def _holdout(store: Store, digest: str | None) -> Holdout | None:
    """Read a holdout; None when there was none, or its file is gone or changed (see fsck)."""
    from calmops_flows.evaluation.holdout_file import from_bytes

    if digest is None:
        return None
    try:
        return from_bytes(store.artifacts.get(digest)).holdout
    except RemoteError:
        raise
    except ArtifactError:
        return None


def _interval(holdout: Holdout, name: str) -> tuple[float | None, float | None]:
    """Return the interval of a score; nothing where the metric cannot be judged."""
    from calmops_flows.evaluation.holdout import holdout_score

    try:
        score = holdout_score(holdout, name)
    except UntestableError:
        return None, None
    reach = _quantile(score.freedom) * score.error
    return _within_scale(name, score.raw - reach, score.raw + reach)


def _within_scale(name: str, lower: float, upper: float) -> tuple[float, float]:
    """Cut an interval at the ends of a metric's scale."""
    from calmops_flows.evaluation.metrics import find_metric

    if not find_metric(name).bounded:
        return lower, upper
    least = -1.0 if name == "mcc" else 0.0
    return max(lower, least), min(upper, 1.0)


def _quantile(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1.0 + CONFIDENCE) / 2.0))
