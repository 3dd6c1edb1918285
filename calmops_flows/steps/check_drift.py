"""Profile a snapshot and compare it with its reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from calmops_flows.detectors.decision import DriftPolicy, check
from calmops_flows.detectors.policy import coarsening
from calmops_flows.errors import ProfileError
from calmops_flows.profiles import Profile, coarsen, from_bytes, merge, merge_all, profile, to_bytes
from calmops_flows.records import DriftReport, ModelVersion, Role, SnapshotState
from calmops_flows.steps.cluster import cluster
from calmops_flows.steps.keys import without_key
from calmops_flows.steps.run import SnapshotRun
from calmops_flows.store.tables import snapshots

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Profiled:
    """A snapshot's profile and its digest in the artifact store."""

    profile: Profile
    digest: str


def profile_snapshot(run: SnapshotRun, table: pa.Table) -> Profiled:
    """Summarise a snapshot in one pass and keep the summary."""
    if run.block_column is not None:
        table = table.drop_columns([run.block_column])
    kept = without_key(table, run.spec)
    with cluster(run.store.settings, n_cells=kept.num_rows * kept.num_columns) as spread:
        summary = profile(kept, key=run.snapshot.digest, spread=spread)
    coarse = coarsening(run.spec.drift)
    if coarse is not None:
        summary = coarsen(summary, coarse)
    return Profiled(summary, run.store.artifacts.put(to_bytes(summary)))


def check_drift(
    run: SnapshotRun, current: Profiled, digest: str | None
) -> tuple[DriftReport, str] | None:
    """Compare a snapshot with the reference of a digest.

    Returns
    -------
    tuple of (DriftReport, str) or None
        The report and the reference's digest; None when there is no reference yet.
    """
    if digest is None:
        return None
    reference = from_bytes(run.store.artifacts.get(digest))
    policy = DriftPolicy.from_spec(run.spec.drift)
    cells = current.profile.n_rows * len(current.profile.columns)
    with cluster(run.store.settings, n_cells=cells) as spread:
        return check(reference, current.profile, policy, spread=spread), digest


def reference_digest(run: SnapshotRun, champion: ModelVersion | None) -> str | None:
    """Return the digest of the profile that ``drift.reference`` names."""
    reference = run.spec.drift.reference
    if reference == "champion":
        return champion.profile_digest if champion else None
    n_newest = int(reference.removeprefix("window:")) if reference.startswith("window:") else 1
    digests = _processed_profiles(run, n_newest, newest=reference != "first")
    if len(digests) < 2:
        return digests[0] if digests else None
    profiles = [from_bytes(run.store.artifacts.get(digest)) for digest in digests]
    return _kept(run, merge_all(profiles))


def learnt_profile(run: SnapshotRun, current: Profiled, n_rows: float) -> str:
    """Return the digest of the profile of the last rows, whole snapshots, this one included.

    After an abrupt change a model of the last rows has still learnt mostly old ones. Against this
    reference the drift stands until they have left, and the policy keeps asking.
    """
    whole = current.profile
    newest = _processed_profiles(run, None, newest=True)
    for digest in newest:
        if run.snapshot.role is Role.CATCH_UP and digest == current.digest:
            continue  # its rows are counted already
        if whole.n_rows >= n_rows or not run.store.artifacts.exists(digest):
            break
        try:
            whole = merge(whole, from_bytes(run.store.artifacts.get(digest)))
        except ProfileError:  # a column has changed its kind: the newer ones are the better guide
            break
    return current.digest if whole is current.profile else _kept(run, whole)


def _kept(run: SnapshotRun, whole: Profile) -> str:
    return run.store.artifacts.put(to_bytes(whole))


def _processed_profiles(run: SnapshotRun, limit: int | None, *, newest: bool) -> list[str]:
    """Return the profiles of the newest (or oldest) processed snapshots that still hold.

    The rows of a label file were seen when they arrived: those are no past of theirs.
    """
    besides = run.labels_of
    order = snapshots.c.sequence
    query = (
        select(snapshots.c.id, snapshots.c.profile_digest)
        .where(
            snapshots.c.pipeline == run.spec.name,
            snapshots.c.state == SnapshotState.PROCESSED,
            snapshots.c.superseded_by.is_(None),
            snapshots.c.role == Role.DATA,
            snapshots.c.profile_digest.is_not(None),
        )
        .order_by(order.desc() if newest else order)
        .limit(None if limit is None else limit + len(besides))
    )
    with run.store.database.read() as connection:
        rows = connection.execute(query).all()
    return [row.profile_digest for row in rows if row.id not in besides][:limit]
