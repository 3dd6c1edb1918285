"""Values that a user gives on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def params_of(pairs: list[str]) -> dict[str, Any]:
    """Read `KEY=VALUE` pairs; values are YAML.

    Raises
    ------
    SpecError
        If there is no `=`, or a value cannot be read.
    """
    import yaml

    from calmops_flows.errors import SpecError

    found = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign:
            raise SpecError(f"a parameter is KEY=VALUE, got {pair!r}")
        try:
            found[key] = yaml.safe_load(text)
        except yaml.YAMLError as err:
            raise SpecError(f"cannot read the value of {pair!r}: {err}") from err
    return found


def yaml_of(file: Path) -> Any:
    """Read a YAML file.

    Raises
    ------
    SpecError
        If it cannot be read.
    """
    import yaml

    from calmops_flows.errors import SpecError

    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as err:
        raise SpecError(f"cannot read {str(file)!r}: {err}") from err
