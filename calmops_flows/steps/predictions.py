"""Predictions as parquet: written once per snapshot, read when its labels come."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from calmops_flows.errors import ArtifactError
from calmops_flows.evaluation.predictions import Predictions
from calmops_flows.store.encoding import canonical_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

_META = b"calmops.predictions"


def to_bytes(said: Predictions) -> bytes:
    """Return predictions as a parquet file, with a column per class probability.

    Examples
    --------
    >>> from_bytes(to_bytes(Predictions(np.array([1, 0])))).values
    array([1, 0])
    """
    columns = {"prediction": pa.array(said.values)}
    if said.probabilities is not None and said.classes is not None:
        for index, label in enumerate(said.classes):
            columns[f"probability_{label}"] = pa.array(said.probabilities[:, index])
    classes = None if said.classes is None else np.asarray(said.classes).tolist()
    about = canonical_json({"classes": classes}).encode()
    sink = io.BytesIO()
    table = pa.table(columns).replace_schema_metadata({_META: about})
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def to_table(content: bytes) -> pa.Table:
    """Read the columns of what `to_bytes` wrote.

    Raises
    ------
    ArtifactError
        If the bytes are no predictions.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
    except pa.ArrowException as err:
        raise ArtifactError(f"the artifact holds no predictions: {err}") from err
    if table.num_columns == 0 or table.column_names[0] != "prediction":
        raise ArtifactError(f"the artifact holds no predictions: columns {table.column_names!r}")
    return table


def from_bytes(content: bytes) -> Predictions:
    """Read what `to_bytes` wrote.

    Raises
    ------
    ArtifactError
        If the bytes are no predictions.
    """
    table = to_table(content)
    about = json.loads((table.schema.metadata or {}).get(_META, b"{}"))
    classes = about.get("classes")
    known = None if classes is None else tuple(classes)
    names = table.column_names[1:]
    probabilities = None
    if names:
        probabilities = np.column_stack([_values(table, name) for name in names])
    return Predictions(_values(table, "prediction"), probabilities, known)


def _values(table: pa.Table, name: str) -> NDArray[Any]:
    values: NDArray[Any] = table.column(name).to_numpy()
    return values
