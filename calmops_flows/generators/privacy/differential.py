"""Differentially private means and histograms, drawn by OpenDP's mechanisms.

Neighbours are tables in which one row is another one: the number of rows is public. Bounds, edges
and categories are declared, never taken from the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import MissingExtraError, SpecError
from calmops_flows.generators.injection.base import require

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from calmops_flows.generators.privacy.budget import Budget

OTHER, MISSING = "(other)", "(missing)"
TWO_BINS = 2  # a row that changes leaves one bin and enters another
REPLACED = 2  # in OpenDP's symmetric distance: one row less, one more


@dataclass(frozen=True, slots=True)
class Release:
    """A figure with noise.

    Parameters
    ----------
    name : str
        What it is.
    epsilon : float
        What it cost.
    value : float or dict of str to int
        The mean, or the count of each bin.
    mechanism : str
        How the noise was drawn.
    scale : float
        The mean absolute error that the noise alone gives (before it is cut at the bounds).
    """

    name: str
    epsilon: float
    value: float | dict[str, int]
    mechanism: str
    scale: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "epsilon": self.epsilon,
            "value": self.value,
            "mechanism": self.mechanism,
            "scale": self.scale,
        }


def dp_mean(
    data: pd.DataFrame,
    column: str,
    *,
    low: float,
    high: float,
    epsilon: float,
    budget: Budget,
    missing: float | None = None,
) -> Release:
    """Release the mean of a column, clipped to declared bounds, by the Laplace mechanism [1]_.

    Parameters
    ----------
    data : DataFrame
        The table; the number of its rows is public.
    column : str
        A numeric column.
    low, high : float
        Bounds that do not come from the data; values outside are clipped.
    epsilon : float
        What the release costs.
    budget : Budget
        Where it is taken from.
    missing : float, optional
        What a missing value counts as; without it, missing values are an error.

    Returns
    -------
    Release
        The mean.

    Raises
    ------
    SpecError
        If the budget does not allow it, or column, bounds or rows do not fit.
    MissingExtraError
        If OpenDP is not installed.

    References
    ----------
    .. [1] C. Dwork et al., "Calibrating noise to sensitivity in private data analysis", 2006.
    """
    on = f"mean of {column}"
    if not (np.isfinite([low, high]).all() and low < high):
        raise SpecError(f"{on}: low must lie below high, both finite, got {low!r} and {high!r}")
    values = _numeric(data, column, on)
    is_gone = np.isnan(values)
    if is_gone.any() and missing is None:
        raise SpecError(f"{on}: values are missing; say in `missing` what they count as")
    filled = np.where(is_gone, 0.0 if missing is None else missing, values)
    bounded = np.clip(filled, low, high).tolist()
    opendp = _opendp()
    budget.spend(epsilon, on=on)
    # OpenDP's bound on what one row can change counts the rounding of the sum as well.
    domain = opendp.vector_domain(
        opendp.atom_domain(bounds=(float(low), float(high)), nan=False), size=len(bounded)
    )
    total = opendp.make_sum(domain, opendp.symmetric_distance())
    scale = total.map(REPLACED) / epsilon
    drawn = (total >> opendp.then_laplace(scale=scale))(bounded) / len(bounded)
    value = float(min(max(drawn, low), high))
    return Release(on, epsilon, value, "Laplace, cut at the bounds", scale / len(bounded))


def dp_histogram(
    data: pd.DataFrame,
    column: str,
    *,
    epsilon: float,
    budget: Budget,
    edges: Sequence[float] = (),
    categories: Sequence[str] = (),
) -> Release:
    """Release how many rows fall into declared bins, by the geometric mechanism [1]_.

    What is in no bin is counted as other, missing values as missing, so that a changed row always
    changes at most two counts by one. Counts are cut at 0 and at the number of rows, and their sum
    need not be that number.

    Parameters
    ----------
    data : DataFrame
        The table; the number of its rows is public.
    column : str
        The column.
    epsilon : float
        What the release costs.
    budget : Budget
        Where it is taken from.
    edges : sequence of float, default=()
        Ascending edges of numeric bins, closed on the left; either these or categories.
    categories : sequence of str, default=()
        Declared categories.

    Returns
    -------
    Release
        The counts.

    Raises
    ------
    SpecError
        If the budget does not allow it, or column, bins or rows do not fit.
    MissingExtraError
        If OpenDP is not installed.

    References
    ----------
    .. [1] A. Ghosh, T. Roughgarden, M. Sundararajan, "Universally utility-maximizing privacy
       mechanisms", 2012.
    """
    on = f"histogram of {column}"
    if bool(len(edges)) == bool(len(categories)):
        raise SpecError(f"{on}: declare either edges or categories")
    counts = (
        _in_edges(data, column, edges, on) if len(edges) else _in_levels(data, column, categories)
    )
    opendp = _opendp()
    budget.spend(epsilon, on=on)
    noise = opendp.make_laplace(
        opendp.vector_domain(opendp.atom_domain(T=int)),
        opendp.l1_distance(T=int),
        scale=TWO_BINS / epsilon,
    )
    drawn = [min(max(int(one), 0), len(data)) for one in noise(list(counts.values()))]
    found = dict(zip(counts, drawn, strict=True))
    return Release(
        on, epsilon, found, "geometric, cut at 0 and the number of rows", _error(epsilon)
    )


def _error(epsilon: float) -> float:
    """Return the mean absolute value of the two-sided geometric distribution."""
    ratio = float(np.exp(-epsilon / TWO_BINS))
    return 2.0 * ratio / (1.0 - ratio**2)


def _in_edges(data: pd.DataFrame, column: str, edges: Sequence[float], on: str) -> dict[str, int]:
    if len(edges) < 2 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise SpecError(f"{on}: edges must be at least two, finite and ascending, got {edges!r}")
    values = _numeric(data, column, on)
    is_there = ~np.isnan(values)
    place = np.searchsorted(edges, values[is_there], side="right") - 1
    is_inside = (place >= 0) & (place < len(edges) - 1)
    counts = np.bincount(place[is_inside], minlength=len(edges) - 1)
    names = [f"[{a:g}, {b:g})" for a, b in pairwise(edges)]
    found = dict(zip(names, counts.tolist(), strict=True))
    return found | {OTHER: int((~is_inside).sum()), MISSING: int((~is_there).sum())}


def _in_levels(data: pd.DataFrame, column: str, categories: Sequence[str]) -> dict[str, int]:
    require(data, [column])
    on = f"histogram of {column}"
    if not len(data):
        raise SpecError(f"{on}: there are no rows")
    if len(set(categories)) < len(categories) or {OTHER, MISSING} & set(categories):
        raise SpecError(f"{on}: categories must differ, and not be {OTHER!r} or {MISSING!r}")
    texts = data[column].dropna().map(str)
    counts = texts.value_counts()
    found = {name: int(counts.get(name, 0)) for name in categories}
    others = len(texts) - sum(found.values())
    return found | {OTHER: others, MISSING: len(data) - len(texts)}


def _numeric(data: pd.DataFrame, column: str, on: str) -> NDArray[np.float64]:
    import pandas as pd

    require(data, [column])
    if not len(data):
        raise SpecError(f"{on}: there are no rows")
    if not pd.api.types.is_numeric_dtype(data[column]):
        raise SpecError(f"{on}: the column must be numeric, and is {data[column].dtype}")
    return np.asarray(data[column].to_numpy(dtype=np.float64, na_value=np.nan))


def _opendp() -> SimpleNamespace:
    """Return what is used of OpenDP; its prelude would also load what is not."""
    try:
        from opendp import domains, measurements, metrics, mod, transformations
    except ImportError as err:
        raise MissingExtraError(
            "differentially private figures need OpenDP: pip install 'calmops-flows[privacy]'"
        ) from err
    mod.enable_features("contrib")
    return SimpleNamespace(
        atom_domain=domains.atom_domain,
        vector_domain=domains.vector_domain,
        symmetric_distance=metrics.symmetric_distance,
        l1_distance=metrics.l1_distance,
        make_sum=transformations.make_sum,
        make_laplace=measurements.make_laplace,
        then_laplace=measurements.then_laplace,
    )
