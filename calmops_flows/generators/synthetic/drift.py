"""Drift between concepts: which concept each row of a stream comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from calmops_flows.errors import SpecError
from calmops_flows.generators.profile import Profile, Shape
from calmops_flows.generators.synthetic.base import Concept
from calmops_flows.generators.values import declared
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = 64  # an incremental drift goes from concept to concept in so many steps


class StreamDrift(Part):
    """One drift of a stream: when, how, and to which concept."""

    kind: Literal["abrupt", "gradual", "incremental", "recurrent", "virtual"]
    """virtual: the features move and the rule stays; the others change the concept."""
    position: int | float = Field(ge=0)
    """First row that can differ; a float below 1 is a share of the rows."""
    width: int | float = Field(default=0, ge=0)
    """Rows until the drift is complete (gradual, incremental, virtual)."""
    shape: Shape = "linear"
    period: int | float | None = Field(default=None, gt=0)
    """Rows for which a recurrent drift is on, and then off."""
    to: dict[str, Any] = Field(default_factory=dict)
    """Parameters of the new concept that differ from the one before."""
    features: tuple[str, ...] = ()
    """virtual: features that move to higher values; default: the first numeric one."""
    magnitude: float = 3.0
    """virtual: how much likelier the highest values become than the lowest, as a logarithm."""

    @model_validator(mode="after")
    def _fits(self) -> StreamDrift:
        if self.kind == "virtual" and self.to:
            raise ValueError("a virtual drift changes no concept; leave out `to`")
        if self.kind != "virtual" and not self.to:
            raise ValueError("say in `to` which parameters the new concept has")
        if self.kind != "virtual" and self.features:
            raise ValueError("features belong to a virtual drift")
        self.profile()
        return self

    def profile(self) -> Profile:
        """Return how strongly it acts on each row."""
        kind = self.kind
        if kind == "virtual":
            kind = "incremental" if self.width else "abrupt"
        values = {"position": self.position, "width": self.width, "period": self.period}
        return Profile.model_validate({"kind": kind, "shape": self.shape, **values})


@dataclass(frozen=True, slots=True)
class Tilt:
    """Rows with high values of some features become likelier, by row."""

    features: tuple[str, ...]
    strength: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Course:
    """What a stream is made of, row by row.

    Parameters
    ----------
    concepts : tuple of Concept
        All concepts that occur.
    which : ndarray of shape (n_rows,)
        Index into `concepts`.
    tilts : tuple of Tilt
        Virtual drifts.
    change_points : tuple of int
        Rows at which something begins or ends to change, ascending.
    """

    concepts: tuple[Concept, ...]
    which: NDArray[np.int64]
    tilts: tuple[Tilt, ...]
    change_points: tuple[int, ...]


def parse_drifts(drift: object) -> tuple[StreamDrift, ...]:
    """Read one drift, or several, in the order in which they begin.

    Raises
    ------
    SpecError
        If one is not valid.
    """
    if drift is None:
        return ()
    several: Sequence[object] = (
        list(drift) if isinstance(drift, Sequence) and not isinstance(drift, str) else [drift]
    )
    return tuple(declared(StreamDrift, one, where="drift") for one in several)


def course(
    concept: Concept, drifts: Sequence[StreamDrift], n_rows: int, rng: np.random.Generator
) -> Course:
    """Lay out which concept holds at every row.

    Raises
    ------
    SpecError
        If a drift lies outside the data, begins before the one that is listed before it, or
        asks for what the generator cannot do.
    """
    concepts: list[Concept] = [concept]
    which = np.zeros(n_rows, dtype=np.int64)
    tilts: list[Tilt] = []
    points: set[int] = set()
    last = 0
    for drift in drifts:
        profile = drift.profile()
        start, _ = profile.bounds(n_rows)
        if start < last:
            raise SpecError(f"drifts must be listed in order; one at {start} comes after {last}")
        last = start
        points.update(profile.change_points(n_rows))
        strength = profile.strength(n_rows, rng)
        if drift.kind == "virtual":
            tilts.append(Tilt(drift.features, strength * drift.magnitude))
            continue
        _change(concepts, which, drift, strength)
    return Course(tuple(concepts), which, tuple(tilts), tuple(sorted(points)))


def _change(
    concepts: list[Concept], which: NDArray[np.int64], drift: StreamDrift,
    strength: NDArray[np.float64],
) -> None:  # fmt: skip
    old = concepts[which[-1]] if len(which) else concepts[0]
    new = _with(old, drift.to)
    if drift.kind != "incremental":
        concepts.append(new)
        which[strength > 0] = len(concepts) - 1
        return
    step = np.rint(strength * STEPS).astype(np.int64)
    for number in range(1, STEPS + 1):
        rows = step == number
        if rows.any():
            concepts.append(new if number == STEPS else old.between(new, number / STEPS))
            which[rows] = len(concepts) - 1


def _with(concept: Concept, changes: Mapping[str, Any]) -> Concept:
    values = {name: getattr(concept, name) for name in type(concept).model_fields}
    return declared(type(concept), {**values, **changes}, where="drift.to")
