"""Made-up snapshots: numeric columns and a binary label that depends on some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from calmops_flows.spec import PipelineSpec, parse_spec

if TYPE_CHECKING:
    from pathlib import Path

CHUNK_ROWS = 50_000
LOGISTIC = {"class": "sklearn.linear_model.LogisticRegression"}


def write(
    path: Path, n_rows: int, n_columns: int, *, seed: int, shift: float = 0.0, weight: float = 1.0
) -> None:
    """Write a parquet file, chunk by chunk, and move it into place.

    ``shift`` moves the first five columns; a negative ``weight`` turns their effect on
    the label around.
    """
    rng = np.random.default_rng(seed)
    staged = path.with_name(f".{path.name}")
    writer: Any = None
    for start in range(0, n_rows, CHUNK_ROWS):
        table = _chunk(rng, min(CHUNK_ROWS, n_rows - start), n_columns, shift, weight)
        writer = writer or pq.ParquetWriter(staged, table.schema)
        writer.write_table(table)
    writer.close()
    staged.replace(path)


def _chunk(
    rng: np.random.Generator, n_rows: int, n_columns: int, shift: float, weight: float
) -> pa.Table:
    x = rng.normal(size=(n_columns, n_rows))
    noise = rng.normal(scale=0.5, size=n_rows)
    label = (weight * x[:5].sum(axis=0) + noise > 0).astype(np.int64)
    x[:5] += shift
    columns = {f"x{number}": pa.array(values) for number, values in enumerate(x)}
    return pa.table({**columns, "label": pa.array(label)})


def spec(
    name: str, source: Path, *, model: dict[str, Any] | None = None, when: str
) -> PipelineSpec:
    """Declare a pipeline over a folder of such files."""
    values = {
        "name": name,
        "target": "label",
        "source": {"path": str(source), "pattern": "*.parquet", "settle_seconds": 0},
        "model": model or LOGISTIC,
        "retrain": {"when": when},
    }
    return parse_spec(values)
