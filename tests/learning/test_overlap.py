"""Rows that judge are kept out of what teaches."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from calmops_flows.data.contract import learn
from calmops_flows.learning.overlap import Overlap, row_digests


def table_of(seed: int, n: int = 50) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {"x": rng.normal(size=n), "c": rng.choice(["u", "v"], n), "y": ["a", "b"] * (n // 2)}
    )


def test_equal_rows_leave_and_are_noted() -> None:
    judges = table_of(1)
    overlap = Overlap.of(table_of(0), judges, learn(judges, target="y"))

    kept = overlap.removed(pa.concat_tables([table_of(2), judges.slice(10, 5), table_of(3)]))

    assert kept.equals(pa.concat_tables([table_of(2), table_of(3)]))
    assert overlap.notes == ("5 earlier rows equal judging rows: left out of the training",)


def test_where_equality_is_natural_nothing_leaves() -> None:
    few = pa.table({"x": [0, 1] * 50, "y": ["a", "b"] * 50})
    overlap = Overlap.of(few.slice(0, 80), few.slice(80), learn(few, target="y"))

    kept = overlap.removed(few)

    assert kept.num_rows == 100
    assert "natural" in overlap.notes[0]


def test_without_judging_rows_nothing_leaves() -> None:
    table = table_of(0)
    overlap = Overlap.of(table, table.slice(0, 0), learn(table, target="y"))

    assert overlap.removed(table).num_rows == 50
    assert overlap.notes == ()


def test_digest_of_a_row_does_not_depend_on_the_rows_around_it() -> None:
    whole = pa.table({"x": [1, 2, None], "c": ["u", None, "v"], "y": [True, False, True]})
    contract = learn(whole, target="y")

    parts = [row_digests(whole.slice(i, 1), contract)[0] for i in range(3)]

    assert row_digests(whole, contract).tolist() == parts
    assert len(set(parts)) == 3
