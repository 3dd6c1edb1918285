"""The rows that judge an ensemble taught none: old or new, this block or another."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from calmops_flows import IPIPClassifier

Ids = set[float]


class Watched(DecisionTreeClassifier):  # type: ignore[misc]  # no types there
    """Notes the first column of what it is fitted on and asked about; it identifies the rows."""

    events: tuple[tuple[str, frozenset[float]], ...] = ()

    def fit(self, X: NDArray[Any], y: NDArray[Any]) -> Self:
        Watched.events = (*Watched.events, ("fit", frozenset(X[:, 0])))
        super().fit(X, y)
        return self

    def predict_proba(self, X: NDArray[Any]) -> Any:
        Watched.events = (*Watched.events, ("ask", frozenset(X[:, 0])))
        return super().predict_proba(X)


@pytest.fixture(autouse=True)
def forget() -> None:
    Watched.events = ()


def rows(n: int = 1500) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    rng = np.random.default_rng(0)
    y = (rng.random(n) < 0.15).astype(np.intp)
    return np.column_stack([np.arange(n), rng.normal(size=n) + y]), y


def watch(call: Any) -> tuple[Ids, Ids, Ids]:
    """Return the rows that a call trains, grows and prunes on; what follows the last fit prunes."""
    start = len(Watched.events)
    call()
    events = Watched.events[start:]
    fits = [ids for what, ids in events if what == "fit"]
    first_ask = next(ids for what, ids in events if what == "ask")
    last_fit = max(i for i, (what, _) in enumerate(events) if what == "fit")
    pruned = [ids for _, ids in events[last_fit + 2 :]]  # the first ask decides on the last model
    return set().union(*fits), set(first_ask), set().union(*pruned)


def test_rows_of_one_block_have_one_role_each() -> None:
    X, y = rows()

    train, grow, prune = watch(lambda: IPIPClassifier(Watched(), random_state=0).fit(X, y))

    assert not train & grow
    assert not train & prune
    assert not grow & prune
    assert 100 < len(grow) < 200
    assert 100 < len(prune) < 200


def test_overlapping_and_repeated_blocks_never_judge_with_what_taught() -> None:
    X, y = rows()
    corrected = np.where(np.arange(len(y)) % 50 == 0, 1 - y, y)
    order = np.random.default_rng(1).permutation(600)
    model = IPIPClassifier(Watched(), random_state=0)
    steps = [
        lambda: model.fit(X[:600], y[:600]),
        lambda: model.set_params(random_state=1).update(X[300:900], y[300:900]),
        lambda: model.set_params(random_state=2).update(X[:600][order], corrected[:600][order]),
        lambda: model.update(X[700:], y[700:]),
        lambda: model.update(X, y),
    ]

    seen = [watch(step) for step in steps]

    taught = set().union(*(train | grow for train, grow, _ in seen))
    judged = set().union(*(prune for _, _, prune in seen))
    assert len(judged) > 100
    assert not taught & judged


def test_row_that_had_to_train_never_judges_later() -> None:
    X, y = rows(400)
    y[:] = 0
    model = IPIPClassifier(Watched(), random_state=0)
    for only in range(400):  # find a rare row whose role were to judge
        y[:] = 0
        y[only] = 1
        if len(model.fit(X, y).moved_):
            break
    lent = X[only, 0]
    y[:] = np.arange(400) % 3 == 0
    y[only] = 1

    train, grow, prune = watch(lambda: model.update(X, y))

    assert model.moved_.shape == (1,)
    assert lent not in grow | prune
    assert len(train) > 100


def test_update_asks_old_and_new_ensembles_about_the_same_rows() -> None:
    X, y = rows()
    model = IPIPClassifier(Watched(), random_state=0).fit(X[:700], y[:700])
    start = len(Watched.events)

    model.update(X[700:], y[700:])

    last_fit = max(i for i, (what, _) in enumerate(Watched.events) if what == "fit")
    asked = [ids for what, ids in Watched.events[max(last_fit, start) + 1 :] if what == "ask"]
    assert len(set(asked[1:])) == 1
    assert len(asked) > 2 * model.p_
