"""``calmops tutorials``."""

from __future__ import annotations

import ast
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from calmops_flows.cli.options import Json


class Action(StrEnum):
    """What is done with tutorials."""

    LIST = "list"
    COPY = "copy"


def tutorials(
    action: Annotated[Action, typer.Argument(metavar="ACTION", help="What to do.")] = Action.LIST,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Tutorial to copy, or `all`.")
    ] = None,
    dest: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to copy it.")] = Path(),
    json: Json = False,
) -> None:
    """List the tutorials, or copy one into a folder; each is a script that runs by itself."""
    from calmops_flows.cli.output import emit_json, say, say_table

    known = _known()
    if action is Action.COPY:
        copied = _copy(known, name, dest)
        if json:
            emit_json({"copied": [str(file) for file in copied]})
        for file in copied if not json else ():
            say(f"python {file}")
    elif json:
        emit_json([{"name": stem, "about": about} for stem, (about, _) in known.items()])
    else:
        say_table(("tutorial", "about"), [(stem, about) for stem, (about, _) in known.items()])
        say("Next: calmops tutorials copy NAME")


def _known() -> dict[str, tuple[str, str]]:
    """Return first line and text of each tutorial."""
    folder = resources.files("calmops_flows.tutorials")
    found = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        stem, _, suffix = file.name.rpartition(".")
        if suffix == "py" and not stem.startswith("_"):
            text = file.read_text(encoding="utf-8")
            about = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
            found[stem] = (about, text)
    return found


def _copy(known: dict[str, tuple[str, str]], name: str | None, dest: Path) -> list[Path]:
    from calmops_flows.errors import NameConflictError, NotFoundError

    wanted = list(known) if name == "all" else [name or ""]
    if not set(wanted) <= set(known):
        raise NotFoundError(f"there is no tutorial {name!r}; there are {', '.join(known)}, or all")
    files = {dest / f"{stem}.py": known[stem][1] for stem in wanted}
    there = [str(file) for file in files if file.exists()]
    if there:
        raise NameConflictError(f"{', '.join(there)} exists already; choose another --dest")
    dest.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        file.write_text(text, encoding="utf-8")
    return list(files)
