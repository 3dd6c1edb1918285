"""Replay a pipeline under several policies in parallel processes, and compare them."""

from __future__ import annotations

import multiprocessing
import os
import queue
import tempfile
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.backtest.front import pareto_front
from calmops_flows.backtest.material import Material, copies_of_files, retained_copies
from calmops_flows.backtest.policies import STATIC, Policy, policies, usual_policies
from calmops_flows.backtest.replay import Job, Replayed, listen, replay
from calmops_flows.backtest.score import Said, no_change, pooled_scores, read_said
from calmops_flows.errors import NotFoundError, SpecError
from calmops_flows.evaluation.metrics import Metric, default_metric, find_metric
from calmops_flows.read.backtests import Backtest, PolicyResult
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from calmops_flows.spec import PipelineSpec

    Advance = Callable[[str, int, int], None]
    Key = tuple[str, str | None]

_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Options:
    """How a backtest is made.

    Parameters
    ----------
    policies : tuple of str
        See `calmops_flows.backtest.policies.policy`; empty: the usual ones.
    metric : str, optional
        Default: that of the promotion rule, else balanced accuracy or RMSE.
    jobs : int, optional
        Processes at a time; default: one per processor.
    retained : bool, default False
        Replay the copies that the store keeps instead of the files in the source.
    interval : timedelta
        How far the clock of a replay moves with each snapshot; the breaker looks at it.
    """

    policies: tuple[str, ...] = ()
    metric: str | None = None
    jobs: int | None = None
    retained: bool = False
    interval: timedelta = field(default=timedelta(days=1))


def backtest(
    store: Store, name: str, options: Options | None = None, *, on_progress: Advance | None = None
) -> Backtest:
    """Replay the past of a pipeline under several policies; the pipeline itself stays as it is.

    Each policy has a process and a temporary store of its own, and goes through the same drain
    as the live pipeline. Labels are known on arrival: files of labels are joined at once.

    Parameters
    ----------
    store : Store
        The live store; it is only read.
    name : str
        Name of the pipeline.
    options : Options, optional
        What is tried, and how.
    on_progress : callable, optional
        Hears ``(policy, done, total)`` snapshots.

    Returns
    -------
    Backtest
        Score, fits and CPU seconds of each policy, with the baselines.

    Raises
    ------
    NotFoundError
        If there is no such pipeline, or nothing to replay or to score.
    SpecError
        If a policy or the metric is unknown, or the pipeline has no target.
    """
    options = options or Options()
    spec = load_state(store.database, name).spec
    if spec.target is None:
        raise SpecError(f"pipeline {name!r} names no target, so that no policy can be scored")
    if options.metric is not None:
        find_metric(options.metric, None if spec.task == "auto" else spec.task)
    chosen, left_out = _policies(store, spec, options)
    with tempfile.TemporaryDirectory(prefix="calmops-backtest-") as temporary:
        folder = Path(temporary) / "files"
        folder.mkdir()
        material = (retained_copies if options.retained else copies_of_files)(store, spec, folder)
        jobs = [_job(store, p, material, Path(temporary), options) for p in chosen]
        replayed = _replay_all(jobs, options.jobs, on_progress)
        notes = (*material.notes, *(f"{p} is left out: {why}" for p, why in left_out.items()))
        return _compare(spec, jobs, replayed, options.metric, notes)


def _policies(
    store: Store, spec: PipelineSpec, options: Options
) -> tuple[tuple[Policy, ...], dict[str, str]]:
    if options.policies:
        return policies(options.policies, spec, store.settings), {}
    return usual_policies(spec, store.settings)


def _job(store: Store, policy: Policy, material: Material, folder: Path, options: Options) -> Job:
    number = len(list(folder.iterdir()))
    home = folder / f"store-{number}"
    home.mkdir()
    # What a replay predicts is of no use to anybody else.
    spec = policy.spec.model_copy(update={"source": material.source, "predictions": None})
    return Job(policy.name, spec, home, options.interval, store.settings.trusted_modules)


def _replay_all(
    jobs: Sequence[Job], n_processes: int | None, on_progress: Advance | None
) -> dict[str, Replayed]:
    context = multiprocessing.get_context("spawn")
    n_workers = max(1, min(len(jobs), n_processes or os.cpu_count() or 1))
    told: Any = context.Queue()
    with ProcessPoolExecutor(n_workers, context, initializer=listen, initargs=(told,)) as pool:
        open_: set[Future[Replayed]] = {pool.submit(replay, job) for job in jobs}
        found: dict[str, Replayed] = {}
        try:
            while open_:
                done, open_ = wait(open_, _POLL_SECONDS, return_when=FIRST_COMPLETED)
                _pass_on(told, on_progress)
                found.update((result.policy, result) for f in done for result in (f.result(),))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    _pass_on(told, on_progress)
    return found


def _pass_on(told: Any, on_progress: Advance | None) -> None:
    while True:
        try:
            policy, done, total = told.get_nowait()
        except queue.Empty:
            return
        if on_progress is not None:
            on_progress(policy, done, total)


def _compare(
    spec: PipelineSpec,
    jobs: Sequence[Job],
    replayed: Mapping[str, Replayed],
    metric: str | None,
    notes: tuple[str, ...],
) -> Backtest:
    said = {job.policy: _said(job) for job in jobs if replayed[job.policy].failure is None}
    usable = {policy: found for policy, found in said.items() if found is not None}
    if not usable:
        why = next((r.failure for r in replayed.values() if r.failure), "no model was trained")
        raise NotFoundError(f"no policy could be scored: {why}")
    first = next(iter(usable.values()))
    keys = _common(usable)
    if not keys:
        raise NotFoundError("no labelled snapshot came after the first model; nothing to score")
    chosen = find_metric(
        metric or spec.evaluation.promotion.metric or default_metric(first.task), first.task
    )
    scores = {policy: pooled_scores(found, keys) for policy, found in usable.items()}
    results = [_result(replayed[job.policy], scores.get(job.policy, {}), chosen) for job in jobs]
    return Backtest(
        pipeline=spec.name,
        metric=chosen.name,
        is_loss=chosen.is_loss,
        rows=sum(len(first.parts[key].y) for key in keys),
        snapshots=len(keys),
        no_change=no_change(first, keys, chosen.name),
        static=scores.get(STATIC, {}).get(chosen.name),
        results=_with_front(results, chosen),
        notes=notes,
    )


def _said(job: Job) -> Said | None:
    with open_store(job.settings, create=False) as store:
        return read_said(store, job.spec.name, job.spec.target or "")


def _common(said: Mapping[str, Said]) -> list[Key]:
    """Return the snapshots that every policy scored, in order."""
    shared = set.intersection(*(found.scored for found in said.values()))
    return [key for key in next(iter(said.values())).parts if key in shared]


def _result(found: Replayed, scores: Mapping[str, float | None], metric: Metric) -> PolicyResult:
    return PolicyResult(
        policy=found.policy,
        score=scores.get(metric.name),
        metrics=dict(scores),
        fits=found.fits,
        refits=found.refits,
        promotions=found.promotions,
        fit_seconds=round(found.fit_seconds, 3),
        cpu_seconds=round(found.cpu_seconds, 3),
        quarantined=found.quarantined,
        deferred=found.deferred,
        failure=found.failure,
    )


def _with_front(results: Sequence[PolicyResult], metric: Metric) -> tuple[PolicyResult, ...]:
    """Mark the Pareto front, best score first."""
    sign = 1.0 if metric.is_loss else -1.0
    costs = np.array(
        [
            (np.nan if r.score is None else sign * r.score, float(r.fits), r.cpu_seconds)
            for r in results
        ]
    )
    marked = [
        replace(result, on_front=bool(on_front))
        for result, on_front in zip(results, pareto_front(costs), strict=True)
    ]
    order = np.argsort(costs[:, 0], kind="stable")  # NaN comes last
    return tuple(marked[i] for i in order)
