"""``calmops update``."""

from __future__ import annotations

from typing import Annotated

import typer

from calmops_flows.cli.options import Json, Name


def update(
    name: Name,
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            help="Fields of the spec; see `calmops schema`.",
            show_default=False,
        ),
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Change fields of a pipeline's spec, checked, as a new revision.

    Values are YAML; null brings the default back. The flags of the historical command
    (--retrain_mode 2, --window_size 500 ...) are understood too.
    """
    from calmops_flows import api
    from calmops_flows.cli.output import emit_json, say, say_table, tell
    from calmops_flows.errors import SpecError
    from calmops_flows.read import require_pipeline
    from calmops_flows.steps.changes import changed, differences, historical_assignments
    from calmops_flows.steps.validate import validate
    from calmops_flows.store.pipelines import load_state
    from calmops_flows.store.store import open_store

    assignments, left = historical_assignments(changes or [])
    if not assignments:
        raise SpecError(
            "; ".join(f"{flag}: {why}" for flag, why in left.items())
            or "give what to change: key=value ...; `calmops schema` lists the fields"
        )
    with open_store(create=False) as store:
        with store.database.read() as connection:
            require_pipeline(connection, name)
        state = load_state(store.database, name)
        after = changed(state.spec, assignments)
        validate(after, store.settings)
        found = differences(state.spec, after)
        revision = state.spec_revision
        if found and not dry_run:
            revision = api.apply(after, store)
    if json:
        rows = [{"key": c.key, "before": c.before, "after": c.after} for c in found]
        values = {"name": name, "spec_revision": revision, "changes": rows, "left": left}
        emit_json({**values, "dry_run": dry_run})
        return
    for flag, why in left.items():
        tell(f"Not changed: {flag}: {why}")
    if not found:
        say(f"Nothing changes: {name} says so already (revision {revision}).")
        return
    say_table(
        ("field", "before", "after"), [(c.key, _text(c.before), _text(c.after)) for c in found]
    )
    would = f"Nothing was changed yet; it is at revision {revision}."
    say(would if dry_run else f"Pipeline {name} is at revision {revision}.")


def _text(value: object) -> str:
    return "-" if value is None else str(value)
