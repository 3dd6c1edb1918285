"""What every detector is, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from calmops_flows.profiles import Column

MIN_VALUES = 5
ANY_KIND = frozenset({"numeric", "categorical", "date", "null", "opaque"})


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one test on one column; numbers are None when it is untestable.

    Attributes
    ----------
    statistic : float or None
        As the detector defines it.
    p_value : float or None
        Valid chance of a statistic this large when nothing has changed.
    effect_size : float or None
        Size of the change, corrected for what chance alone would show.
    p_min : float
        Smallest p-value that these sample sizes and pooled values allow, or a
        bound below it.
    reason : str or None
        Why the test could not be run.
    """

    statistic: float | None
    p_value: float | None
    effect_size: float | None
    p_min: float = 0.0
    reason: str | None = None

    @classmethod
    def untestable(cls, reason: str) -> Self:
        """Return a finding without numbers."""
        return cls(None, None, None, reason=reason)

    @classmethod
    def unchanged(cls) -> Self:
        """Return the finding on columns that both hold one and the same value."""
        return cls(0.0, 1.0, 0.0, p_min=1.0)


class Detector(Protocol):
    """A two-sample test from two column profiles.

    ``kinds`` are the column kinds it applies to; ``min_effect`` is the floor
    below which a significant change does not matter.
    """

    @property
    def name(self) -> str:
        """Name in the family's dict, the spec and the reports."""

    @property
    def kinds(self) -> frozenset[str]:
        """Column kinds it applies to."""

    @property
    def min_effect(self) -> float:
        """Default effect floor."""

    def __call__(self, reference: Column, current: Column) -> Finding | None:
        """Test two columns; None when the test is no member of the family.

        Of the two columns at most one has kind ``"null"`` instead of a kind in
        ``kinds``.
        """


def unfit(reference: Column, current: Column) -> str | None:
    """Say why two columns have too few values to be compared, or None."""
    for column, label in ((reference, "reference"), (current, "current")):
        if column.n == 0:
            return f"no rows in the {label} data"
        if column.n_present == 0:
            return f"all values missing in the {label} data"
        if column.n_present < MIN_VALUES:
            return f"fewer than {MIN_VALUES} values in the {label} data"
    return None
