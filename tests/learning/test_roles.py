"""Which rows train and which judge."""

from __future__ import annotations

import numpy as np
import pytest

from calmops_flows.learning.roles import assign_roles, row_keys


def test_key_of_a_row_does_not_depend_on_the_others() -> None:
    X = np.random.default_rng(0).normal(size=(50, 3))

    assert row_keys(X[20:30], 5).tolist() == row_keys(X, 5)[20:30].tolist()


def test_equal_rows_have_the_same_keys_in_any_order_but_not_one_key() -> None:
    X = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])

    keys = row_keys(X, 0)

    assert len(set(keys.tolist())) == 3
    assert set(row_keys(X[::-1], 0).tolist()) == set(keys.tolist())


def test_columns_are_not_interchangeable_and_salts_differ() -> None:
    row = np.array([[1.0, 2.0]])

    keys = {int(row_keys(X, salt)[0]) for X in (row, row[:, ::-1]) for salt in (0, 1)}

    assert len(keys) == 4


@pytest.mark.parametrize(("one", "other"), [(0.0, -0.0), (np.nan, -np.nan)])
def test_equal_numbers_of_other_bits_have_one_key(one: float, other: float) -> None:
    assert row_keys(np.array([[one]]), 0) == row_keys(np.array([[other]]), 0)


def test_each_class_is_set_aside_in_its_share() -> None:
    n = 20_000
    codes = (np.arange(n) % 10 == 0).astype(np.intp)

    roles = assign_roles(row_keys(np.arange(n)[:, None], 3), codes, share=0.3)

    assert sorted([*roles.train, *roles.grow, *roles.prune]) == list(range(n))
    for rows in (roles.grow, roles.prune):
        # 2,000 rows of the rare class: three standard deviations are 0.024
        assert np.mean(np.isin(np.flatnonzero(codes == 1), rows)) == pytest.approx(0.15, abs=0.025)
        assert np.mean(np.isin(np.flatnonzero(codes == 0), rows)) == pytest.approx(0.15, abs=0.01)


def test_every_class_has_a_row_that_trains() -> None:
    keys = row_keys(np.arange(40)[:, None], 0)

    roles = assign_roles(keys, np.arange(40), share=0.5)

    assert roles.train.tolist() == list(range(40))
    assert 0 < len(roles.moved) < 40
    later = assign_roles(keys, np.zeros(40, dtype=np.intp), share=0.5, moved=roles.moved)
    assert set(np.flatnonzero(np.isin(keys, roles.moved))) <= set(later.train)
    assert len(later.prune) == 0
