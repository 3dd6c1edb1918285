"""Changes to a spec that is in place: typed values under dotted keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from calmops_flows.errors import SpecError
from calmops_flows.spec import PipelineSpec, parse_spec
from calmops_flows.steps.historical import UPDATE_FLAGS


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs between two specs; ``key`` is dotted."""

    key: str
    before: Any
    after: Any


def changed(spec: PipelineSpec, assignments: Sequence[str]) -> PipelineSpec:
    """Return a spec with some fields changed.

    Parameters
    ----------
    spec : PipelineSpec
        The present one.
    assignments : sequence of str
        ``key=value`` each; keys are dotted as in ``evaluation.thresholds.accuracy``, values
        are YAML (``0.9``, ``[a, b]``, ``null``). ``null`` takes an optional part away, or
        brings a field's default back.

    Returns
    -------
    PipelineSpec
        Validated.

    Raises
    ------
    SpecError
        If an assignment has no ``=``, names no field, or the result is no valid spec.

    Examples
    --------
    >>> spec = parse_spec({"name": "a", "target": "y", "source": {"path": "data"},
    ...                    "model": {"class": "sklearn.linear_model.LogisticRegression"}})
    >>> after = changed(spec, ["retrain.mode=2", "evaluation.thresholds.accuracy=0.8"])
    >>> after.retrain.mode, after.evaluation.thresholds
    ('window', {'accuracy': 0.8})
    """
    values = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            raise SpecError(f"expected key=value, got {assignment!r}")
        if key.strip() == "name":
            raise SpecError("a pipeline's name cannot change; apply a spec under the new name")
        _set(values, key.strip().split("."), _value(key, text), key)
    return parse_spec(values, where=f"pipeline {spec.name!r}")


def historical_assignments(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Turn ``--retrain_mode 2`` and its like into assignments; others pass unchanged.

    Returns
    -------
    assignments : list of str
        ``key=value`` each.
    left : dict of str to str
        Flags that say nothing about a pipeline, with the reason.

    Raises
    ------
    SpecError
        If a flag is unknown, is given otherwise here (with how), or has no value.

    Examples
    --------
    >>> historical_assignments(["--retrain_mode", "2", "--port", "8502"])[0]
    ['retrain.mode=2']
    """
    found: list[str] = []
    left: dict[str, str] = {}
    waiting = iter(arguments)
    for argument in waiting:
        if not argument.startswith("--"):
            found.append(argument)
            continue
        flag, equals, value = argument.removeprefix("--").partition("=")
        known = UPDATE_FLAGS.get(flag.replace("-", "_"))
        if known is None:
            raise SpecError(
                f"unknown flag --{flag}; give key=value (see `calmops schema`), or one of "
                f"{', '.join('--' + name for name in sorted(UPDATE_FLAGS))}"
            )
        if not equals:
            value = next(waiting, "")
        if not value:
            raise SpecError(f"--{flag} needs a value")
        if known.startswith("!"):
            raise SpecError(f"--{flag}: {known[1:]}")
        if known.startswith("~"):
            left[f"--{flag}"] = known[1:]
        else:
            found.append(f"{known}={value}")
    return found, left


def differences(before: PipelineSpec, after: PipelineSpec) -> tuple[Change, ...]:
    """Return the fields that differ, in the order of their keys."""
    old, new = dict(_flat(_plain(before), "")), dict(_flat(_plain(after), ""))
    keys = sorted(old.keys() | new.keys())
    return tuple(
        Change(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)
    )


def _plain(spec: PipelineSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json", by_alias=True)


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _value(key: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as err:
        raise SpecError(f"{key}: expected a YAML value, got {text!r}") from err


def _set(values: dict[str, Any], path: Sequence[str], value: Any, key: str) -> None:
    *parts, last = path
    for part in parts:
        inner = values.setdefault(part, {})
        if inner is None:
            inner = values[part] = {}
        if not isinstance(inner, dict):
            raise SpecError(f"{key}: {part!r} is a value, not a part with fields")
        values = inner
    if value is None:
        values.pop(last, None)
    else:
        values[last] = value
