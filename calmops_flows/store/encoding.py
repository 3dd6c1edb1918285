"""How values become text in the store: canonical JSON, UTC times."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from calmops_flows.errors import StoreError


def canonical_json(value: object) -> str:
    """Return sorted, compact JSON in which NaN and infinities are null."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def stored_json(text: str) -> Any:
    """Read JSON that the store holds.

    Raises
    ------
    StoreError
        If the text is no JSON: somebody or something changed it in the database.
    """
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as err:
        raise StoreError(
            f"a row of the database holds text that is no JSON ({err}); `calmops fsck` names the "
            "row; restore the database from a backup"
        ) from err


def plain(value: Any) -> Any:
    """Return value with tuples as lists, numpy scalars as Python's, NaN as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def finite(value: float | None) -> float | None:
    """Return a plain float, or None for None, NaN and infinities."""
    return None if value is None or not math.isfinite(value) else float(value)


def utc_text(moment: datetime) -> str:
    """Return ISO 8601 in UTC with microseconds, ending in Z.

    Raises
    ------
    ValueError
        If ``moment`` has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"expected a time with a time zone, got {moment!r}")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_utc_text(text: str) -> datetime:
    """Read what :func:`utc_text` wrote."""
    return datetime.fromisoformat(text)
