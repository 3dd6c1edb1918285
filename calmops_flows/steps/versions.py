"""What of the tried models enters the registry and the decision record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.learning.serialise import manifest
from calmops_flows.records import Attempt
from calmops_flows.steps.golden import keep_golden
from calmops_flows.steps.models import named_parts, read_model
from calmops_flows.store.commit import NewVersion, next_version
from calmops_flows.store.encoding import canonical_json

if TYPE_CHECKING:
    from calmops_flows.data.contract import Contract
    from calmops_flows.steps.ingest import Ingested
    from calmops_flows.steps.learn import Learnt, Tried
    from calmops_flows.steps.rivals import Rival
    from calmops_flows.steps.run import SnapshotRun


def new_versions(
    run: SnapshotRun, learnt: Learnt, ingested: Ingested, *, task: str, profile: str
) -> tuple[NewVersion | None, ...]:
    """Describe the models to enter into the registry, having written their manifests.

    Parameters
    ----------
    run : SnapshotRun
        The snapshot they were fitted for.
    learnt : Learnt
        What was tried.
    ingested : Ingested
        The snapshot's rows, and the contract that they were fitted on.
    task : {"classification", "regression"}
        What they predict.
    profile : str
        Digest of the profile of what they learnt from.

    Returns
    -------
    tuple of NewVersion or None
        One entry per try; None where there is no judged model to keep.
    """
    number = next_version(run.store.database, run.spec.name)
    found: list[NewVersion | None] = []
    for place, tried in enumerate(learnt.tried):
        new = None
        if tried.rival is not None and tried.rival.is_judged and place == learnt.chosen:
            new = _judged_again(run, tried.rival, ingested, number)
            number += 1
        elif tried.challenger is not None and tried.judgement is not None and tried.failure is None:
            described = _manifest(run, tried, ingested.contract, task)
            new = _version(
                run,
                tried,
                ingested,
                number=number,
                is_champion=place == learnt.chosen,
                manifest=run.store.artifacts.put(canonical_json(described).encode()),
                profile=profile,
            )
            number += 1
        found.append(new)
    return tuple(found)


def restored(learnt: Learnt | None) -> int | None:
    """Return the retired version that serves again, None if none does."""
    if learnt is None or learnt.chosen is None:
        return None
    rival = learnt.tried[learnt.chosen].rival
    return None if rival is None or rival.is_judged else rival.version.version


def attempts(learnt: Learnt | None, versions: tuple[NewVersion | None, ...]) -> tuple[Attempt, ...]:
    """Record all that was tried; ``versions`` holds their numbers in the registry."""
    if learnt is None:
        return ()
    pairs = enumerate(zip(learnt.tried, versions, strict=True))
    return tuple(_attempt(tried, new, place == learnt.chosen) for place, (tried, new) in pairs)


def _manifest(run: SnapshotRun, tried: Tried, contract: Contract, task: str) -> dict[str, object]:
    if tried.challenger is None or tried.judgement is None:
        raise AssertionError("only a judged model has a manifest")
    described = manifest(
        tried.challenger.fitted,
        model=run.spec.model,
        contract=contract,
        task=task,
        snapshots=_taught_by(run, tried),
        metrics=tried.judgement.challenger.metrics,
        holdout=tried.judgement.holdout,
    )
    if tried.recipe is not None:
        described["recipe"] = tried.recipe.described(run.spec)
    if tried.importance is not None:
        described["importance"] = tried.importance
    made = {"judged": tried.challenger, "serving": tried.refitted}
    parts = {
        role: named
        for role, model in made.items()
        if model is not None and (named := named_parts(run.store.artifacts, model.artifact))
    }
    return {**described, "parts": parts} if parts else described


def _taught_by(run: SnapshotRun, tried: Tried) -> tuple[str, ...]:
    """Name the snapshots whose rows this fit or its refit read, the present one last."""
    earlier = {*(tried.challenger.fitted.earlier if tried.challenger else ())}
    earlier |= {*(tried.refitted.earlier if tried.refitted else ())}
    return (*sorted(earlier - {run.snapshot.digest}), run.snapshot.digest)


def _version(
    run: SnapshotRun,
    tried: Tried,
    ingested: Ingested,
    *,
    number: int,
    is_champion: bool,
    manifest: str,
    profile: str,
) -> NewVersion:
    challenger, judgement, refitted = tried.challenger, tried.judgement, tried.refitted
    if challenger is None or judgement is None:
        raise AssertionError("only a judged model becomes a version")
    golden = refitted.golden if refitted else challenger.golden
    if golden is None:
        model = challenger.fitted.estimator
        golden = keep_golden(run.store.artifacts, model, ingested.table, ingested.contract)
    return NewVersion(
        version=number,
        is_champion=is_champion,
        artifact=refitted.artifact if refitted else challenger.artifact,
        manifest=manifest,
        judged_artifact=challenger.artifact if refitted else None,
        mode=challenger.fitted.mode,
        profile_digest=profile,
        metrics=judgement.challenger.metrics,
        fit_seconds=_fit_seconds(tried),
        golden=golden,
    )


def _judged_again(run: SnapshotRun, rival: Rival, ingested: Ingested, number: int) -> NewVersion:
    """Return a version of the model that was judged, in place of the refit of it."""
    artifacts = run.store.artifacts
    model = read_model(artifacts, rival.artifact)
    return NewVersion(
        version=number,
        is_champion=True,
        artifact=rival.artifact,
        manifest=rival.version.manifest,
        judged_artifact=None,
        mode=rival.version.mode,
        profile_digest=rival.version.profile_digest,
        metrics=rival.version.metrics,
        fit_seconds=0.0,
        golden=keep_golden(artifacts, model, ingested.table, ingested.contract),
    )


def _fit_seconds(tried: Tried) -> float:
    first = tried.challenger.fitted.fit_seconds if tried.challenger else 0.0
    return first + (tried.refitted.fit_seconds if tried.refitted else 0.0)


def _attempt(tried: Tried, new: NewVersion | None, is_chosen: bool) -> Attempt:
    judgement, rival = tried.judgement, tried.rival
    if tried.failure is None and judgement is not None:
        reason = judgement.reason
    else:
        reason = f"{'not_comparable' if rival else 'retrain_failed'}: {tried.failure}"
    number = new.version if new else None
    if rival is not None and not rival.is_judged:
        number = rival.version.version
    return Attempt(
        mode=rival.mode if rival else tried.recipe.mode if tried.recipe else "",
        version=number,
        is_accepted=tried.is_accepted,
        is_chosen=is_chosen,
        reason=reason,
        rules=judgement.rules if judgement else (),
        comparison=judgement.comparison if judgement else None,
        fit_seconds=_fit_seconds(tried),
    )
