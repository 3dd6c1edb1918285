"""How columns are tested and when a change counts as drift."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from calmops_flows.detectors import ALL_DETECTORS
from calmops_flows.detectors.correction import CORRECTIONS
from calmops_flows.detectors.over_time import alpha_for
from calmops_flows.errors import SpecError
from calmops_flows.profiles import Coarsening

if TYPE_CHECKING:
    from calmops_flows.spec import DriftSpec

DEFAULT_WEIGHTS: Mapping[str, float] = {
    "location_scale": 1.0,
    "chi_square": 0.4,
    "largest_residual": 0.4,
    "unseen_levels": 0.1,
    "vanished_levels": 0.1,
    "missing_rate": 0.5,
}
DEFAULT_SUITE = tuple(DEFAULT_WEIGHTS)
JOINT_SHARE = 0.4
MULTIVARIATE = ("auto", "off", "mmd", "domain", "energy", "pca")
DEPENDENCE = ("none", "block")
_VOTE = re.compile(r"^(any|majority|share:(0?\.\d+|1(\.0*)?))$")


@dataclass(frozen=True, slots=True)
class ColumnPolicy:
    """Overrides of the policy for one column.

    Parameters
    ----------
    enabled : bool, default True
        Whether the column is tested at all, alone or jointly.
    detector : str, optional
        Detector instead of the policy's; the missing rate is tested besides.
    min_effect : float, optional
        Floor instead of the policy's.
    threshold : float, optional
        Smallest size of the statistic of ``detector``, as reported and in its own
        unit (0.2 for a PSI of 0.2), that counts as drift. It takes the place of the
        floor on the effect, unless ``min_effect`` is given too; the p-value must
        hold besides.
    """

    enabled: bool = True
    detector: str | None = None
    min_effect: float | None = None
    threshold: float | None = None


def coarsening(spec: DriftSpec) -> Coarsening | None:
    """Return how coarse the profiles of a pipeline are kept, None for as they are."""
    return None if spec.coarsen is None else Coarsening(**spec.coarsen.model_dump())


@dataclass(frozen=True, slots=True)
class DriftPolicy:
    """How columns are tested and when a change counts as drift.

    Parameters
    ----------
    alpha : float, default 0.05
        Chance of any false alarm in one verdict (with ``"bh"``: bound of the
        expected share of false alarms among the columns' alarms).
    correction : {"holm", "bh"}, default "holm"
        Adjustment over columns and tests.
    min_effect : float, optional
        Floor for the effects of all column tests; default each detector's own.
    detectors : tuple of str, default the suite
        Names of the detectors to run. The default suite weighs its tests so that
        each column has about the same share of the error rate.
    multivariate : {"auto", "off", "mmd", "domain", "energy", "pca"}, default "auto"
        Joint test, with two fifths of ``alpha``; what it cannot use goes to the
        columns.
    vote : str, default "any"
        ``"any"`` alarm is drift; ``"majority"`` or ``"share:x"``: more than half, or
        at least the share x, of the tested columns must have drifted, and the joint
        test does not vote.
    dependence : {"none", "block"}, default "none"
        ``"block"``: rows are serially dependent; each column counts for as many
        rows as its autocorrelation leaves independent.
    columns : mapping of str to ColumnPolicy, default empty
        Overrides by column name.
    coarsen : Coarsening, optional
        How much of the rows a profile may show; default: quantile points and rare
        levels as they are.

    Raises
    ------
    SpecError
        If a value is out of range or a name is unknown.
    """

    alpha: float = 0.05
    correction: str = "holm"
    min_effect: float | None = None
    detectors: tuple[str, ...] = DEFAULT_SUITE
    multivariate: str = "auto"
    vote: str = "any"
    dependence: str = "none"
    columns: Mapping[str, ColumnPolicy] = field(default_factory=dict)
    coarsen: Coarsening | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 1.0:
            raise SpecError(f"drift.alpha must lie between 0 and 1, got {self.alpha!r}")
        for name, value, known in (
            ("correction", self.correction, sorted(CORRECTIONS)),
            ("multivariate", self.multivariate, MULTIVARIATE),
            ("dependence", self.dependence, DEPENDENCE),
        ):
            if value not in known:
                raise SpecError(f"drift.{name} must be one of {list(known)}, got {value!r}")
        share = _VOTE.match(self.vote)
        if share is None or not float(share.group(2) or 1.0):
            raise SpecError(
                f"drift.vote must be any, majority or share:x with 0 < x <= 1, got {self.vote!r}"
            )
        self._check_names()
        self._check_floors()

    def _check_names(self) -> None:
        overrides = [c.detector for c in self.columns.values() if c.detector is not None]
        unknown = [name for name in (*self.detectors, *overrides) if name not in ALL_DETECTORS]
        if unknown or not self.detectors:
            raise SpecError(
                f"drift.detectors must be some of {sorted(ALL_DETECTORS)}, got {unknown[:10]!r}"
            )

    def _check_floors(self) -> None:
        floors = {"drift.min_effect": self.min_effect}
        for name, column in self.columns.items():
            floors[f"drift.columns.{name}.min_effect"] = column.min_effect
            floors[f"drift.columns.{name}.threshold"] = column.threshold
            if column.threshold is not None and column.detector is None:
                raise SpecError(
                    f"drift.columns.{name}.threshold is in the unit of a detector's statistic; "
                    f"name it in drift.columns.{name}.detector, for example psi"
                )
        for where, floor in floors.items():
            if floor is not None and not floor >= 0.0:
                raise SpecError(f"{where} must not be negative, got {floor!r}")

    @classmethod
    def from_spec(cls, spec: DriftSpec) -> Self:
        """Return the policy that a spec declares.

        Raises
        ------
        SpecError
            If a value is out of range or a name is unknown.
        """
        return cls(
            alpha=spec.alpha if spec.over_time is None else alpha_for(spec.over_time),
            correction=spec.correction,
            min_effect=spec.min_effect,
            detectors=tuple(dict.fromkeys(spec.detectors)) or DEFAULT_SUITE,
            multivariate=spec.multivariate,
            vote=spec.vote,
            dependence=spec.dependence,
            columns={
                name: ColumnPolicy(**column.model_dump()) for name, column in spec.columns.items()
            },
            coarsen=coarsening(spec),
        )

    def detectors_for(self, column: str) -> tuple[str, ...]:
        """Return the names of the detectors that one column is tested with."""
        override = self.columns.get(column)
        if override is None or override.detector is None:
            return self.detectors
        rest = ("missing_rate",) if "missing_rate" in self.detectors else ()
        return tuple(dict.fromkeys((override.detector, *rest)))

    def names_detector(self, column: str) -> bool:
        """Tell whether a column has a detector of its own."""
        override = self.columns.get(column)
        return override is not None and override.detector is not None

    def threshold(self, column: str, detector: str) -> float | None:
        """Return the bound that a column sets for the statistic of its detector."""
        override = self.columns.get(column)
        return override.threshold if override and override.detector == detector else None

    def weight(self, detector: str) -> float:
        """Return the relative share of the error rate that a test gets."""
        return DEFAULT_WEIGHTS.get(detector, 1.0) if self.detectors == DEFAULT_SUITE else 1.0

    def floor(self, column: str, default: float) -> float:
        """Return the effect floor of a column's tests, given their detector's own."""
        override = self.columns.get(column)
        if override is not None and override.min_effect is not None:
            return override.min_effect
        return default if self.min_effect is None else self.min_effect
