"""``calmops apply``."""

from __future__ import annotations

from typing import Annotated

import typer

from calmops_flows.cli.options import Json


def apply(
    file: Annotated[str, typer.Argument(metavar="FILE", help="YAML file of the spec.")],
    json: Json = False,
) -> None:
    """Check a spec, and put it in the store."""
    from calmops_flows import api
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.settings import load_settings
    from calmops_flows.spec import read_spec
    from calmops_flows.steps.validate import validate
    from calmops_flows.store.store import open_store

    settings, spec = load_settings(), read_spec(file)
    validate(spec, settings)  # before the store is made: a wrong spec leaves nothing behind
    with open_store(settings) as store:
        revision = api.apply(spec, store)
    if json:
        emit_json({"name": spec.name, "spec_revision": revision})
    else:
        say(f"Pipeline {spec.name} is in place, revision {revision}. Next: calmops run {spec.name}")
