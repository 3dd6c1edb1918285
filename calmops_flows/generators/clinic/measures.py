"""Clinical measures over the visits: linear mixed effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.clinic.names import TIME
from calmops_flows.generators.formula import evaluate
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Measure(Part):
    """Something measured at every visit: formula + intercept + slope * time + noise [1]_.

    Intercept and slope are drawn for each patient, normal, and correlated.

    References
    ----------
    .. [1] Laird, N. M. and Ware, J. H. (1982). Random-effects models for longitudinal data.
       Biometrics 38, 963-974.
    """

    formula: str
    """What is expected, over variables, conditions, `group`, `time`, `visit`, `calendar`, and
    measures above."""
    intercept_sd: float = Field(default=0.0, ge=0.0)
    """Standard deviation of the patients' intercepts."""
    slope_sd: float = Field(default=0.0, ge=0.0)
    """Standard deviation of the patients' slopes, per year."""
    correlation: float = Field(default=0.0, gt=-1.0, lt=1.0)
    """Of intercept and slope."""
    noise: float = Field(default=1.0, ge=0.0)
    """Standard deviation at one visit."""
    scale: Literal["identity", "log"] = "identity"
    """log: all of this is about the natural logarithm, and the value is positive."""
    digits: int | None = Field(default=None, ge=0, le=15)
    """Decimals that are kept in the files."""

    def draw(
        self,
        columns: Mapping[str, NDArray[Any]],
        patient: NDArray[np.intp],
        n_patients: int,
        rng: np.random.Generator,
    ) -> Measured:
        """Draw the values at every row.

        Parameters
        ----------
        columns : mapping of str to ndarray of shape (n_rows,)
            What the formula can name.
        patient : ndarray of shape (n_rows,)
            Number of the patient.
        n_patients : int
            How many.
        rng : numpy.random.Generator
            Where randomness comes from.

        Returns
        -------
        Measured
            Values, and the patients' own effects.

        Raises
        ------
        SpecError
            If the formula gives values that are not finite.
        """
        first, second = rng.standard_normal((2, n_patients))
        intercept = self.intercept_sd * first
        slope = self.correlation * first + np.sqrt(1.0 - self.correlation**2) * second
        slope = self.slope_sd * slope
        fixed = evaluate(self.formula, columns).astype(float)
        if not np.isfinite(fixed).all():
            raise SpecError(f"the formula {self.formula!r} gives values that are not finite")
        values = fixed + intercept[patient] + slope[patient] * columns[TIME]
        values = values + self.noise * rng.standard_normal(len(patient))
        return Measured(np.exp(values) if self.scale == "log" else values, intercept, slope)


@dataclass(frozen=True, slots=True)
class Measured:
    """Values of shape (n_rows,), and the random effects, each of shape (n_patients,)."""

    values: NDArray[np.float64]
    intercept: NDArray[np.float64]
    slope: NDArray[np.float64]
