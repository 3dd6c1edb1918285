"""Golden rows: a few rows and what a version says of them, kept to tell whether it still does."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from calmops_flows.data.kinds import KEY
from calmops_flows.errors import ArtifactError, ModelError
from calmops_flows.learning.predict import predict
from calmops_flows.steps.predictions import from_bytes, to_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.data.contract import Contract
    from calmops_flows.evaluation.predictions import Predictions
    from calmops_flows.store.artifacts import ArtifactStore

GOLDEN_ROWS = 16
# Libraries and processors add numbers up in different orders; a wrong model is further off.
RELATIVE, ABSOLUTE = 1e-6, 1e-9
_META = b"calmops.golden"


def keep_golden(
    artifacts: ArtifactStore, estimator: Any, table: pa.Table, contract: Contract
) -> str:
    """Keep some rows with a model's predictions of them, and return the artifact's digest.

    Parameters
    ----------
    artifacts : ArtifactStore
        Where to keep them.
    estimator : estimator
        Fitted.
    table : pyarrow.Table
        Rows that conform to the contract; a few of them, evenly spaced, are taken.
    contract : Contract
        Columns and types.

    Returns
    -------
    str
        Digest of a parquet file with the features and, in its metadata, the predictions.

    Raises
    ------
    ModelError
        If the model cannot predict them.
    """
    n_rows = min(GOLDEN_ROWS, table.num_rows)
    places = np.linspace(0, table.num_rows - 1, n_rows).astype(np.int64)
    names = [c.name for c in contract.columns if c.name != contract.target and c.type != KEY]
    rows = table.select(names).take(pa.array(places))
    said = to_bytes(predict(estimator, rows, contract))
    sink = io.BytesIO()
    pq.write_table(rows.replace_schema_metadata({_META: said}), sink, compression="zstd")
    return artifacts.put(sink.getvalue())


def check_golden(
    artifacts: ArtifactStore, digest: str, estimator: Any, contract: Contract
) -> pa.Table:
    """Refuse a model that does not say of its golden rows what it said when they were kept.

    Parameters
    ----------
    artifacts : ArtifactStore
        Where they lie.
    digest : str
        From `keep_golden`.
    estimator : estimator
        The loaded model.
    contract : Contract
        The pipeline's present one.

    Returns
    -------
    pyarrow.Table
        The golden rows.

    Raises
    ------
    ModelError
        If a prediction differs, or the model fails on them.
    ArtifactError
        If they cannot be read or were changed.
    """
    try:
        rows = pq.read_table(pa.BufferReader(artifacts.get(digest)))
    except pa.ArrowException as err:
        raise ArtifactError(f"artifact {digest[:12]} holds no golden rows: {err}") from err
    expected = from_bytes((rows.schema.metadata or {}).get(_META, b""))
    completed = _completed(rows, contract)
    said = predict(estimator, completed, contract)
    differing = _differing(expected, said)
    if differing:
        raise ModelError(
            f"{differing} of {rows.num_rows} golden rows are predicted otherwise than when they "
            "were kept; the libraries or the machine changed what this model says"
        )
    return completed


def _completed(rows: pa.Table, contract: Contract) -> pa.Table:
    """Add columns that the contract has got since, without values."""
    for column in contract.columns:
        if column.name not in rows.column_names:
            rows = rows.append_column(column.name, pa.nulls(rows.num_rows))
    return rows


def _differing(expected: Predictions, said: Predictions) -> int:
    differs = ~_same(expected.values, said.values)
    if (expected.probabilities is None) != (said.probabilities is None):
        return len(differs)
    if expected.probabilities is not None and said.probabilities is not None:
        if expected.probabilities.shape != said.probabilities.shape:
            return len(differs)
        differs |= ~_same(expected.probabilities, said.probabilities).all(axis=1)
    return int(differs.sum())


def _same(expected: NDArray[Any], said: NDArray[Any]) -> NDArray[np.bool_]:
    expected, said = np.asarray(expected), np.asarray(said)
    if expected.shape != said.shape:
        return np.zeros(len(expected), dtype=bool)
    if expected.dtype.kind == "f" or said.dtype.kind == "f":
        floats = expected.astype(np.float64), said.astype(np.float64)
        return np.isclose(*floats, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
    return np.asarray(expected == said, dtype=bool)
