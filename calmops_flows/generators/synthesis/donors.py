"""Values of donor rows, drawn from groups of them, smoothed where a value is rare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from calmops_flows.generators.synthesis.columns import Floats, Ints

Smoothing = Literal["leaf", "density", "none"]
SHARED = 5
"""A number that at least so many rows share identifies nobody, and is drawn as it is."""


@dataclass(frozen=True, slots=True)
class Donors:
    """Values in groups; what is drawn for a group comes from its own values.

    Parameters
    ----------
    values : ndarray of shape (n_donors,)
        Ordered by group, then by value.
    start : ndarray of shape (n_groups + 1,)
        Where each group begins.
    below, above : ndarray of shape (n_donors,)
        How far a drawn value may lie from its donor.
    is_normal : bool
        Whether distances are normal (else uniform).
    """

    values: Floats
    start: Ints
    below: Floats
    above: Floats
    is_normal: bool

    def draw(self, group: Ints, rng: np.random.Generator) -> Floats:
        """Draw one value for each of these groups.

        Rows of a group share its donors out as evenly as chance lets them (stratified sampling),
        so that rare large values come about as often as they did.
        """
        n = len(group)
        order = np.lexsort((rng.random(n), group))
        first = np.searchsorted(group[order], group[order])
        rows = np.bincount(group, minlength=len(self.start) - 1)[group[order]]
        share = np.empty(n)
        share[order] = (np.arange(n) - first + rng.random(n)) / rows
        return self.take(group, share, rng)

    def take(self, group: Ints, share: Floats, rng: np.random.Generator) -> Floats:
        """Return the value at a share (from 0 to below 1) of each group's ordered donors."""
        n = len(group)
        size = self.start[group + 1] - self.start[group]
        at = self.start[group] + np.minimum((share * size).astype(np.intp), size - 1)
        step = rng.standard_normal(n) if self.is_normal else rng.uniform(-1.0, 1.0, n)
        reach = np.where(step < 0, self.below[at], self.above[at])
        return np.asarray(self.values[at] + step * reach)


def make_donors(values: Floats, group: Ints, n_groups: int, smoothing: Smoothing) -> Donors:
    """Sort values into groups, and say how each may be smoothed.

    ``leaf`` moves a value within half the way to its neighbours in the group, but not further
    than a kernel over all values would; ``density`` is that kernel (Silverman's normal one), as
    in synthpop. Shared values are never moved.

    Parameters
    ----------
    values : ndarray of shape (n_donors,)
        Without missing ones.
    group : ndarray of shape (n_donors,)
        From 0; each of the groups has a donor.
    n_groups : int
        How many groups there are.
    smoothing : {"leaf", "density", "none"}
        What to do with rare values.
    """
    order = np.lexsort((values, group))
    values, group = values[order], group[order]
    start = np.searchsorted(group, np.arange(n_groups + 1))
    below, above = np.zeros(len(values)), np.zeros(len(values))
    _, back, counts = np.unique(values, return_inverse=True, return_counts=True)
    rare = np.flatnonzero(counts[back] < SHARED)
    width = _bandwidth(values[rare])
    if smoothing == "density":
        below[rare] = above[rare] = width
    if smoothing == "leaf" and width > 0:
        below[rare], above[rare] = _reach(values[rare], group[rare], width)
    return Donors(values, start, below, above, smoothing == "density")


def _reach(values: Floats, group: Ints, width: float) -> tuple[Floats, Floats]:
    half = np.where(group[1:] == group[:-1], np.diff(values) / 2, np.nan)
    below, above = np.append(np.nan, half), np.append(half, np.nan)
    # at the edge of a group: as far as to the other side
    mirrored = np.where(np.isnan(below), above, below), np.where(np.isnan(above), below, above)
    below, above = (np.clip(np.nan_to_num(side, nan=width), width / 10, width) for side in mirrored)
    return below, above


def _bandwidth(values: Floats) -> float:
    """Return Silverman's bandwidth, 0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    low, high = np.quantile(values, [0.25, 0.75])
    spread = min(float(values.std()), float(high - low) / 1.34) or float(values.std())
    return float(0.9 * spread * len(values) ** -0.2)
