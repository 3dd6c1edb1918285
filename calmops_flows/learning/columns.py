"""From an Arrow table and its contract to features and target."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.errors import ModelError, SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from calmops_flows.evaluation.metrics import Task

NUMERIC = frozenset({"bool", "int", "float", "null"})
TEXT = frozenset({"string", "category"})
MOMENT = frozenset({"date", "timestamp"})
MAX_CLASSES_OF_INTEGERS = 20
MIN_ROWS_PER_CLASS = 5


class ColumnLike(Protocol):
    """A column of a contract: its name and type."""

    @property
    def name(self) -> str:
        """Name in the table."""

    @property
    def type(self) -> str:
        """One of bool, int, float, string, category, date, timestamp, null, key."""


class ContractLike(Protocol):
    """A contract, as far as learning needs it."""

    @property
    def columns(self) -> Sequence[ColumnLike]:
        """All columns in their order, the target among them."""

    @property
    def target(self) -> str | None:
        """Name of the target column."""


def feature_names(contract: ContractLike, types: frozenset[str] | None = None) -> list[str]:
    """Return the names of the feature columns, of some types or of all, in order.

    They are interned, so that a model's bytes do not depend on where a name came from.
    """
    return [
        sys.intern(column.name)
        for column in contract.columns
        if column.name != contract.target
        and column.type != "key"
        and (types is None or column.type in types)
    ]


def features(table: pa.Table, contract: ContractLike) -> pd.DataFrame:
    """Turn the feature columns into a frame with the contract's types.

    Parameters
    ----------
    table : pyarrow.Table
        Rows that conform to the contract.
    contract : ContractLike
        Columns and types.

    Returns
    -------
    pandas.DataFrame
        Integers and booleans become float64 where values are missing, texts and categories
        objects with None, moments datetime64[us] (UTC). A column that never had a value yet
        (type null) is all NaN.

    Raises
    ------
    ModelError
        If a column is not there or cannot be read as its type.

    Examples
    --------
    >>> from types import SimpleNamespace as Namespace
    >>> columns = (Namespace(name="x", type="int"), Namespace(name="y", type="int"))
    >>> table = pa.table({"x": [1, None], "y": [0, 1]})
    >>> features(table, Namespace(columns=columns, target="y"))
         x
    0  1.0
    1  NaN
    """
    import pandas as pd

    types = {column.name: column.type for column in contract.columns}
    known = set(table.column_names)
    arrays: dict[str, NDArray[Any]] = {}
    for name in feature_names(contract):
        if name not in known:
            raise ModelError(f"column {name!r} of the contract is not in the table")
        try:
            arrays[name] = _to_numpy(table.column(name), types[name])
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as err:
            found = table.column(name).type
            raise ModelError(
                f"column {name!r}: expected {types[name]}, found Arrow type {found}"
            ) from err
    return pd.DataFrame(arrays, index=pd.RangeIndex(table.num_rows))


def _to_numpy(column: pa.ChunkedArray, kind: str) -> NDArray[Any]:
    if kind == "null":
        return np.full(len(column), np.nan)
    if kind in TEXT:
        return _texts(column)
    if kind in MOMENT:
        moments = pc.cast(column, pa.timestamp("us"), safe=False)
        return np.asarray(moments.to_numpy(), dtype="datetime64[us]")
    if kind not in NUMERIC:
        raise ModelError(f"type {kind!r} of a contract is not known")
    return _numbers(column)


def _numbers(column: pa.ChunkedArray) -> NDArray[Any]:
    if column.null_count == 0 and pa.types.is_boolean(column.type):
        return np.asarray(column.to_numpy(), dtype=bool)
    if column.null_count == 0 and pa.types.is_signed_integer(column.type):
        return np.asarray(column.to_numpy(), dtype=np.int64)
    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.int8())
    floats = pc.cast(column, pa.float64(), safe=False)
    return np.asarray(floats.to_numpy(), dtype=np.float64)


def _texts(column: pa.ChunkedArray) -> NDArray[Any]:
    texts = column if pa.types.is_string(column.type) else pc.cast(column, pa.string())
    return np.asarray(texts.to_numpy(), dtype=object)


def infer_task(target: pa.ChunkedArray, declared: str = "auto") -> Task:
    """Decide what kind of prediction a target asks for.

    Texts, categories and booleans are classes. Integers are classes when they have two values, or
    at most 20 with five rows each on average. Other numbers are classes only when they have at
    most two values, all whole (labels that became floats because some are missing).

    Parameters
    ----------
    target : pyarrow.ChunkedArray
        Target column.
    declared : {"auto", "classification", "regression"}
        What the spec says; anything but auto is returned.

    Returns
    -------
    {"classification", "regression"}
        The task.

    Raises
    ------
    SpecError
        If the target has no values, or is a moment.

    Examples
    --------
    >>> infer_task(pa.chunked_array([["late", "early", None]]))
    'classification'
    >>> infer_task(pa.chunked_array([[0.5, 1.5, 2.5]]))
    'regression'
    """
    if declared == "classification":
        return "classification"
    if declared == "regression":
        return "regression"
    values = target.drop_null()
    kind = values.type
    if len(values) == 0:
        raise SpecError("the target has no values, so its task cannot be inferred; set task")
    if _is_text(kind) or pa.types.is_boolean(kind):
        return "classification"
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise SpecError(f"the task of a target of type {kind} cannot be inferred; set task")
    return "classification" if _are_classes(values) else "regression"


def _are_classes(numbers: pa.ChunkedArray) -> bool:
    distinct = pc.unique(numbers).to_numpy(zero_copy_only=False)
    if pa.types.is_integer(numbers.type):
        is_repeated = len(distinct) * MIN_ROWS_PER_CLASS <= len(numbers)
        return len(distinct) <= 2 or (len(distinct) <= MAX_CLASSES_OF_INTEGERS and is_repeated)
    whole = distinct[np.isfinite(distinct)]
    return 0 < len(whole) <= 2 and bool((whole == np.round(whole)).all())


def _is_text(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_dictionary)
    )


def target_values(
    table: pa.Table, target: str, task: Task
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Read the target of the labelled rows.

    Parameters
    ----------
    table : pyarrow.Table
        Rows.
    target : str
        Column.
    task : {"classification", "regression"}
        Regression reads float64. Classification reads texts as objects, whole numbers as int64
        (also when they came as floats, because some were missing), booleans as they are.

    Returns
    -------
    values : ndarray of shape (n_labelled,)
        Targets of the labelled rows only.
    labelled : ndarray of shape (n,)
        Mask of the rows with a label: not missing, and finite if a number.

    Raises
    ------
    ModelError
        If the column is not there, or a regression target is no number.

    Examples
    --------
    >>> target_values(pa.table({"y": [1.0, None, 0.0]}), "y", "classification")
    (array([1, 0]), array([ True, False,  True]))
    """
    if target not in table.column_names:
        raise ModelError(f"target {target!r} is not in the table")
    column = table.column(target)
    kind = column.type
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if task == "regression" and not (is_number or pa.types.is_boolean(kind)):
        raise ModelError(f"target {target!r} of a regression must be a number, found {kind}")
    if task == "classification" and not is_number:
        return _class_texts(column)
    numbers = np.asarray(_numbers(column), dtype=None)
    labelled = np.isfinite(numbers)
    values = numbers[labelled]
    if task == "regression":
        return values.astype(np.float64), labelled
    is_whole = values.dtype.kind == "f" and bool(
        ((values == np.round(values)) & (np.abs(values) < 2**53)).all()
    )
    return (values.astype(np.int64) if is_whole else values), labelled


def _class_texts(column: pa.ChunkedArray) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    labelled = np.asarray(column.is_valid().to_numpy(), dtype=bool)
    values = column.drop_null()
    if pa.types.is_boolean(column.type):
        return np.asarray(values.to_numpy(), dtype=bool), labelled
    return _texts(values), labelled
