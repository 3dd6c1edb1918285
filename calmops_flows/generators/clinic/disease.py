"""Which features an effect acts on, in which patients, and how it progresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from calmops_flows.errors import SpecError
from calmops_flows.generators.clinic.effects import AnyEffect, Place
from calmops_flows.generators.clinic.effects.subgroup import Subgroup
from calmops_flows.generators.clinic.names import Name
from calmops_flows.generators.profile import SHAPES, Shape
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


class Progression(Part):
    """How an effect grows with the time in the group."""

    years: float = Field(gt=0.0)
    """Until it has its full strength."""
    shape: Shape = "linear"
    start: float = Field(default=0.0, ge=0.0, le=1.0)
    """Strength on the first day in the group."""

    def strength(self, since: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the strength after these years."""
        grown = SHAPES[self.shape](np.clip(since / self.years, 0.0, 1.0))
        return self.start + (1.0 - self.start) * np.clip(grown, 0.0, 1.0)


class Disease(Part):
    """An effect in some groups on some features of a layer, or on a measure."""

    acts_on: Name
    """A layer or a measure."""
    groups: tuple[Name, ...] = Field(min_length=1)
    """Patients have it while they are in one of these."""
    effect: AnyEffect
    features: tuple[str, ...] | None = None
    """Names of features of the layer."""
    n_features: int | None = Field(default=None, ge=1)
    """So many features of the layer, drawn."""
    module: int | None = Field(default=None, ge=1)
    """Only features of this module, from 1."""
    direction: Literal["up", "down", "both"] = "up"
    """down: the effect turned round; both: drawn for each feature."""
    progression: Progression | None = None
    """Default: full strength at once."""

    @model_validator(mode="after")
    def _fits(self) -> Disease:
        if self.features is not None and (self.n_features or self.module):
            raise ValueError("give features, or n_features and module, not both")
        if isinstance(self.effect, Subgroup):
            is_signed, kind = self.effect.effect.SIGNED, self.effect.effect.kind
        else:
            is_signed, kind = self.effect.SIGNED, self.effect.kind
        if self.direction != "up" and not is_signed:
            raise ValueError(f"the effect {kind} has no direction")
        return self

    def choose(
        self, names: Sequence[str], module: NDArray[np.intp], rng: np.random.Generator
    ) -> Chosen:
        """Choose the features and their signs.

        Raises
        ------
        SpecError
            If a feature or module is not there, or there are fewer features than wanted.
        """
        where = np.arange(len(names))
        if self.features is not None:
            known = {name: i for i, name in enumerate(names)}
            unknown = [name for name in self.features if name not in known]
            if unknown:
                raise SpecError(
                    f"effect on {self.acts_on!r}: no feature {unknown[0]!r}; they are "
                    f"{names[0]} to {names[-1]}"
                )
            where = np.array(sorted(known[name] for name in self.features))
        if self.module is not None:
            where = np.flatnonzero(module == self.module)
            if not len(where):
                raise SpecError(
                    f"effect on {self.acts_on!r}: no module {self.module}; there are {module.max()}"
                )
        if self.n_features is not None:
            if self.n_features > len(where):
                raise SpecError(
                    f"effect on {self.acts_on!r}: n_features is {self.n_features}, and there are "
                    f"{len(where)} features to choose from"
                )
            where = np.sort(rng.choice(where, self.n_features, replace=False))
        signs = {"up": np.ones(len(where)), "down": -np.ones(len(where))}
        drawn = rng.choice([-1.0, 1.0], len(where))
        return Chosen(where, signs.get(self.direction, drawn))


@dataclass(frozen=True, slots=True)
class Chosen:
    """Features that an effect acts on, ascending, and 1 or -1 for each."""

    features: NDArray[np.intp]
    signs: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Acting:
    """An effect with everything drawn; ``apply`` lets it act on some of the features.

    Parameters
    ----------
    number : int
        Of the effect in the study, from 1.
    disease : Disease
        As declared.
    chosen : Chosen
        Features and signs.
    strength : ndarray of shape (n_rows, 1)
        At every row.
    driver : ndarray of shape (n_rows, 1) or None
        What it follows, standardised.
    """

    number: int
    disease: Disease
    chosen: Chosen
    strength: NDArray[np.float64]
    driver: NDArray[np.float64] | None

    def apply(
        self,
        values: NDArray[np.float64],
        first: int,
        mean: NDArray[np.float64],
        sd: NDArray[np.float64],
        *,
        is_log2: bool,
    ) -> NDArray[np.float64]:
        """Return values of the features from `first` on with the effect.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_features)
            May be changed.
        first : int
            Number of the first feature.
        mean, sd : ndarray of shape (n_features,)
            Without any effect.
        is_log2 : bool
            Whether values are logarithms to base 2.

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            The values.

        Raises
        ------
        SpecError
            If the values do not allow it.
        """
        inside = slice(*np.searchsorted(self.chosen.features, [first, first + values.shape[1]]))
        here = self.chosen.features[inside] - first
        rows = np.flatnonzero(self.strength[:, 0] > 0)
        if not len(here) or not len(rows):
            return values
        place = Place(
            mean[here],
            sd[here],
            is_log2,
            self.strength[rows],
            self.chosen.signs[inside],
            None if self.driver is None else self.driver[rows],
        )
        cells = np.ix_(rows, here)
        values[cells] = self.disease.effect.apply(values[cells], place)
        return values


def strength_of(
    disease: Disease,
    group: NDArray[Any],
    since: NDArray[np.float64],
    members: NDArray[np.bool_] | None,
) -> NDArray[np.float64]:
    """Return the strength of an effect at each row.

    Parameters
    ----------
    disease : Disease
        The effect.
    group, since, members : ndarray of shape (n_rows,)
        The patient's group at that row, years in it, and whether it can act on the patient.

    Returns
    -------
    ndarray of shape (n_rows, 1)
        Between 0 and 1.
    """
    strength = np.isin(group.astype(str), disease.groups).astype(float)
    if disease.progression is not None:
        strength *= disease.progression.strength(since)
    if members is not None:
        strength *= members
    return strength[:, None]


def standardised(columns: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float64]:
    """Return a column in standard deviations from its mean, of shape (n_rows, 1).

    Raises
    ------
    SpecError
        If it is not there, not numeric, or constant.
    """
    if name not in columns or columns[name].dtype.kind not in "biuf":
        numeric = [key for key, values in columns.items() if values.dtype.kind in "biuf"]
        raise SpecError(f"effect by {name!r}: no such numeric column; valid: {', '.join(numeric)}")
    values = columns[name].astype(float)
    spread = values.std()
    if not spread:
        raise SpecError(f"effect by {name!r}: the column is constant")
    return np.asarray((values - values.mean()) / spread)[:, None]
