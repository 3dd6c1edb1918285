"""Feather and Arrow IPC, as file or stream."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow as pa

from calmops_flows.data.readers.finish import (
    DAMAGE,
    check_content,
    check_names,
    check_types,
    finish,
    raise_system_error,
)
from calmops_flows.errors import SnapshotError

if TYPE_CHECKING:
    from calmops_flows.data.batch import Batch, Request

_FILE_MAGIC = b"ARROW1"
_OLD_FEATHER = b"FEA1"
_STREAM_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def read_arrow(request: Request) -> Batch:
    """Read a feather (version 2) or Arrow file or stream.

    Parameters
    ----------
    request : Request
        The file; options and contract types matter to text columns only.

    Returns
    -------
    Batch
        The table.

    Raises
    ------
    SnapshotError
        ``arrow_footer`` (cut or not Arrow), ``arrow_data`` (damaged),
        ``feather_version`` and those of the finished table.
    """
    with request.path.open("rb") as file:
        start = file.read(len(_FILE_MAGIC))
        file.seek(max(0, os.fstat(file.fileno()).st_size - len(_STREAM_END)))
        end = file.read()
    if start.startswith(_OLD_FEATHER):
        raise SnapshotError("feather_version", "feather version 1 is not read; write version 2")
    is_file = start == _FILE_MAGIC
    if is_file and not end.endswith(_FILE_MAGIC):
        raise SnapshotError("arrow_footer", "the end mark is missing: the file was cut")
    if not is_file and end != _STREAM_END:
        raise SnapshotError("arrow_footer", "neither an Arrow file nor a stream with its end mark")
    table = _table(request, is_file=is_file)
    check_content(table)
    return finish(table, request)


def _table(request: Request, *, is_file: bool) -> pa.Table:
    try:
        with pa.OSFile(str(request.path)) as source:
            opened = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
            with opened as reader:
                check_names(reader.schema.names)
                check_types(reader.schema)
                return reader.read_all()
    except DAMAGE as err:
        raise_system_error(err)
        raise SnapshotError("arrow_data", "a message of the file cannot be decoded") from err
