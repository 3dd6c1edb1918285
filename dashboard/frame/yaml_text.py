"""Parameters as one line of text: ``variant: 1, noise: 0.1``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from calmops_flows.errors import SpecError


def from_yaml(text: str, where: str) -> dict[str, Any]:
    """Read parameters.

    Raises
    ------
    SpecError
        If the text is not a list of ``key: value``.
    """
    try:
        found = yaml.safe_load(f"{{{text}}}")
    except yaml.YAMLError as err:
        raise SpecError(f"{where} must be written as key: value, key: value; got {text!r}") from err
    if not all(isinstance(key, str) and value is not None for key, value in found.items()):
        raise SpecError(f"{where} must be written as key: value, key: value; got {text!r}")
    return dict(found)


def as_yaml(values: Mapping[str, Any]) -> str:
    """Write parameters as `from_yaml` reads them."""
    if not values:
        return ""
    text: str = yaml.safe_dump(dict(values), default_flow_style=True, width=10_000, sort_keys=False)
    return text.strip()[1:-1]
