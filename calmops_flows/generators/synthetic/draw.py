"""Drawing the rows of a course: from each concept its rows, of the classes that are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from calmops_flows.errors import SpecError
from calmops_flows.generators.synthetic.base import Columns, Concept, Values
from calmops_flows.generators.synthetic.drift import Course, Tilt

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_ROUNDS = 200
CALIBRATION_ROWS = 4_096


def draw(course: Course, wanted: Values | None, rng: np.random.Generator) -> tuple[Columns, Values]:
    """Draw a stream row by row of its course.

    Parameters
    ----------
    course : Course
        Which concept holds where.
    wanted : ndarray of shape (n_rows,) or None
        The class that each row must have; None leaves it to the concepts.
    rng : numpy.random.Generator
        Where randomness comes from.

    Returns
    -------
    dict of str to ndarray of shape (n_rows,)
        The features.
    ndarray of shape (n_rows,)
        The target.

    Raises
    ------
    SpecError
        If a wanted class does not come, or rows of a virtual drift are too rare.
    """
    present = np.unique(course.which)
    is_free = wanted is None and not course.tilts
    if is_free and len(present) == 1:
        only = course.concepts[int(present[0])]
        return only.sample(len(course.which), rng)
    columns: Columns = {}
    target: Values = np.empty(0)
    for index in present.tolist():
        rows = np.flatnonzero(course.which == index)
        concept = course.concepts[int(index)]
        if is_free:
            part, labels = concept.sample(len(rows), rng)
        else:
            part, labels = _chosen(concept, rows, wanted, course.tilts, rng)
        if not columns:
            columns = {k: np.empty(len(course.which), v.dtype) for k, v in part.items()}
            target = np.empty(len(course.which), labels.dtype)
        target[rows] = labels
        for name, values in part.items():
            columns[name][rows] = values
    return columns, target


def _chosen(
    concept: Concept, rows: NDArray[np.intp], wanted: Values | None, tilts: tuple[Tilt, ...],
    rng: np.random.Generator,
) -> tuple[Columns, Values]:  # fmt: skip
    """Propose rows until every place has one that is accepted (rejection sampling)."""
    edges = _edges(concept, tilts, rng)
    open_places = np.arange(len(rows))
    columns: Columns = {}
    target: Values = np.empty(0)
    for _ in range(MAX_ROUNDS):
        part, labels = concept.sample(max(1_024, 2 * len(open_places)), rng)
        if not columns:
            columns = {k: np.empty(len(rows), v.dtype) for k, v in part.items()}
            target = np.empty(len(rows), labels.dtype)
        places, taken = _match(open_places, None if wanted is None else wanted[rows], labels)
        keep = rng.random(len(places)) < _acceptance(part, taken, rows[places], tilts, edges)
        places, taken = places[keep], taken[keep]
        target[places] = labels[taken]
        for name, values in part.items():
            columns[name][places] = values[taken]
        open_places = np.setdiff1d(open_places, places, assume_unique=True)
        if not len(open_places):
            return columns, target
    raise SpecError(
        f"{len(open_places)} of {len(rows)} rows could not be drawn: a wanted class hardly ever "
        "comes under this concept, or the virtual drift is too strong"
    )


def _match(
    places: NDArray[np.intp], wanted: Values | None, labels: Values
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give proposals to open places, in order, each of the class that its place wants."""
    if wanted is None:
        return places, np.arange(len(places))
    found_places, found = [], []
    for label in np.unique(wanted[places]):
        here, there = places[wanted[places] == label], np.flatnonzero(labels == label)
        n_pairs = min(len(here), len(there))
        found_places.append(here[:n_pairs])
        found.append(there[:n_pairs])
    return np.concatenate(found_places), np.concatenate(found)


def _edges(
    concept: Concept, tilts: tuple[Tilt, ...], rng: np.random.Generator
) -> dict[str, Values]:
    """Return sorted values of every tilted feature, to tell a value's rank."""
    if not tilts:
        return {}
    columns, _ = concept.sample(CALIBRATION_ROWS, rng)
    numeric = [name for name, values in columns.items() if values.dtype.kind in "iuf"]
    found = {}
    for tilt in tilts:
        for name in tilt.features or tuple(numeric[:1]):
            if name not in numeric:
                raise SpecError(
                    f"a virtual drift moves numeric features; {name!r} is none of "
                    f"{', '.join(numeric[:10])}"
                )
            found[name] = np.sort(columns[name])
    return found


def _acceptance(
    part: Columns, taken: NDArray[np.intp], rows: NDArray[np.intp], tilts: tuple[Tilt, ...],
    edges: dict[str, Values],
) -> NDArray[np.float64]:  # fmt: skip
    accepted = np.ones(len(rows))
    for tilt in tilts:
        for name in tilt.features or tuple(edges)[:1]:
            rank = np.searchsorted(edges[name], part[name][taken]) / len(edges[name])
            strength = tilt.strength[rows]
            # exp(strength * rank), divided by its largest value whichever sign strength has.
            accepted *= np.exp(strength * rank - np.maximum(strength, 0.0))
    return accepted
