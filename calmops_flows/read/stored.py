"""Read JSON that the store holds; a row that somebody damaged is named."""

from __future__ import annotations

import json
from typing import Any

from calmops_flows.errors import StoreError


def parsed(text: str | None, what: str) -> dict[str, Any]:
    """Return the object in a stored text.

    Parameters
    ----------
    text : str or None
        What the row holds.
    what : str
        Names it in the message.

    Raises
    ------
    StoreError
        If it is no JSON object.

    Examples
    --------
    >>> parsed('{"a": 1}', "the record")
    {'a': 1}
    """
    try:
        values = json.loads(text or "")
    except ValueError as err:
        raise StoreError(f"{what} is damaged ({err}); see `calmops fsck`") from err
    if not isinstance(values, dict):
        raise StoreError(f"{what} is damaged (no JSON object); see `calmops fsck`")
    return values
