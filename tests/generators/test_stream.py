"""Streams: drifts where they are declared, classes, blocks, disturbances, wrong use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from calmops_flows.errors import SpecError
from calmops_flows.generators import generate
from calmops_flows.generators.profile import Profile
from calmops_flows.generators.synthetic import CONCEPTS


def agreement(stream: Any, **params: Any) -> NDArray[np.bool_]:
    """Return per row whether SEA's rule with these parameters gives the class."""
    x0, x1 = stream.data["x0"].to_numpy(), stream.data["x1"].to_numpy()
    return np.asarray((x0 + x1 > params["threshold"]) == stream.target.to_numpy())


@pytest.mark.parametrize("name", sorted(CONCEPTS))
def test_the_same_seed_gives_the_same_stream(name: str) -> None:
    one, two = (generate(name, 300, random_state=5) for _ in range(2))
    other = generate(name, 300, random_state=6)

    pd.testing.assert_frame_equal(one.frame(), two.frame())
    assert not one.frame().equals(other.frame())
    assert one.metadata["generator"] == name


def test_abrupt_drift_changes_the_rule_at_its_row() -> None:
    drift = {"kind": "abrupt", "position": 600, "to": {"variant": 2}}

    stream = generate("sea", 1_000, random_state=1, drift=drift)

    assert stream.change_points == (600,)
    assert agreement(stream, threshold=8.0)[:600].all()
    assert agreement(stream, threshold=7.0)[600:].all()
    assert not agreement(stream, threshold=8.0)[600:].all()


def test_gradual_drift_mixes_both_rules() -> None:
    drift = {"kind": "gradual", "position": 2_000, "width": 4_000, "to": {"threshold": 14.0}}

    stream = generate("sea", 8_000, random_state=1, drift=drift)

    between = (stream.data["x0"] + stream.data["x1"]).between(8.0, 14.0).to_numpy()
    old = agreement(stream, threshold=8.0)
    shares = [old[a : a + 1_000][between[a : a + 1_000]].mean() for a in range(0, 8_000, 1_000)]
    assert stream.change_points == (2_000, 6_000)
    assert shares[0] == 1.0
    assert shares[7] == 0.0
    assert shares[2] > shares[3] > shares[4] > shares[5]


def test_incremental_drift_moves_the_threshold() -> None:
    drift = {"kind": "incremental", "position": 0, "width": 10_000, "to": {"threshold": 14.0}}

    stream = generate("sea", 10_000, random_state=1, threshold=6.0, drift=drift)

    middle = slice(4_900, 5_100)
    assert agreement(stream, threshold=10.0)[middle].mean() > 0.97
    assert agreement(stream, threshold=6.0)[:200].mean() > 0.97
    assert agreement(stream, threshold=14.0)[-200:].mean() > 0.97


def test_recurrent_drift_comes_and_goes() -> None:
    drift = {"kind": "recurrent", "position": 100, "period": 100, "to": {"threshold": 14.0}}

    stream = generate("sea", 500, random_state=1, drift=drift)

    assert stream.change_points == (100, 200, 300, 400)
    old, new = agreement(stream, threshold=8.0), agreement(stream, threshold=14.0)
    assert old[:100].all()
    assert new[100:200].all()
    assert old[200:300].all()
    assert new[300:400].all()


def test_virtual_drift_moves_the_features_and_keeps_the_rule() -> None:
    drift = {"kind": "virtual", "position": 0.5, "features": ["x1"]}

    stream = generate("sea", 4_000, random_state=1, drift=drift)

    assert agreement(stream, threshold=8.0).all()
    assert stream.data["x1"][2_000:].mean() > 6.5
    assert abs(stream.data["x0"][2_000:].mean() - 5.0) < 0.3


def test_several_drifts_follow_one_another() -> None:
    drift = [
        {"kind": "abrupt", "position": 300, "to": {"variant": 2}},
        {"kind": "abrupt", "position": 600, "to": {"variant": 3}},
    ]

    stream = generate("sea", 900, random_state=1, drift=drift)

    assert stream.change_points == (300, 600)
    assert agreement(stream, threshold=7.0)[300:600].all()
    assert agreement(stream, threshold=9.5)[600:].all()


def test_classes_take_turns_and_time_stays_in_order() -> None:
    drift = {"kind": "abrupt", "position": 500, "to": {"variant": 2}}

    stream = generate("sea", 1_000, random_state=1, classes="balanced", drift=drift)

    assert (stream.target.to_numpy() == (np.arange(1_000) % 2 == 0)).all()
    assert agreement(stream, threshold=8.0)[:500].all()
    assert agreement(stream, threshold=7.0)[500:].all()


def test_imbalance_is_drawn_in_time_order() -> None:
    stream = generate("sine", 20_000, random_state=1, classes={1: 0.02})

    assert abs(stream.target.mean() - 0.02) < 0.004
    assert abs(stream.target[:10_000].mean() - 0.02) < 0.006


def test_blocks_have_their_own_sizes_and_rules() -> None:
    blocks = [
        {"id": "a", "n_samples": 100},
        {"id": "b", "n_samples": 300, "params": {"variant": 2}, "start": "2024-03-01"},
    ]
    dates = {"dates": {"start": "2024-01-01", "step": "1D"}}

    stream = generate("sea", 400, random_state=1, blocks=blocks, extras=dates)

    assert stream.data["block"].value_counts().to_dict() == {"a": 100, "b": 300}
    assert agreement(stream, threshold=7.0)[100:].all()
    assert str(stream.data["date"][100].date()) == "2024-03-01"


def test_extras_are_laid_over_the_stream() -> None:
    extras = {
        "irrelevant": 2,
        "correlated": [{"feature": "x0", "rho": -0.7}],
        "label_noise": 0.1,
        "missing": {"x1": 0.3},
    }

    stream = generate("sea", 5_000, random_state=1, extras=extras)
    clean = generate("sea", 5_000, random_state=1)

    assert list(stream.data) == ["x0", "x1", "x2", "x0_like0", "irrelevant0", "irrelevant1"]
    assert abs(np.corrcoef(stream.data["x0"], stream.data["x0_like0"])[0, 1] + 0.7) < 0.03
    assert abs(stream.data["x1"].isna().mean() - 0.3) < 0.03
    wrong = np.flatnonzero((stream.target != clean.target).to_numpy())
    assert wrong.tolist() == stream.metadata["wrong_labels"]


def test_a_model_of_the_first_concept_fails_after_the_drift() -> None:
    drift = {"kind": "abrupt", "position": 1_000, "to": {"classification_function": 1}}
    stream = generate("sine", 2_000, random_state=1, drift=drift)

    model = LogisticRegression().fit(stream.data[:1_000], stream.target[:1_000])

    assert model.score(stream.data[:1_000], stream.target[:1_000]) > 0.9
    assert model.score(stream.data[1_000:], stream.target[1_000:]) < 0.1


@given(
    n_rows=st.integers(1, 300),
    position=st.integers(0, 299),
    width=st.integers(0, 299),
    shape=st.sampled_from(["linear", "sigmoid", "exponential", "logarithmic", "even"]),
    kind=st.sampled_from(["gradual", "incremental"]),
)
@settings(max_examples=60)
def test_strength_grows_from_nothing_to_all(
    n_rows: int, position: int, width: int, shape: str, kind: str
) -> None:
    profile = Profile.model_validate(
        {"kind": kind, "position": position, "width": width, "shape": shape}
    )
    if position >= n_rows or position + width > n_rows:
        with pytest.raises(SpecError, match="outside the data"):
            profile.weights(n_rows)
        return

    weights = profile.weights(n_rows)

    assert (np.diff(weights) >= 0).all()
    assert (weights[:position] == 0).all()
    assert (weights[position + width :] == 1).all()
    assert ((weights >= 0) & (weights <= 1)).all()


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("nothing", {}, "unknown generator 'nothing'; valid: agrawal, anomaly_sine"),
        ("sea", {"variance": 1}, "valid parameters: noise, threshold, variant"),
        ("sea", {"variant": 4}, "less than or equal to 3"),
        ("sea", {"drift": {"kind": "sudden", "position": 1}}, "drift: kind"),
        ("sea", {"drift": {"kind": "abrupt", "position": 99, "to": {"variant": 1}}}, "outside"),
        ("sea", {"drift": {"kind": "abrupt", "position": 5}}, "say in `to`"),
        ("sea", {"drift": {"kind": "abrupt", "position": 5, "to": {"x": 1}}}, "valid parameters"),
        (
            "sine",
            {
                "drift": {
                    "kind": "incremental",
                    "position": 5,
                    "width": 5,
                    "to": {"classification_function": 1},
                }
            },
            "cannot move 'classification_function'",
        ),
        ("sea", {"blocks": [{"id": 1, "n_samples": 3}]}, "add up to 3, and n_samples is 20"),
        ("friedman", {"classes": "balanced"}, "no classes to balance"),
        ("sea", {"classes": {"yes": 0.5}}, "no class 'yes'"),
        ("sea", {"classes": {True: 0.5, False: 0.1}}, "sum to 0.6"),
        ("sea", {"variant": 0, "threshold": 99.0, "classes": "balanced"}, "nothing to balance"),
        ("sea", {"extras": {"missing": {"y": 0.1}}}, "no features 'y'"),
        ("sea", {"extras": {"correlated": [{"feature": "q"}]}}, "'q' is no numeric feature"),
        ("sea", {"extras": {"dates": {"start": "yesterday evening"}}}, "dates"),
        ("stagger", {"drift": {"kind": "virtual", "position": 3, "features": ["q"]}}, "'q'"),
    ],
)
def test_wrong_use_is_refused(name: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        generate(name, 20, random_state=1, **values)


def test_no_rows_are_refused() -> None:
    with pytest.raises(SpecError, match="n_samples"):
        generate("sea", 0, random_state=1)
