"""Adapter to the univariate batch detectors of frouros."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.detectors.base import Finding
from calmops_flows.detectors.paired import Paired, paired_or_finding
from calmops_flows.detectors.shift import paired_shift
from calmops_flows.errors import MissingExtraError
from calmops_flows.profiles import Column

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_MODULE = "frouros.detectors.data_drift"
_TESTS = (
    "AndersonDarlingTest",
    "BWSTest",
    "CVMTest",
    "KSTest",
    "KuiperTest",
    "MannWhitneyUTest",
    "WelchTTest",
)
_DISTANCES = (
    "BhattacharyyaDistance",
    "EMD",
    "EnergyDistance",
    "HellingerDistance",
    "HINormalizedComplement",
    "JS",
    "KL",
    "PSI",
)
FROUROS_TESTS = (*_TESTS, *_DISTANCES)
N_PERMUTATIONS = 999
_P_MIN = {"AndersonDarlingTest": 1e-3, "BWSTest": 1e-4}


@dataclass(frozen=True, slots=True)
class FrourosDetector:
    """Run one of frouros' univariate batch detectors on two exact columns [1]_.

    It needs the values themselves, so a gridded profile is untestable. Tests keep
    frouros' p-value (Anderson-Darling's is clipped at .001); distances, which
    have none, get one by ``N_PERMUTATIONS`` permutations, seeded by the sizes. The effect
    is `standardised_shift`.

    References
    ----------
    .. [1] J. Céspedes Sisniega and Á. López García, Frouros: an open-source Python
       library for drift detection in machine learning systems, SoftwareX 26, 2024.
    """

    name: str
    kinds: frozenset[str] = frozenset({"numeric"})
    min_effect: float = 0.02

    def __call__(self, reference: Column, current: Column) -> Finding:
        """Test two columns.

        Raises
        ------
        MissingExtraError
            If frouros is not installed.
        """
        both = paired_or_finding(self.name, reference, current)
        if isinstance(both, Finding):
            return both
        reason = _unfit(both)
        if reason is not None:
            return Finding.untestable(f"{self.name} {reason}")
        test = self.name.partition(":")[2]
        detector = _detector_class(test)
        before, after = np.repeat(both.points, both.reference), np.repeat(both.points, both.current)
        if test in _TESTS:
            statistic, p_value = _test(detector, before, after)
            p_min = _P_MIN.get(test, 0.0)
        else:
            statistic, p_value = _permuted(detector, before, after)
            p_min = 1.0 / (N_PERMUTATIONS + 1)
        if not math.isfinite(p_value) or not math.isfinite(statistic):
            return Finding.untestable(f"{self.name} returns no finite number on these values")
        return Finding(statistic, min(1.0, p_value), paired_shift(both), p_min)


def _unfit(both: Paired) -> str | None:
    rows = both.reference.sum() + both.current.sum()
    if both.slack:
        return "needs exact columns; these are grids of more rows than a profile keeps"
    if not np.isfinite(both.points).all():
        return "needs finite values"
    if rows > (both.n + both.m) * (1.0 + 1e-9):
        return "takes rows as independent, which the policy denies"
    return None


@lru_cache(maxsize=32)
def _detector_class(test: str) -> Callable[[], Any]:
    try:
        module = importlib.import_module(_MODULE)
    except ImportError as err:
        raise MissingExtraError(
            f"detector 'frouros:{test}' needs frouros, which cannot be imported: {err}"
        ) from err
    found: Callable[[], Any] = getattr(module, test)
    return found


def _run(
    detector: Callable[[], Any], before: NDArray[np.float64], after: NDArray[np.float64]
) -> Any:
    test = detector()
    test.fit(X=before)
    return test.compare(X=after)[0]


def _test(
    detector: Callable[[], Any], before: NDArray[np.float64], after: NDArray[np.float64]
) -> tuple[float, float]:
    import warnings

    with warnings.catch_warnings():
        # scipy warns where it clips the p-value of Anderson-Darling
        warnings.simplefilter("ignore", UserWarning)
        result = _run(detector, before, after)
    return float(result.statistic), float(result.p_value)


def _permuted(
    detector: Callable[[], Any], before: NDArray[np.float64], after: NDArray[np.float64]
) -> tuple[float, float]:
    distance = float(_run(detector, before, after).distance)
    pooled = np.concatenate((before, after))
    rng = np.random.default_rng([len(before), len(after)])
    hits = 0
    for _ in range(N_PERMUTATIONS):
        rng.shuffle(pooled)
        permuted = _run(detector, pooled[: len(before)], pooled[len(before) :]).distance
        hits += bool(permuted >= distance * (1.0 - 1e-9))
    return distance, (hits + 1) / (N_PERMUTATIONS + 1)
