"""A sample of rows as bytes and back: Arrow IPC, deterministic."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from calmops_flows.errors import ProfileError
from calmops_flows.profiles.arrow import as_integers, from_numbers
from calmops_flows.profiles.sample import RowSample

_HASH = "hash"
_KINDS = (pa.float64(), pa.large_string())


def sample_to_bytes(sample: RowSample) -> bytes:
    """Return a sample as bytes; the same sample gives the same bytes.

    Parameters
    ----------
    sample : RowSample
        Any sample.

    Returns
    -------
    bytes
        An Arrow IPC stream, compressed with zstd: hashes first, then the columns.
    """
    names = [_HASH, *sample.rows.column_names]
    hashes = from_numbers(sample.hashes.view(np.int64))
    arrays = [hashes, *(pa.concat_arrays(column.chunks) for column in sample.rows.columns)]
    batch = pa.RecordBatch.from_arrays(arrays, names=names)
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def sample_from_bytes(data: bytes, size: int) -> RowSample:
    """Read a sample that `sample_to_bytes` wrote.

    Parameters
    ----------
    data : bytes
        Bytes of one sample.
    size : int
        Its bound.

    Returns
    -------
    RowSample
        Equal to the one that was written.

    Raises
    ------
    ProfileError
        If the rows are not those of a sample of that size.
    pyarrow.ArrowException
        If the bytes are damaged.
    """
    with pa.ipc.open_stream(data) as reader:
        batch = reader.read_next_batch()
    batch.validate(full=True)
    hashes = as_integers(batch.column(0)).view(np.uint64)
    in_order = bool((hashes[1:] > hashes[:-1]).all())
    names, arrays = batch.schema.names[1:], batch.columns[1:]
    if not in_order or len(hashes) > size or any(array.type not in _KINDS for array in arrays):
        raise ProfileError(
            f"the sample of rows is damaged: {len(hashes)} rows of at most {size}, "
            f"hashes {'' if in_order else 'not '}increasing"
        )
    return RowSample(size, hashes, pa.Table.from_arrays(arrays, names=names))
