"""What generated rows give away about the real ones that were learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.generators.quality.samples import Samples, read_samples, thinned
from calmops_flows.generators.synthesis.redraw import Lookup

if TYPE_CHECKING:
    import pandas as pd

    from calmops_flows.generators.synthesis.columns import Floats, Ints

MAX_ROWS = 5_000
"""Rows of each table whose distances are measured."""
NEAR = 0.1
"""A number is found out if it is missed by at most so many standard deviations."""


@dataclass(frozen=True, slots=True)
class Copies:
    """Generated rows that equal a real one.

    Parameters
    ----------
    learnt : int
        Equal to a row that was learnt.
    by_chance : float or None
        How many would be by chance: those equal to a row held out, times learnt over held-out
        rows; None without a holdout.
    """

    learnt: int
    by_chance: float | None

    @property
    def beyond_chance(self) -> float | None:
        """Copies that chance does not explain; None without a holdout."""
        return None if self.by_chance is None else max(0.0, self.learnt - self.by_chance)


@dataclass(frozen=True, slots=True)
class Closeness:
    """Distances of generated rows to the nearest real one, learnt beside held out.

    Parameters
    ----------
    learnt, holdout : float
        Median distance to as many learnt as held-out rows.
    share_closer : float
        Share of generated rows closer to a learnt row (a tie counts half): 0.5 is safe.
    membership_auc : float
        How well the distance of a real row to the nearest generated one tells that it was
        learnt [1]_: 0.5 is safe.

    References
    ----------
    .. [1] Chen, Yu, Zhang and Fritz, "GAN-Leaks: a taxonomy of membership inference attacks
       against generative models", *CCS* 2020.
    """

    learnt: float
    holdout: float
    share_closer: float
    membership_auc: float


@dataclass(frozen=True, slots=True)
class Attribute:
    """An intruder knows all of a real row but one column, and looks that up in the nearest row.

    Parameters
    ----------
    name : str
        The column.
    learnt : float
        Share found out, of rows that were learnt.
    holdout : float
        Share found out, of rows that were not: what anybody could conclude.
    """

    name: str
    learnt: float
    holdout: float

    @property
    def risk(self) -> float:
        """What having been learnt adds; negative by chance only."""
        return self.learnt - self.holdout


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What generated rows give away.

    Parameters
    ----------
    copies : Copies
        Rows that equal a real one.
    closeness : Closeness or None
        Distances and membership; None without a holdout.
    attribute : Attribute or None
        A sensitive column; None without a holdout or such a column.
    """

    copies: Copies
    closeness: Closeness | None
    attribute: Attribute | None


def disclosure(
    real: pd.DataFrame,
    generated: pd.DataFrame,
    holdout: pd.DataFrame | None,
    *,
    sensitive: str | None = None,
    rng: np.random.Generator,
) -> Disclosure:
    """Measure what generated rows give away about the real ones that were learnt.

    Parameters
    ----------
    real : DataFrame
        Rows that the method learnt.
    generated : DataFrame
        Its rows.
    holdout : DataFrame or None
        Real rows that it did not learn; without them nothing tells closeness from chance.
    sensitive : str, optional
        The column that an intruder wants to know.
    rng : numpy.random.Generator
        Where randomness comes from.

    Raises
    ------
    SpecError
        If the tables have different columns, or the sensitive one is none of them.
    """
    copies = _copies(read_samples([real, generated, *([] if holdout is None else [holdout])]))
    if sensitive is not None:
        read_samples([real, generated]).at(sensitive)
    if holdout is None:
        return Disclosure(copies, None, None)
    n_rows = min(MAX_ROWS, len(real), len(holdout))
    members, others = thinned(real, n_rows, rng), thinned(holdout, n_rows, rng)
    samples = read_samples([members, thinned(generated, MAX_ROWS, rng), others])
    attribute = None if sensitive is None else _attribute(samples, sensitive)
    return Disclosure(copies, _closeness(samples), attribute)


def _copies(samples: Samples) -> Copies:
    real, new = samples.parts[:2]
    learnt = int(Lookup.of(real).holds(new).sum())
    if len(samples.parts) == 2:
        return Copies(learnt, None)
    held = samples.parts[2]
    return Copies(learnt, float(Lookup.of(held).holds(new).sum() * len(real) / len(held)))


def _closeness(samples: Samples) -> Closeness:
    members, new, others = samples.features()
    to_members, to_others = _nearest(new, members)[0], _nearest(new, others)[0]
    closer = np.mean((to_members < to_others) + (to_members == to_others) / 2)
    from scipy.stats import mannwhitneyu

    inside, outside = _nearest(members, new)[0], _nearest(others, new)[0]
    wins = mannwhitneyu(outside, inside).statistic
    return Closeness(
        float(np.median(to_members)),
        float(np.median(to_others)),
        float(closer),
        float(wins / (len(inside) * len(outside))),
    )


def _attribute(samples: Samples, sensitive: str) -> Attribute:
    at = samples.at(sensitive)
    members, new, others = samples.features(without=at)
    known = samples.parts[1][:, at]
    near = (
        0.0 if samples.columns[at].is_category else NEAR * float(np.nanstd(samples.parts[0][:, at]))
    )
    found = []
    for rows, truth in ((members, samples.parts[0][:, at]), (others, samples.parts[2][:, at])):
        guess = known[_nearest(rows, new)[1]]
        right = (np.abs(guess - truth) <= near) | (np.isnan(guess) & np.isnan(truth))
        found.append(float(right.mean()))
    return Attribute(sensitive, *found)


def _nearest(rows: Floats, among: Floats) -> tuple[Floats, Ints]:
    """Return distance and number of the nearest row, by exact differences."""
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(among)
    at = found.kneighbors(rows, return_distance=False)[:, 0]
    # the fast formula loses the small distances that matter here
    return np.sqrt(((rows - among[at]) ** 2).sum(axis=1)), at
