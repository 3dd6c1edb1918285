"""The contract's types and the Arrow types that stand for them."""

from __future__ import annotations

import pyarrow as pa

KEY = "key"  # names a row; never a feature
ARROW_TYPES: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int": pa.int64(),
    "float": pa.float64(),
    "string": pa.string(),
    "category": pa.dictionary(pa.int32(), pa.string()),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "null": pa.null(),
    KEY: pa.string(),
}
_TESTS = (
    ("null", pa.types.is_null),
    ("bool", pa.types.is_boolean),
    ("int", pa.types.is_integer),
    ("float", pa.types.is_floating),
    ("float", pa.types.is_decimal),
    ("category", pa.types.is_dictionary),
    ("string", pa.types.is_string),
    ("string", pa.types.is_large_string),
    ("string", pa.types.is_string_view),
    ("date", pa.types.is_date),
    ("timestamp", pa.types.is_timestamp),
)


def contract_type(arrow: pa.DataType) -> str | None:
    """Name the contract type of an Arrow type, or None when there is none.

    Parameters
    ----------
    arrow : pyarrow.DataType
        Type of a column.

    Returns
    -------
    str or None
        One of the keys of ``ARROW_TYPES``.

    Examples
    --------
    >>> contract_type(pa.int8()), contract_type(pa.list_(pa.int8()))
    ('int', None)
    """
    return next((name for name, is_of in _TESTS if is_of(arrow)), None)


def is_text(arrow: pa.DataType) -> bool:
    """Say whether a column of this type holds plain strings."""
    return contract_type(arrow) == "string"
