"""``calmops watch``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from calmops_flows.cli.options import known_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calmops_flows.flows.watching import Reaction
    from calmops_flows.steps.drain import Drained
    from calmops_flows.store.store import Store


def watch(
    pipelines: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Pipelines; default: all, also later ones.",
            autocompletion=known_names,
        ),
    ] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Process files here, at once, instead of telling Prefect.")
    ] = False,
    every: Annotated[
        float,
        typer.Option("--every", min=0.1, help="Seconds between looks without a notice."),
    ] = 10.0,
) -> None:
    """Wake a run as soon as a file has settled; Ctrl-C ends it."""
    from calmops_flows.cli.output import tell
    from calmops_flows.flows.watching import Watcher
    from calmops_flows.settings import load_settings
    from calmops_flows.store.store import open_store

    names = tuple(dict.fromkeys(pipelines or ()))
    # Without names it may be started before the first pipeline is applied.
    with open_store(load_settings(), create=not names) as store:
        _require(store, names)
        watcher = Watcher(store, _reaction(store, is_running=run), names, every)
        tell(f"Watching {', '.join(names) or 'all pipelines'} (Ctrl-C ends it).")
        watcher.run()


def _require(store: Store, names: Sequence[str]) -> None:
    from calmops_flows.read import require_pipeline

    with store.database.read() as connection:
        for name in names:
            require_pipeline(connection, name)


def _reaction(store: Store, *, is_running: bool) -> Reaction:
    from calmops_flows.errors import SpecError
    from calmops_flows.flows.detect import api_url, prefect_is_configured
    from calmops_flows.flows.watching import Announce, Drain

    url = api_url()
    if is_running:
        posts = url is not None and prefect_is_configured(store.settings)
        return Drain(store, _report, posts_events=posts)
    if url is None:
        raise SpecError(
            "no Prefect server is configured that could be told; process files here with "
            "`calmops watch --run`, or set PREFECT_API_URL"
        )
    return Announce(url)


def _report(pipeline: str, drained: Drained) -> None:
    from calmops_flows.cli.output import say
    from calmops_flows.cli.words import drift_word

    for outcome in drained.outcomes:
        drift = drift_word(outcome.drift)
        say(f"{pipeline} {outcome.snapshot}: {outcome.decision}, drift {drift}")
    for outcome in drained.quarantined:
        say(f"{pipeline} {outcome.snapshot}: quarantined, {outcome.reason}")
