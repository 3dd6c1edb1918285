"""``calmops list``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calmops_flows.cli.options import Json

if TYPE_CHECKING:
    from calmops_flows.read import PipelineView

HEADERS = (
    "pipeline",
    "kind",
    "health",
    "champion",
    "age",
    "processed",
    "pending",
    "quarantined",
    "last snapshot",
    "decision",
    "drift",
    "metric",
)
EMPTY = (
    "There are no pipelines yet. Try `calmops demo`, or write a spec with `calmops init FOLDER` "
    "and put it in place with `calmops apply FILE`."
)


def listing(json: Json = False) -> None:
    """List the pipelines, each with its health, champion and last decision."""
    from calmops_flows.cli.output import emit_json, say, say_table

    views = _views()
    if json:
        emit_json([view.to_dict() for view in views])
    elif not views:
        say(EMPTY)
    else:
        say_table(HEADERS, [_cells(view) for view in views])


def _views() -> list[PipelineView]:
    """Return the pipelines; none when there is no store, which is not made for that."""
    from calmops_flows.errors import NotFoundError
    from calmops_flows.read import list_pipelines
    from calmops_flows.store.store import open_store

    try:
        store = open_store(create=False)
    except NotFoundError:
        return []
    with store:
        return list_pipelines(store)


def _cells(view: PipelineView) -> tuple[object, ...]:
    from calmops_flows.cli.words import age

    last, metric = view.last, view.metric
    words = {True: "yes", False: "no", None: None}
    return (
        view.name,
        view.kind,
        f"{view.health}{' (running)' if view.is_running else ''}",
        view.champion,
        age(view.champion_since),
        view.counts["processed"],
        view.counts["pending"],
        view.counts["quarantined"],
        last.snapshot if last else None,
        last.decision if last else None,
        words[last.is_drift] if last else None,
        f"{metric.name} {metric.value:.4g}" if metric and metric.value is not None else None,
    )
