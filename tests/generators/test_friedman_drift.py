"""Friedman's three drifts: river's rows have our surface, and our rows river's distribution."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from river.datasets import synth
from scipy.stats import ks_2samp

from calmops_flows.errors import SpecError
from calmops_flows.generators import generate
from calmops_flows.generators.synthetic.drift import course, parse_drifts
from calmops_flows.generators.synthetic.friedman import Friedman
from calmops_flows.generators.synthetic.friedman_drift import friedman_drift

ROWS = 12_000
CASES: list[tuple[Any, tuple[int, ...], int]] = [
    ("lea", (3_000, 6_000, 9_000), 0),
    ("gra", (4_000, 8_000), 0),
    ("gsg", (4_000, 8_000), 2_000),
]
TWO_VARIANTS = (
    [Friedman(), Friedman(variant="turned")],
    [Friedman(variant="turned"), Friedman(variant="shuffled")],
)


def river_rows(
    drift_type: str, position: tuple[int, ...], window: int
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    stream = synth.FriedmanDrift(drift_type, position, transition_window=window, seed=3)
    rows = list(islice(stream, ROWS))
    X = np.array([list(row.values()) for row, _ in rows])
    return {f"x{i}": X[:, i] for i in range(10)}, np.array([y for _, y in rows])


@pytest.mark.parametrize(("drift_type", "position", "window"), CASES[:2])
def test_surface_of_every_stretch_leaves_rivers_noise_only(
    drift_type: Any, position: tuple[int, ...], window: int
) -> None:
    columns, target = river_rows(drift_type, position, window)
    drifts = parse_drifts(friedman_drift(drift_type, position))
    way = course(Friedman(), drifts, ROWS, np.random.default_rng(0))

    for start, stop in zip((0, *position), (*position, ROWS), strict=True):
        concept = way.concepts[int(way.which[start])]
        assert isinstance(concept, Friedman)
        surface = concept.label({name: values[start:stop] for name, values in columns.items()})
        rest = target[start:stop] - surface
        # Unit normal noise: no row of another surface hides among so few.
        assert abs(rest.std() - 1.0) < 5 / np.sqrt(2 * len(rest)), (start, rest.std())
        assert np.abs(rest).max() < 5.0


def test_windows_mix_both_surfaces_evenly_as_rivers() -> None:
    drift_type, position, window = CASES[2]
    columns, target = river_rows(drift_type, position, window)
    ours = generate(
        "friedman", ROWS, random_state=1, drift=friedman_drift(drift_type, position,
                                                              transition_window=window),
    )  # fmt: skip
    own = {str(name): values.to_numpy() for name, values in ours.data.items()}

    for start, (old, new) in zip(position, TWO_VARIANTS, strict=True):
        for rows, y in ((columns, target), (own, ours.target.to_numpy())):
            part = {name: values[start : start + window] for name, values in rows.items()}
            near = [np.abs(y[start : start + window] - c.label(part)) < 3.0 for c in (old, new)]
            only_old, only_new = near[0] & ~near[1], near[1] & ~near[0]
            assert abs(only_old.sum() / (only_old | only_new).sum() - 0.5) < 0.06
            after = {name: values[start + window : start + 4_000] for name, values in rows.items()}
            assert np.abs(y[start + window : start + 4_000] - new.label(after)).max() < 5.0


@pytest.mark.parametrize(("drift_type", "position", "window"), CASES)
def test_target_is_distributed_as_rivers(
    drift_type: Any, position: tuple[int, ...], window: int
) -> None:
    _, target = river_rows(drift_type, position, window)
    drift = friedman_drift(drift_type, position, transition_window=window)

    stream = generate("friedman", ROWS, random_state=2, drift=drift)

    assert set(position) <= set(stream.change_points)
    for start, stop in zip((0, *position), (*position, ROWS), strict=True):
        assert ks_2samp(stream.target[start:stop], target[start:stop]).pvalue > 1e-4


def test_regions_grow_with_the_expansion() -> None:
    columns = {f"x{i}": v for i, v in enumerate(np.random.default_rng(0).random((10, 50_000)))}
    plain = Friedman().label(columns)

    shares = [float((Friedman(expansion=n).label(columns) != plain).mean()) for n in (0, 1, 2, 3)]

    # Two cubes with four, three and two sides of length 0.3.
    assert shares[0] == 0.0
    assert np.allclose(shares[1:], [2 * 0.3**4, 2 * 0.3**3, 2 * 0.3**2], rtol=0.12)


@pytest.mark.parametrize(
    ("drift_type", "position", "window", "message"),
    [
        ("abrupt", [1, 2], 0, "one of lea, gra, gsg"),
        ("lea", [1, 2], 0, "lea needs 3 ascending positions"),
        ("gra", [2, 1], 0, "gra needs 2 ascending positions"),
        ("gsg", [10, 20], 11, "between 0 and the 10 rows"),
    ],
)
def test_wrong_use_is_refused(
    drift_type: Any, position: list[int], window: int, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        friedman_drift(drift_type, position, transition_window=window)
