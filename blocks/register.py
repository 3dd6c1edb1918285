"""Register the block types and save the blocks of the YAML files beside this script.

Running it again changes nothing. A file holds ``type``, ``name`` and ``values``;
``$NAME`` in a value is taken from the environment, so no secret stands in a file, and
``store: NAME`` in a pipeline's values means the saved block of that name.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import yaml

from calmops_flows.blocks import CalmopsMail, CalmopsPipeline, CalmopsStore
from calmops_flows.errors import SpecError

TYPES: dict[str, type[CalmopsStore | CalmopsPipeline | CalmopsMail]] = {
    "CalmopsStore": CalmopsStore,
    "CalmopsPipeline": CalmopsPipeline,
    "CalmopsMail": CalmopsMail,
}


def register(folder: Path) -> list[str]:
    """Register the types and save every block of a folder; return what was saved."""
    for block in TYPES.values():
        block.register_type_and_schema()
    files = [read(path) for path in sorted(folder.glob("*.yaml"))]
    return [save(*entry) for entry in sorted(files, key=lambda entry: list(TYPES).index(entry[0]))]


def read(path: Path) -> tuple[str, str, dict[str, Any]]:
    """Read type, name and values of one block."""
    entry = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(entry, dict) or set(entry) != {"type", "name", "values"}:
        raise SpecError(f"{path}: expected the keys type, name and values")
    if entry["type"] not in TYPES:
        raise SpecError(f"{path}: type must be one of {list(TYPES)}, got {entry['type']!r}")
    values = {key: expand(value, path) for key, value in (entry["values"] or {}).items()}
    return entry["type"], entry["name"], values


def expand(value: object, path: Path) -> object:
    """Put environment variables in the place of ``$NAME``."""
    if not isinstance(value, str):
        return value
    expanded = os.path.expandvars(value)
    if "$" in expanded:
        raise SpecError(f"{path}: a variable of {value!r} is not set")
    return expanded


def save(kind: str, name: str, values: dict[str, Any]) -> str:
    """Save one block over the one of the same name."""
    if isinstance(values.get("store"), str):
        values = {**values, "store": CalmopsStore.load(values["store"])}
    block = TYPES[kind](**values)
    block.save(name, overwrite=True)
    return f"{kind} {name}"


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for saved in register(chosen):
        print(saved)
