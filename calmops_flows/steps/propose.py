"""What settings the measured rates and variations speak for. Pure: it changes nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from calmops_flows.spec import DriftSpec

MIN_PAIRS = 5
RESTLESS = 0.2
MIN_ALARMS = 2
LONE = 2 / 3
PER = 100
# Their effects are shares of rows: a floor that fits a distribution would silence them.
SHARE_TESTS = frozenset({"missing_rate", "unseen_levels", "vanished_levels"})
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Rate:
    """Alarms among verdicts, with the Monte-Carlo error of their share [1]_.

    References
    ----------
    .. [1] E. B. Wilson, Probable inference, the law of succession, and statistical
       inference, JASA 22, 1927, 209-212.

    Examples
    --------
    >>> rate = Rate(alarms=8, trials=200)
    >>> rate.value, tuple(round(bound, 3) for bound in rate.bounds)
    (0.04, (0.02, 0.077))
    """

    alarms: int
    trials: int

    @property
    def value(self) -> float | None:
        """Share of alarms; None without a verdict."""
        return self.alarms / self.trials if self.trials else None

    @property
    def bounds(self) -> tuple[float, float]:
        """Wilson's 95 % interval."""
        if not self.trials:
            return 0.0, 1.0
        share, n = self.alarms / self.trials, self.trials
        middle = share + _Z**2 / (2 * n)
        reach = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
        scale = 1 + _Z**2 / n
        return max((middle - reach) / scale, 0.0), min((middle + reach) / scale, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        lower, upper = self.bounds
        return {
            "alarms": self.alarms,
            "trials": self.trials,
            "rate": self.value,
            "lower": lower,
            "upper": upper,
        }


@dataclass(frozen=True, slots=True)
class ColumnVariation:
    """How far one column moves, by one test, between snapshots that followed one another."""

    name: str
    detector: str
    pairs: int
    alarms: int
    median: float
    ninth_decile: float
    largest: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """A setting to consider, as ``calmops update`` takes it, and why."""

    setting: str
    value: Any
    reason: str


def propose(
    spec: DriftSpec,
    alpha: float,
    rates: tuple[Rate, Rate, Rate],
    columns: Sequence[ColumnVariation],
    *,
    verdicts: Sequence[bool | None],
    dependence: str | None,
) -> tuple[tuple[Proposal, ...], tuple[str, ...]]:
    """Derive proposals and notes from what was measured.

    Parameters
    ----------
    spec : DriftSpec
        What is set now.
    alpha : float
        Error rate of one verdict under it.
    rates : tuple of Rate
        Random splits, ordered splits, pairs of snapshots.
    columns : sequence of ColumnVariation
        Between snapshots.
    verdicts : sequence of bool or None
        What the pipeline said of its past snapshots, oldest first.
    dependence : str or None
        What the verdicts noted about serial dependence of the rows.

    Returns
    -------
    proposals : tuple of Proposal
        Settings with reasons; empty when nothing speaks for a change.
    notes : tuple of str
        What could not be measured, and how to read the rest.
    """
    random, ordered, between = rates
    found: list[Proposal] = []
    found.extend(_block(spec, alpha, ordered, dependence))
    found.extend(_floors(spec, columns, between))
    found.extend(_budget(spec, alpha))
    found.extend(_persistence(spec, verdicts))
    return tuple(found), tuple(_notes(alpha, random, ordered, between, found))


def _block(
    spec: DriftSpec, alpha: float, ordered: Rate, dependence: str | None
) -> Iterator[Proposal]:
    if spec.dependence == "block" or dependence is None or ordered.bounds[0] <= alpha:
        return
    yield Proposal(
        "drift.dependence",
        "block",
        f"neighbouring stretches of one file alarmed in {ordered.alarms} of {ordered.trials} "
        f"verdicts, more than alpha {alpha:g} explains, and {dependence}",
    )


def _floors(
    spec: DriftSpec, columns: Sequence[ColumnVariation], between: Rate
) -> Iterator[Proposal]:
    """Propose a floor where a column moves so often that its movement is its nature."""
    if between.trials < MIN_PAIRS:
        return
    restless: dict[str, ColumnVariation] = {}
    for column in columns:
        if column.detector in SHARE_TESTS or column.alarms < MIN_ALARMS:
            continue
        if column.alarms < RESTLESS * column.pairs:
            continue
        known = restless.get(column.name)
        if known is None or column.ninth_decile > known.ninth_decile:
            restless[column.name] = column
    for name, column in restless.items():
        floor = _rounded_up(column.ninth_decile)
        override = spec.columns.get(name)
        now = override.min_effect if override else spec.min_effect
        if now is not None and now >= floor:
            continue
        yield Proposal(
            f"drift.columns.{name}.min_effect",
            floor,
            f"{column.detector} alarmed in {column.alarms} of {column.pairs} pairs of snapshots "
            f"that followed one another, and nine in ten moved by at most "
            f"{column.ninth_decile:.3g}; the floor also holds for the column's missing rate",
        )


def _budget(spec: DriftSpec, alpha: float) -> Iterator[Proposal]:
    if spec.over_time is None and alpha * PER > 1.0:
        yield Proposal(
            "drift.over_time",
            {"budget": 1.0, "per": PER},
            f"alpha {alpha:g} for each snapshot allows {alpha * PER:g} false alarms in {PER} "
            "snapshots that do not change",
        )


def _persistence(spec: DriftSpec, verdicts: Sequence[bool | None]) -> Iterator[Proposal]:
    tested = [verdict for verdict in verdicts if verdict is not None]
    runs = [len(list(group)) for is_drift, group in groupby(tested) if is_drift]
    lone = runs.count(1)
    if spec.persist is not None or len(runs) < 3 or lone < LONE * len(runs):
        return
    yield Proposal(
        "drift.persist",
        {"k": 2, "n": 3},
        f"{lone} of {len(runs)} spells of drift lasted one snapshot; the filter has no error rate "
        "of its own, and it delays the answer to a lasting change by a snapshot",
    )


def _notes(
    alpha: float, random: Rate, ordered: Rate, between: Rate, found: Sequence[Proposal]
) -> Iterator[str]:
    if not random.trials:
        yield "no snapshot with enough rows is kept, so the false-alarm rate was not measured"
    elif random.bounds[0] > alpha:
        yield (
            f"random halves alarm more often than alpha {alpha:g} allows: the policy's tests may "
            "not hold their level on these data; measure again with more splits"
        )
    if ordered.trials and ordered.bounds[0] > alpha:
        yield "rows change within a file, or depend on the rows before them"
    if between.trials < MIN_PAIRS:
        yield (
            f"natural variation does not show in {between.trials} pairs of past snapshots; "
            f"floors are proposed from {MIN_PAIRS} pairs on"
        )
    if any(proposal.setting.endswith("min_effect") for proposal in found):
        yield (
            "the floors take what happened so far as natural: if that was drift worth acting on, "
            "they would hide the next one"
        )


def _rounded_up(value: float) -> float:
    """Round up to two significant digits."""
    if value <= 0.0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return round(math.ceil(value / step - 1e-9) * step, 12)
