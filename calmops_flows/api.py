"""What Python users call: apply and run pipelines, detect drift, open the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import pandas as pd
    import pyarrow as pa

    from calmops_flows.data.frame import Frame
    from calmops_flows.detectors.policy import DriftPolicy
    from calmops_flows.profiles import Profile
    from calmops_flows.records import DriftReport, Outcome
    from calmops_flows.spec import PipelineSpec
    from calmops_flows.steps.drain import Drained
    from calmops_flows.steps.runner import Progress, Runner
    from calmops_flows.store.store import Store
    from calmops_flows.store.switch import Switched


def apply(spec: PipelineSpec, store: Store, *, now: datetime | None = None) -> int:
    """Validate a spec and put it in the store.

    Returns
    -------
    int
        Its revision; the same spec again keeps its revision.

    Raises
    ------
    SpecError
        If the spec could not run.
    """
    from calmops_flows.steps.apply import apply as validate_and_store

    return validate_and_store(spec, store, now=now)


def resolve_pipeline(pipeline: PipelineSpec | str | Path, store: Store) -> str:
    """Return the name of an applied pipeline; a spec or the path of one is applied first."""
    from calmops_flows.steps.apply import resolve_pipeline as resolve

    return resolve(pipeline, store)


def run_pipeline(
    pipeline: PipelineSpec | str | Path,
    *,
    store: Store | None = None,
    now: Callable[[], datetime] | None = None,
) -> list[Outcome]:
    """Process every pending snapshot of a pipeline, once, in order.

    Under Prefect when an API is configured (``CALMOPS_PREFECT``), else in this
    process; the records in the store are the same.

    Parameters
    ----------
    pipeline : PipelineSpec, str or Path
        A spec, the path of its YAML, or the name of an applied one.
    store : Store, optional
        Default: the one that the environment names.
    now : callable, optional
        The clock, for replays; default: the real one.

    Returns
    -------
    list of Outcome
        One per snapshot processed now, oldest first; empty when nothing was
        pending or another worker holds the pipeline.

    Raises
    ------
    SpecError
        If the spec could not run.
    StoreError
        If the store cannot be reached.
    """
    return run(pipeline, store=store, now=now).outcomes


def run(
    pipeline: PipelineSpec | str | Path,
    *,
    store: Store | None = None,
    now: Callable[[], datetime] | None = None,
    runner: Runner | None = None,
    wait: bool = True,
    on_progress: Progress | None = None,
    prefect: bool | None = None,
) -> Drained:
    """Do as :func:`run_pipeline`, and also return what was quarantined or is waiting.

    Parameters
    ----------
    pipeline, store, now
        As for :func:`run_pipeline`.
    runner : Runner, optional
        Calls the steps in this process; given, Prefect is left out.
    wait : bool, default True
        Wait until files that are still being written have settled.
    on_progress : callable, optional
        Hears ``(done, total, outcome)`` after each snapshot.
    prefect : bool, optional
        Run under Prefect or not, whatever ``CALMOPS_PREFECT`` says. True without an
        API starts a server that ends with this process.

    Raises
    ------
    PrefectUnreachableError
        If Prefect was demanded and its API does not answer.
    """
    from calmops_flows.flows.detect import prefect_is_configured
    from calmops_flows.store.store import open_store

    opened = store or open_store()
    try:
        under_prefect = prefect_is_configured(opened.settings) if prefect is None else prefect
        if under_prefect and runner is None:
            from calmops_flows.flows.call import call_flow

            is_required = prefect is True or opened.settings.prefect == "on"
            return call_flow(
                pipeline,
                opened,
                now=now,
                wait=wait,
                on_progress=on_progress,
                is_required=is_required,
            )
        from calmops_flows.steps.drain import drain, utc_now
        from calmops_flows.steps.runner import PlainRunner

        name = resolve_pipeline(pipeline, opened)
        runner = runner or PlainRunner(on_progress)
        return drain(name, opened, now=now or utc_now, runner=runner, wait=wait)
    finally:
        if store is None:
            opened.close()


def promote(store: Store, name: str, version: int, *, now: datetime | None = None) -> Switched:
    """Let a version serve, by hand; its bytes are verified first.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    version : int
        A candidate or retired version.
    now : datetime, optional
        Time-zone aware; default: the real time.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or version.
    SpecError
        If that version serves already.
    ArtifactError
        If its bytes are gone or were changed.
    """
    from calmops_flows.steps.drain import utc_now
    from calmops_flows.steps.switch import promote as switch_to

    return switch_to(store, name, version, now=now or utc_now())


def roll_back(
    store: Store, name: str, *, to: int | None = None, now: datetime | None = None
) -> Switched:
    """Let the version that served before serve again, or an earlier one.

    Parameters
    ----------
    store : Store
        The store.
    name : str
        Name of the pipeline.
    to : int, optional
        The version; default: the one before the present champion.
    now : datetime, optional
        Time-zone aware; default: the real time.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or version, or no other version has served.
    SpecError
        If that version serves already.
    ArtifactError
        If its bytes are gone or were changed.
    """
    from calmops_flows.steps.drain import utc_now
    from calmops_flows.steps.switch import roll_back as switch_back

    return switch_back(store, name, to=to, now=now or utc_now())


def detect_drift(
    reference: pa.Table | pd.DataFrame | str | Path,
    current: pa.Table | pd.DataFrame | str | Path,
    policy: DriftPolicy | None = None,
) -> DriftReport:
    """Compare two batches, column by column and jointly.

    A column that cannot be compared (nested, of mixed types, without a value, in one
    batch only) is untestable with its reason, and spoils no other.

    Parameters
    ----------
    reference, current : Arrow table, DataFrame, or path of a data file
        Shape (n_rows, n_columns) each; columns are matched by name.
    policy : DriftPolicy, optional
        Default: alpha 0.05 over all columns and tests.

    Returns
    -------
    DriftReport
        The verdict, and every test behind it. Draw it with ``charts.drift``.

    Raises
    ------
    SpecError
        If a batch is of another type, or the two have no column in common.
    NotFoundError
        If there is no such file.
    SnapshotError
        If a file cannot be read, or two columns of a batch have one name.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa
    >>> rng = np.random.default_rng(0)
    >>> before = pa.table({"x": rng.normal(size=1000), "y": rng.normal(size=1000)})
    >>> after = pa.table({"x": rng.normal(size=1000), "y": rng.normal(1, size=1000)})
    >>> detect_drift(before, after).drifted
    ('y',)
    """
    from calmops_flows.detectors.decision import check
    from calmops_flows.detectors.policy import DriftPolicy
    from calmops_flows.errors import SpecError
    from calmops_flows.profiles import coarsen

    before, after = _summarise(reference, "reference"), _summarise(current, "current")
    if not before.columns.keys() & after.columns.keys():
        raise SpecError(
            "the two batches have no column in common: the reference has "
            f"{_some(tuple(before.columns))}, the current data have {_some(tuple(after.columns))}"
        )
    policy = policy or DriftPolicy()
    profiles = [before, after]
    if policy.coarsen is not None:
        profiles = [coarsen(one, policy.coarsen) for one in profiles]
    return check(profiles[0], profiles[1], policy)


def _summarise(batch: pa.Table | pd.DataFrame | str | Path, key: str) -> Profile:
    """Profile a batch part by part."""
    from calmops_flows.data.frame import read_frames
    from calmops_flows.profiles import merge

    whole: Profile | None = None
    for frame in read_frames(batch):
        part = _profile(frame, key, 0 if whole is None else whole.n_rows)
        whole = part if whole is None else merge(whole, part)
    if whole is None:
        raise ValueError("expected at least one part of the batch, found none")
    return whole


def _profile(frame: Frame, key: str, first_row: int) -> Profile:
    """Profile a batch; a column that Arrow cannot hold is only counted."""
    from calmops_flows.data.frame import MIXED
    from calmops_flows.profiles import CountedColumn, Profile, profile

    known = profile(frame.table, key=key, first_row=first_row)
    odd = {
        name: CountedColumn(name, "opaque", frame.n_rows, n_missing, MIXED)
        for name, n_missing in frame.odd.items()
    }
    return Profile(frame.n_rows, {**known.columns, **odd}, known.sample)


def _some(names: tuple[str, ...]) -> str:
    more = f" … and {len(names) - 10} more" if len(names) > 10 else ""
    return (", ".join(map(repr, names[:10])) or "none") + more
