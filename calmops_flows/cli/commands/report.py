"""``calmops report``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from calmops_flows.cli.options import Json, Name

if TYPE_CHECKING:
    from calmops_flows.reports import DriftDocument

_ODD = re.compile(r"[^A-Za-z0-9._-]+")


def report(
    name: Name,
    snapshot: Annotated[
        str, typer.Argument(metavar="SNAPSHOT", help="Path or first digits of the digest.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write it; default: NAME-SNAPSHOT.html here."),
    ] = None,
    json: Json = False,
) -> None:
    """Render Evidently's drift report of a snapshot as one page of HTML."""
    from datetime import UTC, datetime

    from calmops_flows.cli.output import emit_json, say, tell
    from calmops_flows.reports import drift_document
    from calmops_flows.store.store import open_store

    tell("rendering; the first report takes some ten seconds")
    with open_store(create=False) as store:
        document = drift_document(store, name, snapshot, now=datetime.now(UTC))
    file = out or Path(f"{name}-{_ODD.sub('_', document.snapshot)}.html")
    file.write_bytes(document.html)
    if json:
        emit_json(_plain(document, file))
        return
    say(f"Wrote {file} ({len(document.html) / 1e6:.1f} MB, artifact {document.artifact[:12]}).")
    for column, reason in list(document.left_out.items())[:10]:
        say(f"Not on the page: {column} ({reason}).")
    if len(document.left_out) > 10:
        say(f"... and {len(document.left_out) - 10} more columns.")
    say("Its verdict is Evidently's own; `calmops explain` says what this pipeline decided.")


def _plain(document: DriftDocument, file: Path) -> dict[str, object]:
    return {
        "snapshot": document.snapshot,
        "file": str(file),
        "artifact": document.artifact,
        "is_new": document.is_new,
        "left_out": dict(document.left_out),
    }
