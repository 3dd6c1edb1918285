"""Evidently's drift report as HTML; the only module that imports Evidently."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from calmops_flows.errors import MissingExtraError, UntestableError
from calmops_flows.logs import inert
from calmops_flows.profiles.categorical import is_category
from calmops_flows.profiles.numeric import is_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

MAX_COLUMNS = 100
MAX_LEVELS = 1_000
MAX_NAME = 80
_SILENCE = {"DO_NOT_TRACK": "1", "EVIDENTLY_DISABLE_TELEMETRY": "1"}
_INERT = str.maketrans({"<": "\u2039", ">": "\u203a", "&": "+"})  # the page holds them in a script


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page of HTML that needs no network, and the columns that are not on it."""

    html: bytes
    left_out: Mapping[str, str] = field(default_factory=dict)


def render(reference: pa.Table, current: pa.Table, *, first: Sequence[str] = ()) -> Rendered:
    """Render Evidently's drift report on two samples of rows.

    Its verdict is Evidently's own, with its own thresholds: it is no verdict of a
    pipeline, and no pipeline waits for it.

    Parameters
    ----------
    reference, current : pyarrow.Table
        Rows to show; columns are matched by name.
    first : sequence of str, default empty
        Columns that are kept when there are more than a hundred.

    Returns
    -------
    Rendered
        The page.

    Raises
    ------
    MissingExtraError
        If Evidently is not installed.
    UntestableError
        If no column can be shown.
    """
    names, left_out = _choose(reference, current, first)
    if not names:
        reasons = "; ".join(f"{name!r}: {why}" for name, why in list(left_out.items())[:10])
        raise UntestableError(f"no column can be shown ({reasons or 'there are none'})")
    labels = _labels(names)
    numeric = [labels[name] for name in names if _is_numeric(reference, current, name)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own imports and tests warn, also of numpy.core
        html = _page(_frame(reference, labels, numeric), _frame(current, labels, numeric), numeric)
    return Rendered(html.encode(), left_out)


def _page(reference: pd.DataFrame, current: pd.DataFrame, numeric: list[str]) -> str:
    for name, value in _SILENCE.items():
        os.environ.setdefault(name, value)  # read when Evidently is imported
    try:
        from evidently import DataDefinition, Dataset, Report  # type: ignore[import-untyped]
        from evidently.presets import DataDriftPreset  # type: ignore[import-untyped]
    except ImportError as err:
        raise MissingExtraError(
            "the report needs the extra `reports`: pip install 'calmops-flows[reports]'"
        ) from err
    categories = [name for name in current.columns if name not in numeric]
    shape = DataDefinition(numerical_columns=numeric, categorical_columns=categories)
    batches: list[Any] = [
        Dataset.from_pandas(frame, data_definition=shape) for frame in (current, reference)
    ]
    report = Report([DataDriftPreset(columns=[*numeric, *categories])])
    return str(report.run(*batches).get_html_str(as_iframe=False))


def _choose(
    reference: pa.Table, current: pa.Table, first: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    here, there = set(current.column_names), set(reference.column_names)
    union = dict.fromkeys([*current.column_names, *reference.column_names])
    rank = {name: place for place, name in enumerate(first)}
    order = sorted(union, key=lambda name: rank.get(name, len(rank)))
    names: list[str] = []
    left_out: dict[str, str] = {}
    for name in order:
        reason = None if name in there else "not in the reference"
        reason = reason or (None if name in here else "not in the current data")
        reason = reason or _unfit(reference.column(name)) or _unfit(current.column(name))
        if reason is None and len(names) == MAX_COLUMNS:
            reason = f"more than {MAX_COLUMNS} columns"
        if reason is None:
            names.append(name)
        else:
            left_out[name] = reason
    return names, left_out


def _unfit(column: pa.ChunkedArray) -> str | None:
    if column.null_count == len(column):
        return "no value"
    if is_number(column.type) and not pa.types.is_duration(column.type):
        return None if _finite_count(column) else "no finite number"
    if not is_category(column.type):
        return f"values of type {column.type} are not shown"
    levels = pc.count_distinct(_as_text(column)).as_py()
    return None if levels <= MAX_LEVELS else f"more than {MAX_LEVELS:,} levels"


def _finite_count(column: pa.ChunkedArray) -> int:
    return int(pc.sum(pc.is_finite(pc.cast(column, pa.float64(), safe=False))).as_py() or 0)


def _is_numeric(reference: pa.Table, current: pa.Table, name: str) -> bool:
    return is_number(reference.schema.field(name).type) and is_number(
        current.schema.field(name).type
    )


def _labels(names: Sequence[str]) -> dict[str, str]:
    """Return a distinct label without markup for each column."""
    labels: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        label = text = _plain(name) or "column"
        number = 2
        while label in taken:
            label, number = f"{text} ({number})", number + 1
        labels[name] = label
        taken.add(label)
    return labels


def _frame(table: pa.Table, labels: Mapping[str, str], numeric: list[str]) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, label in labels.items():
        column = table.column(name)
        if label in numeric:
            columns[label] = pc.cast(column, pa.float64(), safe=False).to_numpy()
        else:
            columns[label] = _plain_texts(_as_text(column))
    return pd.DataFrame(columns)


def _plain_texts(column: pa.ChunkedArray) -> list[str | None]:
    shown: dict[str | None, str | None] = {None: None}
    for level in pc.unique(column).to_pylist():
        shown[level] = None if level is None else _plain(level)
    return [shown[value] for value in column.to_pylist()]


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    return pc.cast(column, pa.string())


def _plain(text: str) -> str:
    return inert(text).translate(_INERT)[:MAX_NAME]
