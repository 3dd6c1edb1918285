"""What users declare, as frozen values, with errors that name the valid choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from calmops_flows.errors import SpecError

Model = TypeVar("Model", bound=BaseModel)
Member = TypeVar("Member")


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
        first = err.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "parameters"
        message = first["msg"].removeprefix("Value error, ")
        raise SpecError(
            f"{where}: {field}: {message}, got {str(first.get('input'))[:80]!r}; valid "
            f"parameters: {', '.join(sorted(_inner(model, first['loc']).model_fields))}"
        ) from err


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
