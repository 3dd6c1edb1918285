"""What users declare, as frozen values, with errors that name the valid choices."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ValidationError

from calmops_flows.errors import SpecError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)
Member = TypeVar("Member")
UNKNOWN = "extra_forbidden"  # as pydantic calls it


def _as_text(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


DateText = Annotated[str, BeforeValidator(_as_text)]
"""A date or time as text; YAML makes a date of one that stands without quotes."""


def declared(model: type[Model], values: object, *, where: str) -> Model:
    """Validate plain values as a model; a value of that model is returned as it is.

    Raises
    ------
    SpecError
        One line that names the field, what it got, and the valid fields.
    """
    if isinstance(values, model):
        return values
    if not isinstance(values, Mapping):
        raise SpecError(f"{where}: expected a mapping of parameters, got {type(values).__name__}")
    try:
        return model.model_validate(dict(values))
    except ValidationError as err:
        errors = err.errors(include_url=False)
        # A name that is not known explains why another one is missing.
        first = next((one for one in errors if one["type"] == UNKNOWN), errors[0])
        raise SpecError(f"{where}: {_told(model, first)}") from err


def _told(model: type[BaseModel], error: ErrorDetails) -> str:
    field = ".".join(str(part) for part in error["loc"])
    valid = ", ".join(sorted(_inner(model, error["loc"]).model_fields))
    if error["type"] == UNKNOWN:
        return f"unknown parameter {field!r}; valid parameters: {valid}"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        return f"{field}: {message.lower()}; valid parameters: {valid}"
    # What a rule over several fields got is a whole part: its message says what is wrong.
    given = error.get("input")
    got = "" if isinstance(given, Mapping) else f", got {str(given)[:80]!r}"
    return f"{field or 'parameters'}: {message}{got}"


def _inner(model: type[BaseModel], place: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the model of the part in which an error lies."""
    inside: list[type[BaseModel]] = []
    for name in place[:-1]:
        if name in model.model_fields:
            inside = _models(model.model_fields[str(name)].annotation)
            if len(inside) == 1:
                model = inside[0]
        else:
            # Members of a union are told apart by their field `kind`.
            kinds = {one.model_fields["kind"].default: one for one in inside if _has_kind(one)}
            model = kinds.get(name, model)
    return model


def _has_kind(model: type[BaseModel]) -> bool:
    return "kind" in model.model_fields


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models(part)]


def member(family: Mapping[str, Member], name: object, *, what: str) -> Member:
    """Return a member of a family by name.

    Raises
    ------
    SpecError
        If there is none of that name; the message lists all.
    """
    if not isinstance(name, str) or name not in family:
        raise SpecError(f"unknown {what} {name!r}; valid: {', '.join(sorted(family))}")
    return family[name]


def without(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Return a copy of a mapping without some keys."""
    return {key: value for key, value in values.items() if key not in keys}
