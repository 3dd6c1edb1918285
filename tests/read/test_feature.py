"""One column from stored profiles."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from calmops_flows.charts import ecdf_figure, fan_figure, histogram_figure, missing_figure
from calmops_flows.profiles import profile
from calmops_flows.read.feature import (
    FeaturePoint,
    FeatureView,
    distribution,
    feature,
    feature_names,
)
from calmops_flows.records import DecisionKind
from calmops_flows.store import Store
from tests.read.seed import Seed


def test_numbers_become_steps_and_quantiles() -> None:
    column = profile(pa.table({"x": pa.array([*range(100), None])})).columns["x"]

    found = distribution(column)

    assert found.quantiles == (4.0, 24.0, 49.0, 74.0, 94.0)
    assert (found.values[0], found.values[-1], found.shares[-1]) == (0.0, 99.0, 1.0)
    assert found.missing == 1 / 101


def test_levels_of_both_sides_are_shown_on_both() -> None:
    a, b = (profile(pa.table({"c": [*"xxxy", last]})).columns["c"] for last in ("y", "z"))

    assert [level for level, _ in distribution(a, b).levels] == ["x", "y", "z"]
    assert dict(distribution(a, b).levels)["z"] == 0.0
    assert dict(distribution(b, a).levels)["z"] == 0.2


def test_histogram_shares_add_up_to_one() -> None:
    rng = np.random.default_rng(0)
    one, two = (
        distribution(profile(pa.table({"x": rng.normal(m, 1, 5_000)})).columns["x"]) for m in (0, 2)
    )
    view = FeatureView("x", "s", one, two, (), ())

    figure = histogram_figure(view)

    assert [trace.name for trace in figure.data] == ["reference", "current"]
    assert [round(sum(trace.y), 9) for trace in figure.data] == [1.0, 1.0]
    means = [sum(a * b for a, b in zip(t.x, t.y, strict=True)) for t in figure.data]
    assert abs(means[1] - means[0] - 2) < 0.1
    assert len(ecdf_figure(view).data) == 2


def test_fan_and_missing_follow_the_snapshots() -> None:
    past = [
        FeaturePoint(
            i, f"m{i}", distribution(profile(pa.table({"x": [i, i + 1.0, None]})).columns["x"])
        )
        for i in (1, 2)
    ]

    assert list(fan_figure(past, "x").data[-1].y) == [1.0, 2.0]
    assert list(missing_figure(past).data[0].y) == [1 / 3, 1 / 3]


def test_column_without_a_missing_value_is_said_to_have_none() -> None:
    whole = distribution(profile(pa.table({"x": [1, 2.0]})).columns["x"])

    figure = missing_figure([FeaturePoint(1, "m1", whole)])

    assert [note.text for note in figure.layout.annotations] == ["No value is missing."]


def test_profile_that_is_gone_is_a_reason(plain_store: Store) -> None:
    seed = Seed(plain_store)
    seed.process("m01.csv", DecisionKind.TRAINED)
    seed.process("m02.csv")

    found = feature(plain_store, "flights", "temp")

    assert feature_names(plain_store, "flights") == ("temp", "wind")
    assert found.reason == "the profile of this snapshot is not kept"
    assert [test.detector for test in found.tests] == ["ks"]
