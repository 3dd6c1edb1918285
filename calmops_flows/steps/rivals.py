"""Earlier versions that may serve again: the judged one behind a refit, and retired champions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import exists, select

from calmops_flows.records import VersionStatus
from calmops_flows.store import registry
from calmops_flows.store.tables import metrics, snapshots

if TYPE_CHECKING:
    from calmops_flows.records import ModelVersion
    from calmops_flows.steps.decide import Plan
    from calmops_flows.steps.evaluate import Champion, Labels
    from calmops_flows.steps.run import SnapshotRun

MAX_RETIRED = 3  # the newest; each one more costs the others some of the error budget
MIN_ROWS = 20


@dataclass(frozen=True, slots=True)
class Rival:
    """An earlier model that may take over from the champion.

    ``is_judged`` marks the version that was judged before the champion was refitted; it has no
    number of its own yet. ``version`` is the champion then, else the retired one.
    """

    version: ModelVersion
    artifact: str
    is_judged: bool

    @property
    def mode(self) -> str:
        """What the decision record calls it."""
        kind = "judged version" if self.is_judged else "retired version"
        return f"{kind} {self.version.version}"


def find_rivals(
    run: SnapshotRun, plan: Plan, champion: Champion | None, labels: Labels
) -> tuple[Rival, ...]:
    """Name the earlier models to compare with the champion on a snapshot.

    Parameters
    ----------
    run : SnapshotRun
        The snapshot.
    plan : Plan
        Says whether anything is wrong: only then retired champions are looked at.
    champion : Champion or None
        The serving model.
    labels : Labels
        Fewer than 20 labelled rows compare nothing.

    Returns
    -------
    tuple of Rival
        The judged version first, on the first labelled snapshot of a refitted champion; then
        retired ones whose artifact is still there, the newest first, at most three.
    """
    breaker = run.state.breaker
    is_unreadable = breaker.state == "open" and breaker.open_until is None
    if (
        champion is None
        or is_unreadable
        or run.spec.prediction_only
        or not run.kind.trainer.goes_back
        or len(labels.rows) < MIN_ROWS
    ):
        return ()
    found: list[Rival] = []
    judged = champion.version.judged_artifact
    if judged is not None and _is_first_labelled(run, champion.version):
        found.append(Rival(champion.version, judged, is_judged=True))
    if plan.is_wrong:
        versions = registry.versions(run.store.database, run.spec.name)
        retired = [v for v in versions if v.status == VersionStatus.RETIRED][-MAX_RETIRED:]
        found += [Rival(v, v.artifact, is_judged=False) for v in reversed(retired)]
    return tuple(rival for rival in found if run.store.artifacts.exists(rival.artifact))


def _is_first_labelled(run: SnapshotRun, version: ModelVersion) -> bool:
    """Tell whether no snapshot after a version's own was scored with labels."""
    born = (
        select(snapshots.c.sequence).where(snapshots.c.id == version.snapshot_id).scalar_subquery()
    )
    scored = (
        select(metrics.c.snapshot_id)
        .join(snapshots, snapshots.c.id == metrics.c.snapshot_id)
        .where(
            snapshots.c.pipeline == run.spec.name,
            snapshots.c.sequence > born,
            metrics.c.role == "champion",
            metrics.c.scope == "snapshot",
        )
    )
    with run.store.database.read() as connection:
        return not connection.execute(select(exists(scored))).scalar()
