"""What a generated table has of a real one: records that reports and charts draw."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from calmops_flows.records import DriftReport


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of the rows with a value, in each bin.

    Parameters
    ----------
    is_ordered : bool
        Bins of numbers or dates; else categories.
    labels : tuple of str
        Lower edge of each bin, and the last upper edge; or the categories.
    real, generated : tuple of float
        Share of each bin.
    """

    is_ordered: bool
    labels: tuple[str, ...]
    real: tuple[float, ...]
    generated: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ColumnComparison:
    """One column in both tables.

    Parameters
    ----------
    name, kind : str
        Its name; numeric or categorical.
    test : str
        The test: ``ks`` or ``tvd``.
    distance, p_value : float or None
        Largest difference of the distribution functions, or half the summed difference of the
        shares; the p-value adjusted for all columns. None when the test could not be run.
    is_different : bool or None
        Whether the test says so, at the verdict's error rate.
    reason : str or None
        Why it could not be run.
    missing, extent : pair of float, pair of str
        Share of missing values, and range or number of categories: real, generated.
    shares : Shares
        Both distributions over common bins.
    """

    name: str
    kind: str
    test: str
    distance: float | None
    p_value: float | None
    is_different: bool | None
    reason: str | None
    missing: tuple[float, float]
    extent: tuple[str, str]
    shares: Shares


@dataclass(frozen=True, slots=True)
class PairComparison:
    """Pearson's correlation of two numeric columns in both tables."""

    columns: tuple[str, str]
    real: float
    generated: float

    @property
    def difference(self) -> float:
        """How far apart the correlations are."""
        return abs(self.real - self.generated)


@dataclass(frozen=True, slots=True)
class GeneratedComparison:
    """A real and a generated table side by side.

    Parameters
    ----------
    rows : pair of int
        Rows: real, generated.
    columns : tuple of ColumnComparison
        Most different first.
    pairs : tuple of PairComparison
        Most different first.
    only : pair of tuple of str
        Columns that only the real, only the generated table has.
    verdict : DriftReport
        What the drift engine says with its default policy, joint test included.
    """

    rows: tuple[int, int]
    columns: tuple[ColumnComparison, ...]
    pairs: tuple[PairComparison, ...]
    only: tuple[tuple[str, ...], tuple[str, ...]]
    verdict: DriftReport

    @property
    def mean_pair_difference(self) -> float | None:
        """The mean difference of the correlations; None without pairs."""
        if not self.pairs:
            return None
        return fmean(pair.difference for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class Pages:
    """A report as one page that loads nothing, and as JSON."""

    html: str
    json: str


@dataclass(frozen=True, slots=True)
class Preview:
    """A comparison with the first snapshot, and its report."""

    comparison: GeneratedComparison
    pages: Pages
