"""A kept holdout as a parquet file: the same rows, the same bytes."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from calmops_flows.errors import ArtifactError
from calmops_flows.evaluation.holdout import Holdout
from calmops_flows.evaluation.predictions import Predictions

if TYPE_CHECKING:
    from numpy.typing import NDArray

_META = b"calmops.holdout"


@dataclass(frozen=True, slots=True)
class Judged:
    """A holdout, and for a regressor the features of its rows."""

    holdout: Holdout
    features: pa.Table | None


def to_bytes(judged: Judged) -> bytes:
    """Return a holdout as a parquet file: the same rows, the same bytes."""
    holdout = judged.holdout
    columns: dict[str, Any] = {"truth": pa.array(holdout.truth)}
    columns.update(_columns("", holdout.predictions))
    if holdout.rival is not None:
        columns.update(_columns("rival_", holdout.rival))
    if judged.features is not None:
        for name in judged.features.column_names:
            columns[f"feature:{name}"] = judged.features.column(name)
    about = {
        "task": holdout.task,
        "classes": _classes(holdout.predictions),
        "rival_classes": _classes(holdout.rival),
        "metric": holdout.metric,
        "cut": holdout.cut,
    }
    table = pa.table(columns).replace_schema_metadata({_META: _text(about).encode()})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def from_bytes(content: bytes) -> Judged:
    """Read what `to_bytes` wrote.

    Raises
    ------
    ArtifactError
        If the bytes are no holdout.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
        about = json.loads((table.schema.metadata or {})[_META])
    except (pa.ArrowInvalid, KeyError, ValueError) as err:
        raise ArtifactError(f"the artifact is no holdout: {err}") from err
    rival = None
    if "rival_prediction" in table.column_names:
        rival = _predictions(table, "rival_", about["rival_classes"])
    predictions = _predictions(table, "", about["classes"])
    holdout = Holdout(
        about["task"], _values(table, "truth"), predictions, rival, about["metric"], about["cut"]
    )
    names = [name for name in table.column_names if name.startswith("feature:")]
    if not names:
        return Judged(holdout, None)
    features = table.select(names).rename_columns([name[len("feature:") :] for name in names])
    return Judged(holdout, features.replace_schema_metadata(None))


def _text(about: dict[str, Any]) -> str:
    return json.dumps(about, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _columns(prefix: str, said: Predictions) -> dict[str, Any]:
    columns = {f"{prefix}prediction": pa.array(said.values)}
    if said.probabilities is not None:
        for index in range(said.probabilities.shape[1]):
            columns[f"{prefix}probability_{index}"] = pa.array(said.probabilities[:, index])
    return columns


def _classes(said: Predictions | None) -> list[Any] | None:
    return None if said is None or said.classes is None else list(said.classes)


def _predictions(table: pa.Table, prefix: str, classes: list[Any] | None) -> Predictions:
    names = [f"{prefix}probability_{index}" for index in range(len(classes or ()))]
    probabilities = None
    if names and names[0] in table.column_names:
        probabilities = np.column_stack([_values(table, name) for name in names])
    known = None if classes is None else tuple(classes)
    return Predictions(_values(table, f"{prefix}prediction"), probabilities, known)


def _values(table: pa.Table, name: str) -> NDArray[Any]:
    values: NDArray[Any] = table.column(name).to_numpy()
    return values
