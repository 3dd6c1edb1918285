"""The encoder of a model as plain arrays and tables of places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from calmops_flows.learning.encode import MISSING, OTHER, FrequentLevels, calendar, finite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from calmops_flows.learning.compiled.rows import Rows

    Floats = NDArray[np.float64]
    Part = Callable[[Rows], Floats]

_DTYPES: dict[Any, str] = {finite: "float64", calendar: "datetime64[us]"}


@dataclass(frozen=True, slots=True, eq=False)
class _Numbers:
    """Numbers or moments: read, impute, scale."""

    names: tuple[str, ...]
    read: Callable[[Any], Floats]
    fill: Floats
    mean: Floats | None
    scale: Floats | None

    def __call__(self, rows: Rows) -> Floats:
        given = np.array([rows.columns[name] for name in self.names], dtype=_DTYPES[self.read])
        values = self.read(given.T)
        missing = np.isnan(values)
        if missing.any():
            values[missing] = np.broadcast_to(self.fill, values.shape)[missing]
        if self.mean is not None:
            values -= self.mean
        if self.scale is not None:
            values /= self.scale
        return values


@dataclass(frozen=True, slots=True, eq=False)
class _Texts:
    """Texts: the place of each known level among the columns, and of all others."""

    names: tuple[str, ...]
    places: tuple[dict[str | None, int | None], ...]
    others: tuple[int | None, ...]
    width: int

    def __call__(self, rows: Rows) -> Floats:
        given = [rows.columns[name] for name in self.names]
        values = np.zeros((len(rows), self.width))
        for texts, places, other in zip(given, self.places, self.others, strict=True):
            for row, text in enumerate(texts):
                place = places.get(text, other)
                if place is not None:
                    values[row, place] = 1.0
        return values


@dataclass(frozen=True, slots=True, eq=False)
class CompiledEncoder:
    """What `build_encoder` makes, fitted, over plain values.

    Attributes
    ----------
    parts : tuple of callable
        From rows to numbers, side by side in this order.
    """

    parts: tuple[Part, ...]

    def __call__(self, rows: Rows) -> Floats:
        """Encode rows.

        Parameters
        ----------
        rows : Rows
            With the columns that the encoder was fitted on, in any order.

        Returns
        -------
        ndarray of shape (n, n_encoded)
            What the encoder's ``transform`` says of the same rows.
        """
        found = [part(rows) for part in self.parts]
        return found[0] if len(found) == 1 else np.hstack(found)


def compile_encoder(encoder: Any) -> CompiledEncoder | None:
    """Take the fitted arrays out of an encoder.

    Parameters
    ----------
    encoder : ColumnTransformer
        Fitted, from `build_encoder`.

    Returns
    -------
    CompiledEncoder or None
        None where the encoder holds anything else than `build_encoder` puts there.
    """
    if type(encoder) is not ColumnTransformer or encoder.remainder != "drop":
        return None
    if encoder.transformer_weights or not encoder.transformers_:
        return None
    parts = [_part(step, names) for _, step, names in encoder.transformers_ if step != "drop"]
    whole = tuple(part for part in parts if part is not None)
    return CompiledEncoder(whole) if whole and len(whole) == len(parts) else None


def _part(step: Any, names: Sequence[str]) -> Part | None:
    if type(step) is not Pipeline:
        return None
    steps = [one for _, one in step.steps]
    kinds = tuple(type(one) for one in steps)
    if kinds == (FrequentLevels, OneHotEncoder):
        return _texts(steps[0], steps[1], names)
    if kinds[:2] == (FunctionTransformer, SimpleImputer):
        scaler = steps[2] if kinds[2:] == (StandardScaler,) else None
        if len(steps) == 2 or (scaler is not None and len(steps) == 3):
            return _numbers(steps[0], steps[1], scaler, names)
    return None


def _numbers(read: Any, impute: Any, scaler: Any, names: Sequence[str]) -> Part | None:
    fill = np.asarray(impute.statistics_, dtype=np.float64)
    is_usual = np.isnan(impute.missing_values) and not impute.add_indicator
    if read.func not in _DTYPES or not is_usual or np.isnan(fill).any():
        return None
    mean = None if scaler is None else scaler.mean_
    scale = None if scaler is None else scaler.scale_
    return _Numbers(tuple(names), read.func, fill, mean, scale)


def _texts(levels: Any, one_hot: Any, names: Sequence[str]) -> Part | None:
    options = ("drop", "min_frequency", "max_categories")
    is_usual = one_hot.handle_unknown == "ignore" and not one_hot.sparse_output
    if not is_usual or any(getattr(one_hot, name) is not None for name in options):
        return None
    places: list[dict[str | None, int | None]] = []
    others: list[int | None] = []
    start = 0
    for kept, categories in zip(levels.levels_, one_hot.categories_, strict=True):
        at = {text: start + place for place, text in enumerate(categories.tolist())}
        other = at.get(OTHER)
        known: dict[str | None, int | None] = {text: at.get(text) for text in kept.tolist()}
        places.append({**known, None: known.get(MISSING, other)})
        others.append(other)
        start += len(at)
    return _Texts(tuple(names), tuple(places), tuple(others), start)
