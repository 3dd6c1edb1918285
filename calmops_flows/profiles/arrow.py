"""Arrow buffers as numpy arrays and back, without pyarrow's pandas shim.

``Array.to_numpy`` and ``pyarrow.array`` import pandas when it is installed, which
costs more than a drift check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def as_floats(array: pa.Array) -> NDArray[np.float64]:
    """View a float64 array without nulls as numpy."""
    return _view(array, np.dtype(np.float64))


def as_integers(array: pa.Array) -> NDArray[np.int64]:
    """View an int64 array without nulls as numpy."""
    return _view(array, np.dtype(np.int64))


def _view(array: pa.Array, dtype: np.dtype[Any]) -> NDArray[Any]:
    if len(array) == 0:
        return np.empty(0, dtype)
    buffer = array.buffers()[1]
    return np.frombuffer(buffer, dtype, count=len(array), offset=array.offset * dtype.itemsize)


def from_numbers(values: NDArray[np.float64] | NDArray[np.int64]) -> pa.Array:
    """Return a float64 or int64 Arrow array over the same memory."""
    kind = pa.float64() if values.dtype.kind == "f" else pa.int64()
    return pa.Array.from_buffers(kind, len(values), [None, _buffer(values)])


def from_texts(texts: Sequence[str]) -> pa.Array:
    """Return a large_string Arrow array."""
    encoded = [text.encode() for text in texts]
    offsets = _offsets([len(part) for part in encoded])
    buffers = [None, _buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.large_string(), len(texts), buffers)


def from_lists(lengths: Sequence[int], items: pa.Array) -> pa.Array:
    """Return a large_list Arrow array whose lists have these lengths."""
    kind = pa.large_list(items.type)
    buffers = [None, _buffer(_offsets(lengths))]
    return pa.Array.from_buffers(kind, len(lengths), buffers, children=[items])


def _offsets(lengths: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(np.asarray(lengths, np.int64))))


def _buffer(values: NDArray[Any]) -> pa.Buffer:
    return pa.py_buffer(np.ascontiguousarray(values))
