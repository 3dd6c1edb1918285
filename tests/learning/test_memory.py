"""The reservoir of old rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calmops_flows.errors import ModelError
from calmops_flows.learning.memory import (
    Reservoir,
    draw,
    from_bytes,
    merge,
    sample,
    to_bytes,
    without,
)


def snapshot(number: int, *, n: int = 60, rare: int = 5) -> pa.Table:
    labels = ["b"] * rare + ["a"] * (n - rare)
    return pa.table({"x": np.arange(n) + 1000.0 * number, "y": labels})


def sampled(number: int, size: int) -> Reservoir:
    return sample(snapshot(number), f"s{number}", target="y", task="classification", size=size)


@given(st.permutations(range(5)), st.sampled_from([7, 30, 80, 400]))
def test_order_of_snapshots_does_not_matter(order: list[int], size: int) -> None:
    forward = sampled(0, size)
    for number in range(1, 5):
        forward = merge(forward, sampled(number, size), size=size)

    shuffled = sampled(order[0], size)
    for number in order[1:]:
        shuffled = merge(shuffled, sampled(number, size), size=size)

    assert to_bytes(forward) == to_bytes(shuffled)


def test_merging_groups_is_the_same_as_merging_one_by_one() -> None:
    one_by_one = merge(merge(sampled(0, 40), sampled(1, 40), size=40), sampled(2, 40), size=40)

    groups = merge(sampled(2, 40), merge(sampled(1, 40), sampled(0, 40), size=40), size=40)

    assert to_bytes(one_by_one) == to_bytes(groups)


def test_it_is_bounded_and_keeps_every_row_of_a_rare_class() -> None:
    kept = sampled(0, 50)
    for number in range(1, 6):
        kept = merge(kept, sampled(number, 50), size=50)

    labels = kept.rows["y"].to_pylist()
    assert len(labels) <= 50
    assert labels.count("b") == 25


def test_more_classes_than_room_still_keeps_no_more_than_room() -> None:
    table = pa.table({"x": np.arange(30.0), "y": [f"c{i}" for i in range(30)]})

    kept = sample(table, "s", target="y", task="classification", size=10)

    assert kept.rows.num_rows == 10


def test_a_snapshot_seen_twice_counts_once() -> None:
    kept = sampled(0, 50)

    assert to_bytes(merge(kept, sampled(0, 50), size=50)) == to_bytes(kept)


def test_rows_of_a_replaced_snapshot_leave() -> None:
    both = merge(sampled(0, 500), sampled(1, 500), size=500)

    left = without(both, ["s0"])

    assert to_bytes(left) == to_bytes(sampled(1, 500))


def test_draw_follows_the_proportions_of_all_rows_seen() -> None:
    kept = sampled(0, 40)
    for number in range(1, 10):
        kept = merge(kept, sampled(number, 40), size=40)

    rows, sources = draw(kept, 12)

    drawn = rows["y"].to_pylist()
    assert (drawn.count("a"), drawn.count("b")) == (11, 1)
    assert 1 < len(sources) <= 10
    assert set(sources) <= set(kept.seen)


def test_draw_of_nothing_is_empty() -> None:
    rows, sources = draw(sampled(0, 40), 0)

    assert (rows.num_rows, sources) == (0, ())


def test_unlabelled_rows_stay_out() -> None:
    table = pa.table({"x": [1.0, 2.0, 3.0], "y": ["a", None, "b"]})

    kept = sample(table, "s", target="y", task="classification", size=10)

    assert sorted(kept.rows["x"].to_pylist()) == [1.0, 3.0]


def test_regression_has_one_class_for_all_rows() -> None:
    table = pa.table({"x": np.arange(50.0), "y": np.arange(50.0)})

    kept = sample(table, "s", target="y", task="regression", size=20)

    assert kept.rows.num_rows == 20
    assert kept.seen == {"s": {"": 50}}


def test_it_comes_back_from_its_bytes() -> None:
    kept = sampled(0, 20)

    again = from_bytes(to_bytes(kept))

    assert to_bytes(again) == to_bytes(kept)
    assert again.rows.equals(kept.rows)


@pytest.mark.parametrize("content", [b"", b"PAR1 nothing"])
def test_foreign_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        from_bytes(content)
