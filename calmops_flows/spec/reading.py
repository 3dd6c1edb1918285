"""Specs from YAML, JSON and plain values, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from calmops_flows.errors import SpecError
from calmops_flows.spec.base import PASSWORD, Part
from calmops_flows.spec.pipeline import PipelineSpec


def parse_spec(values: object, *, where: str = "the spec") -> PipelineSpec:
    """Validate plain values as a spec.

    Parameters
    ----------
    values : object
        Mapping as read from YAML or JSON.
    where : str
        Named in the error message, for example a path.

    Raises
    ------
    SpecError
        One line naming the first offending field, what it got, and how many more there are.
    """
    if not isinstance(values, dict):
        raise SpecError(f"{where}: expected a mapping of fields, got {type(values).__name__}")
    try:
        return PipelineSpec.model_validate(values)
    except ValidationError as err:
        raise SpecError(f"{where}: {_first_error(err)}") from err


def _first_error(err: ValidationError) -> str:
    errors = err.errors(include_url=False)
    first = errors[0]
    field = ".".join(str(part) for part in first["loc"]) or "spec"
    message = first["msg"].removeprefix("Value error, ")
    shown = PASSWORD.sub(r"://\1:***@", repr(first.get("input")))
    if len(shown) > 80:
        shown = shown[:77] + "..."
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{field}: {message}, got {shown}{more}; see `calmops schema`"


def read_spec(path: str | Path) -> PipelineSpec:
    """Read a spec from a YAML (or JSON) file; relative source paths start there.

    Raises
    ------
    SpecError
        If the file cannot be read, is not YAML, or is not a valid spec.
    """
    file = Path(path)
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError) as err:
        reason = " ".join(str(err).split())
        raise SpecError(f"cannot read a spec from {str(path)!r}: {reason}") from err
    spec = _with_absolute_code(parse_spec(values, where=str(file)), file.absolute().parent)
    if "://" in spec.source.path:
        return spec
    absolute = str((file.absolute().parent / Path(spec.source.path).expanduser()).resolve())
    return spec.model_copy(update={"source": spec.source.model_copy(update={"path": absolute})})


def _with_absolute_code(spec: PipelineSpec, folder: Path) -> PipelineSpec:
    """Let files of user code start where the spec lies, as the source does."""
    update: dict[str, Any] = {}
    if spec.preprocess is not None:
        update["preprocess"] = _absolute(spec.preprocess, folder)
    if spec.retrain.custom is not None:
        custom = _absolute(spec.retrain.custom, folder)
        update["retrain"] = spec.retrain.model_copy(update={"custom": custom})
    return spec.model_copy(update=update)


def _absolute(part: Part, folder: Path) -> Part:
    found = {}
    for field, value in part:
        place, colon, name = str(value or "").rpartition(":")
        if colon and place.endswith(".py"):
            found[field] = f"{(folder / Path(place).expanduser()).resolve()}:{name}"
    return part.model_copy(update=found)


def dump_spec(spec: PipelineSpec) -> str:
    """Return the canonical JSON of a spec, as the store keeps it."""
    values = spec.model_dump(mode="json", by_alias=True)
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the spec, for editors."""
    schema = PipelineSpec.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
