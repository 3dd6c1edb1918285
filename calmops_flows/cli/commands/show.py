"""``calmops show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from calmops_flows.cli.options import Json, Name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from calmops_flows.read.views import LabelsView, ShowView

LABEL_HEADERS = ("block", "labelled later", "realised", "estimated")
BLOCK_HEADERS = ("block", "contents", "rows", "drift", "decision", "version", "metric")
VERSION_HEADERS = ("version", "status", "mode", "parent", "snapshot", "fitted at", "metric")


def show(name: Name, json: Json = False) -> None:
    """Show what a pipeline is: its spec, contract and model versions."""
    from calmops_flows.cli.output import emit_json, say, say_facts, say_table
    from calmops_flows.cli.words import headline, short_time
    from calmops_flows.read import show as read_show
    from calmops_flows.store.store import open_store

    with open_store(create=False) as store:
        view = read_show(store, name)
    if json:
        emit_json(view.to_dict())
        return
    say_facts(
        [
            ("pipeline", f"{view.name} ({view.kind})"),
            ("created", short_time(view.created_at)),
            ("spec", f"revision {view.spec_revision}"),
            ("contract", f"version {view.contract_version}" if view.contract_version else None),
        ]
    )
    say()
    _say_yaml(view.spec)
    if view.contract is not None:
        say()
        say_table(
            ("column", "type", "required"),
            [(c["name"], c["type"], c["required"]) for c in view.contract["columns"]],
        )
    if view.versions:
        say()
        rows = [
            (
                v.version,
                v.status,
                v.mode,
                v.parent,
                v.snapshot,
                short_time(v.created_at),
                headline({"champion": v.metrics}),
            )
            for v in view.versions
        ]
        say_table(VERSION_HEADERS, rows)
    _say_details(view)
    _say_blocks(view)


def _say_blocks(view: ShowView) -> None:
    """Print where each block stands."""
    from calmops_flows.cli.output import say, say_table
    from calmops_flows.cli.words import headline

    if not view.blocks:
        return
    say()
    drift = {True: "yes", False: "no", None: None}
    rows = [
        (
            b.block,
            b.contents,
            b.rows,
            drift[b.is_drift],
            b.decision,
            b.version,
            headline({"champion": b.metrics}),
        )
        for b in view.blocks
    ]
    say_table(BLOCK_HEADERS, rows)
    late = [(b.block, *_came_later(b.labels)) for b in view.blocks if b.labels is not None]
    if late:
        say()
        say_table(LABEL_HEADERS, late)


def _came_later(found: LabelsView) -> tuple[str, str | None, str | None]:
    """Say how many rows of a block have their label by now, and what that showed."""
    from calmops_flows.cli.words import headline

    estimated = headline({"champion": found.estimated}) if found.estimated else ""
    covered = f"{found.labelled:,} of {found.rows:,}"
    return covered, headline({"champion": found.realised}), estimated


def _say_details(view: ShowView) -> None:
    """Print what the models of each version are like, where they say so."""
    from calmops_flows.cli.output import say, say_table

    names = sorted({name for version in view.versions for name in version.details})
    if not names:
        return
    say()
    rows = [(v.version, *(_short(v.details.get(name)) for name in names)) for v in view.versions]
    say_table(("version", *(name.replace("_", " ") for name in names)), rows)


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"


def _say_yaml(spec: Mapping[str, Any]) -> None:
    """Print what the spec says beyond the defaults."""
    import yaml

    from calmops_flows.cli.output import say
    from calmops_flows.spec import parse_spec

    said = parse_spec(dict(spec)).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for line in yaml.safe_dump(said, sort_keys=False, allow_unicode=True).splitlines():
        say(line)
