"""Which rows train and which judge, decided by the rows themselves.

A row's role is a function of its content and of a salt, so the same row has the same role in every
block it ever comes in: a block that is delivered twice, or corrected and delivered again, cannot
be judged on rows that an earlier model was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, slots=True)
class Roles:
    """Row numbers of a block by what they are for, and the keys that had to change their role.

    Parameters
    ----------
    train : ndarray of int
        Rows that models are fitted on.
    grow : ndarray of int
        Rows that decide whether a model joins its ensemble.
    prune : ndarray of int
        Rows that compare ensembles; no ensemble is ever fitted or grown on them.
    moved : ndarray of uint64
        Keys of rows that train because their class had no other row; they must train for ever.
    """

    train: NDArray[np.intp]
    grow: NDArray[np.intp]
    prune: NDArray[np.intp]
    moved: Keys


def row_keys(X: NDArray[Any], salt: int) -> Keys:
    """Hash each row with the number of equal rows above it.

    Equal rows are different observations, so each occurrence has a key of its own, and the
    n-th occurrence has the same key in every block.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Numbers.
    salt : int
        Non-negative; other salts give other keys.

    Returns
    -------
    ndarray of uint64 of shape (n,)
        Uniform over all 64 bits.

    Examples
    --------
    >>> keys = row_keys(np.array([[1.0], [2.0], [1.0]]), 7)
    >>> len(set(keys.tolist())), bool((row_keys(np.array([[2.0], [1.0]]), 7) == keys[[1, 0]]).all())
    (3, True)
    """
    values = np.asarray(X, dtype=np.float64) + 0.0  # minus zero is zero
    values[np.isnan(values)] = np.nan  # one NaN of the many
    bits = np.ascontiguousarray(values).view(np.uint64)
    with np.errstate(over="ignore"):
        keys = np.full(len(bits), salt, dtype=np.uint64)
        for column in bits.T:
            keys = _mixed(keys + _GOLDEN ^ column)
        return _mixed(keys + _GOLDEN * (1 + _occurrences(keys)))


def assign_roles(
    keys: Keys, codes: NDArray[np.intp], *, share: float, moved: Keys | None = None
) -> Roles:
    """Give each row of a block its role.

    Parameters
    ----------
    keys : ndarray of uint64 of shape (n,)
        From `row_keys`.
    codes : ndarray of int of shape (n,)
        Class of each row, from 0.
    share : float
        Expected share of each class that validates; one half of it grows, one prunes.
    moved : ndarray of uint64, optional
        Keys that must train, from earlier blocks.

    Returns
    -------
    Roles
        Each class of the block has a row that trains.

    Examples
    --------
    >>> keys = row_keys(np.arange(1000.0)[:, None], 0)
    >>> roles = assign_roles(keys, np.zeros(1000, dtype=int), share=0.2)
    >>> len(roles.train), len(roles.grow), len(roles.prune)
    (783, 107, 110)
    """
    unit = (keys >> np.uint64(11)).astype(np.float64) * 2.0**-53
    role = np.digitize(unit, [share / 2, share])  # 0 prunes, 1 grows, 2 trains
    if moved is not None and len(moved):
        role[np.isin(keys, moved)] = 2
    lent = [_lent(np.flatnonzero(codes == code), role) for code in np.unique(codes)]
    rows = np.concatenate(lent)
    role[rows] = 2
    prune, grow, train = (np.flatnonzero(role == number) for number in range(3))
    return Roles(train, grow, prune, keys[rows])


def lacks(classes: NDArray[Any], codes: NDArray[np.intp], roles: Roles) -> Iterator[str]:
    """Say what a block lacks.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        Labels seen so far.
    codes : ndarray of int of shape (n,)
        Place of each row's label among them.
    roles : Roles
        Of the block.

    Yields
    ------
    str
        One line per class and lack.
    """
    for code, label in enumerate(classes.tolist()):
        if code not in codes:
            yield f"class {label!r} is not in the block: its ensembles are kept"
            continue
        if code not in codes[roles.grow]:
            yield f"class {label!r} has no row that decides on models: each ensemble has one"
        if code not in codes[roles.prune]:
            yield f"class {label!r} has no row that compares ensembles: the old ones are kept"


def _lent(rows: NDArray[np.intp], role: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the rows of a class that must train although they should judge."""
    roles = role[rows]
    if (roles == 2).any():
        return rows[:0]
    lent: NDArray[np.intp] = rows[roles == roles.max()]
    return lent


def _mixed(keys: Keys) -> Keys:
    """Mix the bits of each key (the finaliser of SplitMix64)."""
    keys = (keys ^ (keys >> np.uint64(30))) * _FIRST
    keys = (keys ^ (keys >> np.uint64(27))) * _SECOND
    return keys ^ (keys >> np.uint64(31))


def _occurrences(keys: Keys) -> Keys:
    """Count the equal keys before each one."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    lengths = np.diff(np.append(starts, len(keys)))
    counts = np.empty(len(keys), dtype=np.uint64)
    counts[order] = np.arange(len(keys)) - np.repeat(starts, lengths)
    return counts
