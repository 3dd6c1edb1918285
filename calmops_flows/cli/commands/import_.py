"""``calmops import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from calmops_flows.cli.options import Json

if TYPE_CHECKING:
    from calmops_flows.settings import Settings
    from calmops_flows.steps.historical import Imported


def import_(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Archive from `calmops export`, or a historical runner_config.json.",
        ),
    ],
    trust: Annotated[
        bool,
        typer.Option(
            "--trust", help="An archive holds models, which run code when they are loaded."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be imported, and import nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Take in a pipeline from an archive, or the configuration of the historical system."""
    from calmops_flows.settings import load_settings

    settings, path = load_settings(), Path(file)
    if path.suffix == ".json":
        _config(path, settings, dry_run=dry_run, json=json)
    else:
        _archive(path, settings, trust=trust, dry_run=dry_run, json=json)


def _config(path: Path, settings: Settings, *, dry_run: bool, json: bool) -> None:
    from calmops_flows.cli.output import emit_json, say
    from calmops_flows.spec import parse_spec
    from calmops_flows.steps.historical import import_config

    found = import_config(_read(path))
    spec = parse_spec(found.values, where=str(path))
    revision = None if dry_run else _apply(spec, settings)
    if json:
        emit_json(
            {
                "name": spec.name,
                "spec_revision": revision,
                "carried": found.carried,
                "left": found.left,
                "spec": spec.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            }
        )
        return
    _say_account(found)
    if revision is None:
        say(f"Nothing was imported yet; without --dry-run pipeline {spec.name} is applied.")
    else:
        say(f"Pipeline {spec.name} is in place, revision {revision}. Next: calmops run {spec.name}")


def _read(path: Path) -> dict[str, Any]:
    import json

    from calmops_flows.errors import SpecError

    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise SpecError(f"cannot read {str(path)!r}: {err}") from err
    if not isinstance(values, dict):
        raise SpecError(f"{str(path)!r} holds no configuration but a {type(values).__name__}")
    return values


def _apply(spec: Any, settings: Settings) -> int:
    from calmops_flows import api
    from calmops_flows.steps.validate import validate
    from calmops_flows.store.store import open_store

    validate(spec, settings)
    with open_store(settings) as store:
        return api.apply(spec, store)


def _say_account(found: Imported) -> None:
    from calmops_flows.cli.output import say, say_table

    say_table(("historical key", "now"), sorted(found.carried.items()))
    if found.left:
        say()
        say_table(("not carried over", "because"), sorted(found.left.items()))
        say()


def _archive(path: Path, settings: Settings, *, trust: bool, dry_run: bool, json: bool) -> None:
    from calmops_flows.cli.output import emit_json, say, tell
    from calmops_flows.errors import SpecError
    from calmops_flows.steps.drain import utc_now
    from calmops_flows.store.archive import inspect_archive, take_in
    from calmops_flows.store.store import open_store

    about = inspect_archive(path)
    if not trust and not dry_run:
        tell(
            f"{path.name} holds pipeline {about.pipeline!r} with {about.artifacts} artifacts. "
            "Models run code when they are loaded: import only what you or someone you trust "
            "exported."
        )
        raise SpecError("importing an archive needs --trust")
    if not dry_run:
        with open_store(settings) as store:
            take_in(store, path, now=utc_now())
    else:
        _check_name(settings, about.pipeline)
    if json:
        emit_json({**about.to_dict(), "imported": not dry_run})
        return
    done = "Would import" if dry_run else "Imported"
    say(
        f"{done} {about.pipeline}: {about.snapshots} snapshots, {about.versions} model versions, "
        f"{about.artifacts} artifacts ({about.size_bytes / 2**20:.1f} MiB)."
    )
    if not dry_run:
        say(f"Its source folder is {about.source}.")
        say(f"If it is elsewhere now: calmops update {about.pipeline} source.path=FOLDER")


def _check_name(settings: Settings, name: str) -> None:
    """Refuse a name that the store knows; where there is no store, none is taken."""
    from calmops_flows.errors import NotFoundError
    from calmops_flows.store.archive import refuse_known
    from calmops_flows.store.store import open_store

    try:
        store = open_store(settings, create=False)
    except NotFoundError:
        return
    with store:
        refuse_known(store, name)
