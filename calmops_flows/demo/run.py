"""Let the months arrive one after another and run the pipeline after each."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from calmops_flows.api import apply, run
from calmops_flows.demo import show
from calmops_flows.demo.flights import Month, data_folder, read_months
from calmops_flows.demo.scenes import SCENES
from calmops_flows.errors import NameConflictError, NotFoundError, SpecError, StoreError
from calmops_flows.settings import load_settings
from calmops_flows.spec import PipelineSpec, read_spec
from calmops_flows.store.store import Store, open_store

if TYPE_CHECKING:
    from calmops_flows.demo.scenes import Scene
    from calmops_flows.demo.show import Seen

DEFAULT_HOME = "calmops-demo"
Echo = Callable[[str], None]


def run_demo(
    *,
    pipeline: str = "stream",
    home: Path | None = None,
    months: int = 12,
    keep: bool = False,
    echo: Echo = print,
) -> None:
    """Watch the first months of a year of real flights, and say what was decided and why.

    Parameters
    ----------
    pipeline : str, default "stream"
        Kind of the pipeline that watches: a key of `SCENES`.
    home : Path, optional
        Folder of store and files; default: ``CALMOPS_HOME``, else ``calmops-demo``
        in the current folder.
    months : int, default 12
        Number of months, 1 to 12.
    keep : bool, default False
        Go on where an earlier demo stopped; otherwise its pipeline is deleted first.
    echo : callable, default print
        Receives the text, at most 100 columns wide.

    Raises
    ------
    MissingExtraError
        If the data are not installed.
    SpecError
        If ``months`` is out of range, or there is no demo of the kind.
    NameConflictError
        If the store has another pipeline of the demo's name.
    """
    if not 1 <= months <= 12:
        raise SpecError(f"months must be 1 to 12, got {months!r}")
    if pipeline not in SCENES:
        raise SpecError(f"pipeline must be one of {sorted(SCENES)}, got {pipeline!r}")
    scene = SCENES[pipeline]
    folder = home or Path(os.environ.get("CALMOPS_HOME") or DEFAULT_HOME)
    year = read_months(data_folder(), months, target=scene.target)
    settings = load_settings().model_copy(update={"home": folder.expanduser().absolute()})
    with open_store(settings) as store:
        spec = _prepare(store, scene.file, keep=keep, echo=echo)
        echo(show.introduction(year, scene.facts, folder))
        seen = [found for month in year for found in _arrive(store, spec, scene, month, echo)]
        if seen:
            echo(scene.table(seen))
        snapshot = seen[-1].outcome.snapshot if seen else year[-1].file_name
        echo(show.next_commands(folder, spec.name, snapshot))


def _prepare(store: Store, name: str, *, keep: bool, echo: Echo) -> PipelineSpec:
    """Write the spec beside the folder of arrivals, and apply it."""
    file = store.settings.home / name
    text = files("calmops_flows.demo").joinpath(name).read_text(encoding="utf-8")
    file.parent.mkdir(parents=True, exist_ok=True)
    if not (keep and file.exists()):
        file.write_text(text, encoding="utf-8")
    spec = read_spec(file)
    Path(spec.source.path).mkdir(parents=True, exist_ok=True)
    if _is_there(store, spec) and not keep:
        _start_afresh(store, spec)
        echo("An earlier demo was here: its pipeline is deleted, and we start afresh.\n")
    apply(spec, store)
    return spec


def _is_there(store: Store, spec: PipelineSpec) -> bool:
    """Tell whether the demo ran here before; a stranger of that name is left alone."""
    from calmops_flows.store.pipelines import load_state

    try:
        there = load_state(store.database, spec.name).spec
    except NotFoundError:
        return False
    if there.source.path != spec.source.path:
        raise NameConflictError(
            f"the store has another pipeline {spec.name!r}, which watches {there.source.path!r}; "
            "set CALMOPS_HOME to another folder for the demo"
        )
    return True


def _start_afresh(store: Store, spec: PipelineSpec) -> None:
    from calmops_flows.steps.drain import utc_now
    from calmops_flows.store.pipelines import delete_pipeline

    delete_pipeline(store.database, spec.name, now=utc_now())
    for file in Path(spec.source.path).glob(spec.source.pattern):
        file.unlink()


def _arrive(store: Store, spec: PipelineSpec, scene: Scene, month: Month, echo: Echo) -> list[Seen]:
    """Let one month arrive and run; nothing is seen when its file was known already."""
    staged = store.settings.home / month.file_name
    month.rows.to_parquet(staged, index=False)
    staged.replace(Path(spec.source.path) / month.file_name)
    started = time.perf_counter()
    drained = run(spec.name, store=store)
    seconds = time.perf_counter() - started
    if drained.is_busy:
        raise StoreError(f"another process runs the pipeline {spec.name!r} in this store right now")
    for outcome in drained.quarantined:
        echo(f"{month.name}  quarantined: {outcome.reason}")
    if not drained.outcomes:
        echo(f"{month.name}  known already\n")
        return []
    share = seconds / len(drained.outcomes)
    seen = [show.look_up(store, spec, month, outcome, share) for outcome in drained.outcomes]
    echo(scene.month_text(seen))
    return seen
