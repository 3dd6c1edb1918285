from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from calmops_flows.backtest.front import pareto_front


def test_equal_rows_do_not_dominate_each_other() -> None:
    assert pareto_front(np.array([[1.0, 1.0], [1.0, 1.0]])).tolist() == [True, True]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_front_is_what_a_search_by_hand_finds(rows: list[tuple[int, int]]) -> None:
    found = pareto_front(np.array(rows, dtype=float))

    for row, on_front in zip(rows, found, strict=True):
        beaten = any(o[0] <= row[0] and o[1] <= row[1] and o != row for o in rows)
        assert on_front == (not beaten)
