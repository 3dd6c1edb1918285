"""Our concepts draw what river's draw, and their rules say what river's rules say."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pytest
from river.datasets import synth
from scipy.stats import chi2_contingency, ks_2samp

from calmops_flows.generators import generate
from calmops_flows.generators.synthetic import CONCEPTS, Rule

ROWS = 4_000
SMALLEST_P = 1e-4  # over some 150 comparisons with fixed seeds

# Our name and parameters, river's class and parameters.
CASES: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    *[
        ("agrawal", {"classification_function": i}, "Agrawal", {"classification_function": i})
        for i in range(10)
    ],
    ("agrawal", {"perturbation": 0.3}, "Agrawal", {"perturbation": 0.3}),
    *[("sea", {"variant": i}, "SEA", {"variant": i}) for i in range(4)],
    ("sea", {"noise": 0.2}, "SEA", {"noise": 0.2}),
    ("hyperplane", {"seed": 5}, "Hyperplane", {"seed": 5}),
    ("hyperplane", {"n_features": 3, "seed": 5}, "Hyperplane", {"n_features": 3, "seed": 5}),
    ("random_tree", {"seed_tree": 7}, "RandomTree", {"seed_tree": 7}),
    (
        "random_tree",
        {"seed_tree": 9, "n_classes": 3, "max_tree_depth": 7, "n_cat_features": 2},
        "RandomTree",
        {"seed_tree": 9, "n_classes": 3, "max_tree_depth": 7, "n_cat_features": 2},
    ),
    *[
        ("stagger", {"classification_function": i}, "STAGGER", {"classification_function": i})
        for i in range(3)
    ],
    *[
        ("sine", {"classification_function": i}, "Sine", {"classification_function": i})
        for i in range(4)
    ],
    ("sine", {"has_noise": True}, "Sine", {"has_noise": True}),
    *[
        ("mixed", {"classification_function": i}, "Mixed", {"classification_function": i})
        for i in range(2)
    ],
    ("friedman", {}, "Friedman", {}),
    ("planes", {}, "Planes2D", {}),
    ("led", {"noise_percentage": 0.2}, "LED", {"noise_percentage": 0.2}),
    ("led", {"irrelevant_features": True}, "LED", {"irrelevant_features": True}),
    ("waveform", {"has_noise": True}, "Waveform", {"has_noise": True}),
    ("random_rbf", {"seed_model": 3}, "RandomRBF", {"seed_model": 3}),
    (
        "random_rbf",
        {"seed_model": 3, "n_classes": 4, "n_features": 4, "n_centroids": 10},
        "RandomRBF",
        {"seed_model": 3, "n_classes": 4, "n_features": 4, "n_centroids": 10},
    ),
]
# River's seeds for rows; its hyperplane draws weights and rows from one seed.
SEEDS = {"RandomTree": "seed_sample", "RandomRBF": "seed_sample", "Hyperplane": None}
NAMES = [
    f"{ours}-{'-'.join(f'{k}={v}' for k, v in params.items())}" for ours, params, _, _ in CASES
]


def river_rows(name: str, params: dict[str, Any], n_rows: int) -> tuple[pd.DataFrame, Any]:
    seed = SEEDS.get(name, "seed")
    values = params | ({seed: 11} if seed else {})
    rows = list(islice(_pairs(getattr(synth, name)(**values)), n_rows))
    data = pd.DataFrame([row for row, _ in rows])
    data.columns = [c if isinstance(c, str) else f"x{c}" for c in data.columns]
    return data, np.array([label for _, label in rows])


def _pairs(stream: Any) -> Iterator[tuple[dict[Any, Any], Any]]:
    for row, label in stream:
        yield dict(row), label


def same_p(ours: Any, theirs: Any) -> float:
    """Return the p-value of equal distributions."""
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if len(np.unique(ours)) > 40:
        return float(ks_2samp(ours, theirs).pvalue)
    levels = np.unique(np.concatenate([ours, theirs]))
    table = np.array([[(part == level).sum() for level in levels] for part in (ours, theirs)])
    return 1.0 if len(levels) == 1 else float(chi2_contingency(table).pvalue)


@pytest.mark.parametrize(("ours", "params", "theirs", "river_params"), CASES, ids=NAMES)
def test_features_and_target_are_distributed_as_rivers(
    ours: str, params: dict[str, Any], theirs: str, river_params: dict[str, Any]
) -> None:
    data, target = river_rows(theirs, river_params, ROWS)

    stream = generate(ours, ROWS, random_state=2, **params)

    assert list(stream.data.columns) == list(data.columns)
    p_values = {name: same_p(stream.data[name], data[name]) for name in data.columns}
    p_values["target"] = same_p(stream.target, target)
    assert min(p_values.values()) > SMALLEST_P, p_values


RULES = [
    case
    for case in CASES
    if issubclass(CONCEPTS[case[0]], Rule)
    and not {"noise", "perturbation"} & set(case[1])
    and case[0] not in ("friedman", "planes", "hyperplane")
]


@pytest.mark.parametrize(("ours", "params", "theirs", "river_params"), RULES)
def test_rule_gives_rivers_labels_to_rivers_rows(
    ours: str, params: dict[str, Any], theirs: str, river_params: dict[str, Any]
) -> None:
    data, target = river_rows(theirs, river_params, ROWS)
    concept = CONCEPTS[ours].model_validate(params)
    assert isinstance(concept, Rule)

    labels = concept.label({str(name): values.to_numpy() for name, values in data.items()})

    assert (labels == target).all()


def test_hyperplane_without_noise_gives_rivers_labels() -> None:
    data, target = river_rows("Hyperplane", {"seed": 5, "noise_percentage": 0.0}, ROWS)
    concept = CONCEPTS["hyperplane"].model_validate({"seed": 5})
    assert isinstance(concept, Rule)

    labels = concept.label({str(name): values.to_numpy() for name, values in data.items()})

    assert (labels == target).all()


@pytest.mark.parametrize(("ours", "theirs"), [("friedman", "Friedman"), ("planes", "Planes2D")])
def test_surface_leaves_rivers_noise_only(ours: str, theirs: str) -> None:
    data, target = river_rows(theirs, {}, ROWS)
    concept = CONCEPTS[ours]()
    assert isinstance(concept, Rule)

    rest = target - concept.label({str(n): values.to_numpy() for n, values in data.items()})

    assert abs(rest.mean()) < 4 / np.sqrt(ROWS)
    assert abs(rest.std() - 1.0) < 4 / np.sqrt(2 * ROWS)


def test_moving_hyperplane_turns_as_rivers() -> None:
    turning: dict[str, Any] = {
        "seed": 5,
        "mag_change": 0.01,
        "n_drift_features": 5,
        "noise_percentage": 0.0,
    }
    shares = [
        np.mean(river_rows("Hyperplane", turning | {"seed": seed}, 600)[1][-200:])
        for seed in range(40)
    ]

    own = [
        generate("hyperplane", 600, random_state=seed, **(turning | {"seed": seed})).target[-200:]
        for seed in range(40)
    ]

    assert ks_2samp(shares, [float(part.mean()) for part in own]).pvalue > SMALLEST_P


def test_anomalies_are_as_many_and_as_far_as_rivers() -> None:
    theirs = [
        (tuple(row.values()), label) for row, label in synth.AnomalySine(4_000, 1_000, seed=1)
    ]

    stream = generate("anomaly_sine", 4_000, random_state=1, n_anomalies=1_000)

    river_odd = np.array([label for _, label in theirs], dtype=bool)
    river_sine = np.array([row for row, _ in theirs])[:, 0]
    assert abs(stream.target.mean() - river_odd.mean()) < 0.03
    assert ks_2samp(stream.data["sine"], river_sine).pvalue > SMALLEST_P
    cosine = stream.data["cosine"]
    assert cosine[stream.target].mean() > cosine[~stream.target].mean() + 0.8


def test_wandering_centroids_stay_in_the_cube() -> None:
    concept = CONCEPTS["random_rbf"].model_validate({"change_speed": 0.01, "n_centroids": 5})

    columns, _ = concept.sample(5_000, np.random.default_rng(0))
    still, _ = (
        CONCEPTS["random_rbf"]
        .model_validate({"n_centroids": 5})
        .sample(5_000, np.random.default_rng(0))
    )

    assert max(np.abs(values).max() for values in columns.values()) < 6.0
    assert not np.allclose(columns["x0"][2_500:], still["x0"][2_500:])


def test_drifted_leds_change_places_with_random_bits() -> None:
    stream = generate(
        "led", 2_000, random_state=1, irrelevant_features=True, n_drift_features=3, seed=4
    )

    # A segment tells something about the digit, a random bit nothing.
    informative = [
        chi2_contingency(pd.crosstab(stream.target, stream.data[name])).pvalue < 1e-12
        for name in stream.data
    ]

    assert sum(informative) == 7
    assert sum(informative[:7]) == 4
