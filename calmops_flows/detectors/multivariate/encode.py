"""Rows of mixed types as numbers, by the pooled sample alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtri

from calmops_flows.profiles.arrow import as_floats, as_integers, from_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from calmops_flows.profiles.sample import RowSample

MAX_LEVELS = 16
MIN_SHARE = 0.005
REACH = 10.0

Scale = Literal["robust", "ranks"]


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Two samples of rows as standardised features.

    Attributes
    ----------
    features : ndarray of shape (n_features, n_rows)
        Mean 0 and about unit variance over both samples; the reference's rows
        come first. A missing number is 0.
    weights : ndarray of shape (n_features,)
        Factors that give every column about the same weight in a distance.
    owners : ndarray of shape (n_features,)
        Place in `columns` of each feature's column.
    columns : tuple of str
        Names of the columns that vary.
    n_reference : int
        Rows of the reference.
    """

    features: NDArray[np.float32]
    weights: NDArray[np.float32]
    owners: NDArray[np.int64]
    columns: tuple[str, ...]
    n_reference: int

    @property
    def n_current(self) -> int:
        """Rows of the current sample."""
        return int(self.features.shape[1]) - self.n_reference


def encode(reference: RowSample, current: RowSample, *, scale: Scale = "robust") -> Encoded:
    """Turn the common columns of two samples into features.

    Every choice (centre, scale, levels) is made from both samples together: were
    it made from the reference alone, its rows would differ from the current ones
    without any drift, and a permutation test of them would not hold its level.

    Parameters
    ----------
    reference, current : RowSample
        Samples of rows. Columns that are in one only, or numbers in one and
        categories in the other, are left out: they are reported column by column.
    scale : {"robust", "ranks"}, default "robust"
        Numbers less their median, over their interquartile range and within
        +-REACH; or the normal scores of their ranks.

    Returns
    -------
    Encoded
        Per number: its scaled value, and whether it is missing; per category: one
        indicator for each of the ``MAX_LEVELS`` most frequent levels, and for
        missing. Indicators of fewer than ``MIN_SHARE`` of the rows are left out.
    """
    parts: list[NDArray[np.float32]] = []
    weights: list[float] = []
    owners: list[int] = []
    columns: list[str] = []
    for name, before, after in _common(reference, current):
        if pa.types.is_floating(before.type):
            features = list(_of_numbers(_floats(before), _floats(after), scale))
        else:
            features = list(_of_categories(pa.chunked_array([*before.chunks, *after.chunks])))
        if features:
            spread = np.sqrt(sum(share for _, share in features))
            parts.extend(values for values, _ in features)
            weights.extend(float(np.sqrt(share) / spread) for _, share in features)
            owners.extend([len(columns)] * len(features))
            columns.append(name)
    n_rows = len(reference.hashes) + len(current.hashes)
    return Encoded(
        features=np.array(parts, np.float32).reshape(len(parts), n_rows),
        weights=np.array(weights, np.float32),
        owners=np.array(owners, np.int64),
        columns=tuple(columns),
        n_reference=len(reference.hashes),
    )


def _common(
    reference: RowSample, current: RowSample
) -> Iterator[tuple[str, pa.ChunkedArray, pa.ChunkedArray]]:
    for name in sorted({*reference.rows.column_names} & {*current.rows.column_names}):
        before, after = reference.rows.column(name), current.rows.column(name)
        if before.type == after.type:
            yield name, before, after


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.concatenate([as_floats(chunk) for chunk in column.chunks])


def _of_numbers(
    before: NDArray[np.float64], after: NDArray[np.float64], scale: Scale
) -> Iterator[tuple[NDArray[np.float32], float]]:
    """Yield features with their shares of the column's weight."""
    values = np.concatenate((before, after))
    is_present = ~np.isnan(values)
    out = np.zeros(len(values))
    out[is_present] = _SCALES[scale](values[is_present])
    if out.any():
        yield out.astype(np.float32), 1.0
    yield from _indicator(~is_present)


def _of_categories(column: pa.ChunkedArray) -> Iterator[tuple[NDArray[np.float32], float]]:
    codes = pa.concat_arrays(column.chunks).dictionary_encode()
    levels = codes.dictionary.to_pylist()
    none = from_numbers(np.array([len(levels)]))[0]
    places = as_integers(pc.fill_null(codes.indices.cast(pa.int64()), none))
    counts = np.bincount(places, minlength=len(levels) + 1)
    frequent = sorted(range(len(levels)), key=lambda i: (-counts[i], levels[i]))[:MAX_LEVELS]
    if len(levels) == 2:
        frequent = frequent[:1]
    for place in (*frequent, len(levels)):
        yield from _indicator(places == place)


def _indicator(is_one: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.float32], float]]:
    share = float(is_one.mean())
    if MIN_SHARE <= share <= 1.0 - MIN_SHARE:
        variance = share * (1.0 - share)
        yield ((is_one - share) / np.sqrt(variance)).astype(np.float32), variance


def _robust(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre by the median and scale so that a normal law has unit variance."""
    low, centre, high = np.quantile(values, (0.25, 0.5, 0.75), method="closest_observation")
    finite = values[np.isfinite(values)]
    spread = (high - low) / 1.349
    if not 0.0 < spread < np.inf:
        spread = float(finite.std()) if len(finite) else 0.0
        centre = float(np.median(finite)) if len(finite) else 0.0
    if not 0.0 < spread < np.inf:
        spread = 1.0
    scaled: NDArray[np.float64] = np.clip((values - centre) / spread, -REACH, REACH)
    return scaled


def _normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the normal quantiles of the midranks, scaled to unit variance."""
    order = np.argsort(values)
    ordered = values[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    sizes = np.diff(last, prepend=-1)
    scores = ndtri((last + 1 - sizes / 2.0) / len(values))
    if len(scores) == 1:
        return np.zeros(len(values))
    out = np.empty(len(values))
    out[order] = np.repeat(scores, sizes)
    out -= out.mean()
    out /= np.sqrt(np.mean(out**2))
    return out


_SCALES = {"robust": _robust, "ranks": _normal_scores}
