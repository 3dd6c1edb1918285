"""Batches: laboratories, scanners, lots; and what each does to the values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from calmops_flows.generators.clinic.names import GROUP, Name, listed
from calmops_flows.generators.clinic.shares import check_shares, pick
from calmops_flows.generators.formula import evaluate
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.generators.clinic.seeds import Seeds


class Batch(Part):
    """Who is measured where, and by how much that differs [1]_.

    A value becomes value + shift * sd + (scale - 1) * (value - mean), with mean and sd of the
    feature without effects; shifts and scales are drawn for each feature and batch.

    References
    ----------
    .. [1] Johnson, W. E., Li, C. and Rabinovic, A. (2007). Adjusting batch effects in microarray
       expression data using empirical Bayes methods. Biostatistics 8, 118-127: the model.
    """

    shares: dict[Name, float]
    """Share of each batch."""
    by: Literal["patient", "visit"] = "patient"
    """Whether a patient stays in one batch, or it is drawn at every visit."""
    tilt: dict[Name, dict[Name, float]] = Field(default_factory=dict)
    """Group: batch: factor on its share, where batches and groups are confounded."""
    rules: dict[Name, str] = Field(default_factory=dict)
    """Batch: formula; visits for which it holds are in that batch (the last rule wins)."""
    acts_on: tuple[Name, ...] = ()
    """Layers and measures that differ; default: all."""
    offset: dict[Name, float] = Field(default_factory=dict)
    """Batch: shift of all features, in standard deviations."""
    shift_sd: float = Field(default=0.0, ge=0.0)
    """Standard deviation of the features' own shifts, in standard deviations of each."""
    scale_sd: float = Field(default=0.0, ge=0.0, le=3.0)
    """Standard deviation of the logarithm of the features' scales."""

    @model_validator(mode="after")
    def _fits(self) -> Batch:
        check_shares(self.shares, "the shares of the batches")
        named = [*self.rules, *self.offset, *(b for row in self.tilt.values() for b in row)]
        for name in named:
            if name not in self.shares:
                raise ValueError(f"no batch {name!r}; valid: {listed(self.shares)}")
        if any(factor < 0 for row in self.tilt.values() for factor in row.values()):
            raise ValueError("a tilt must not be negative")
        return self

    def assign(
        self, columns: Mapping[str, NDArray[Any]], patient: NDArray[np.intp], rng: Seeds, name: str
    ) -> NDArray[np.intp]:
        """Return the number of each row's batch, in the order of the shares.

        Parameters
        ----------
        columns : mapping of str to ndarray of shape (n_rows,)
            What is known at each row; tilts see the group at the first one.
        patient : ndarray of shape (n_rows,)
            Number of the patient, ascending.
        rng : callable
            The generator of random numbers of each part by name.
        name : str
            Of the batches.

        Returns
        -------
        ndarray of shape (n_rows,)
            Numbers from 0.
        """
        names, drawn = list(self.shares), rng("batches", name)
        weights = np.tile(list(self.shares.values()), (len(patient), 1))
        first = (
            np.searchsorted(patient, patient) if self.by == "patient" else np.arange(len(patient))
        )
        group = columns[GROUP][first]
        for which, factors in self.tilt.items():
            for batch, factor in factors.items():
                weights[group == which, names.index(batch)] *= factor
        codes = pick(drawn.random(len(patient))[first], weights)
        for batch, rule in self.rules.items():
            codes[evaluate(rule, columns).astype(bool)] = names.index(batch)
        return codes

    def deviations(self, name: str, on: str, n_features: int, rng: Seeds) -> Deviations | None:
        """Draw what the batches do to the features of a layer or measure; None: nothing."""
        if self.acts_on and on not in self.acts_on:
            return None
        shape = (len(self.shares), n_features)
        drawn = rng("batches", name, on)
        fixed = np.array([self.offset.get(batch, 0.0) for batch in self.shares])
        shift = fixed[:, None] + self.shift_sd * drawn.standard_normal(shape)
        scale = np.exp(self.scale_sd * drawn.standard_normal(shape))
        return Deviations(name, tuple(self.shares), shift, scale)


@dataclass(frozen=True, slots=True)
class Deviations:
    """What batches do: shift in standard deviations and scale, each (n_batches, n_features)."""

    name: str
    batches: tuple[str, ...]
    shift: NDArray[np.float64]
    scale: NDArray[np.float64]

    def apply(
        self,
        values: NDArray[np.float64],
        first: int,
        codes: NDArray[np.intp],
        mean: NDArray[np.float64],
        sd: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return values of the features from `first` on as the batches measure them."""
        cut = slice(first, first + values.shape[1])
        for code in range(len(self.batches)):
            rows = codes == code
            shift, scale = self.shift[code, cut], self.scale[code, cut]
            if rows.any() and (shift.any() or (scale != 1.0).any()):
                part = values[rows]
                values[rows] = part + shift * sd + (scale - 1.0) * (part - mean)
        return values
