"""Merge many profiles in groups, which adds less error than one after the other."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from calmops_flows.errors import ProfileError
from calmops_flows.profiles.profile import Profile, check_same_columns, merge_columns
from calmops_flows.profiles.sample import merge_samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GROUP = 8


def merge_all(profiles: Iterable[Profile]) -> Profile:
    """Merge the profiles of consecutive batches into the profile of all their rows.

    Each time that grids are merged, their points are thinned out, and the ``rank_error`` grows. So
    groups of eight are merged at once, then groups of eight such groups, and so on: for n batches
    there are about log8(n) rounds, and seven profiles for each round are in memory.

    Parameters
    ----------
    profiles : iterable of Profile
        At least one, all with the same columns.

    Returns
    -------
    Profile
        As of all batches one after the other; without a sample if one has none.

    Raises
    ------
    ProfileError
        If there is no profile, or the columns differ in name or kind.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from calmops_flows.profiles import profile
    >>> merge_all(profile(pa.table({"x": [float(i)]})) for i in range(20)).n_rows
    20
    """
    waiting: list[list[Profile]] = []
    for found in profiles:
        whole, place = found, 0
        while place < len(waiting) and len(waiting[place]) == GROUP - 1:
            whole = _merged([*waiting[place], whole])
            waiting[place] = []
            place += 1
        if place == len(waiting):
            waiting.append([])
        waiting[place].append(whole)
    return _merged([one for level in reversed(waiting) for one in level])


def _merged(profiles: Sequence[Profile]) -> Profile:
    if not profiles:
        raise ProfileError("expected at least one profile to merge, found none")
    first, *others = profiles
    if not others:
        return first
    for other in others:
        check_same_columns(first, other)
    columns = {
        name: merge_columns([one.columns[name] for one in profiles]) for name in first.columns
    }
    samples = [one.sample for one in profiles if one.sample is not None]
    sample = functools.reduce(merge_samples, samples) if len(samples) == len(profiles) else None
    return Profile(sum(one.n_rows for one in profiles), columns, sample)
