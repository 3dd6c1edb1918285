"""A pipeline of kind ipip: test on every unit, then learn from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score
from sqlalchemy import select

from calmops_flows.errors import SpecError
from calmops_flows.read import blocks, card, explain, show, to_sentences
from calmops_flows.reports.card import model_card
from calmops_flows.settings import Settings
from calmops_flows.steps.models import read_model
from calmops_flows.steps.predictions import from_bytes
from calmops_flows.steps.switch import roll_back
from calmops_flows.store import open_store, registry
from calmops_flows.store.tables import predictions
from tests.steps.conftest import Stream, rows

TREE = {"class": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 3}}
KIND = {"kind": "ipip", "model": TREE}


def rare(seed: int, n: int = 800, **more: Any) -> pd.DataFrame:
    """Return rows of which about one in eight is of class 1."""
    frame = rows(seed, n, **more)
    kept = (frame["y"] == 0) | (frame.index % 7 == 0)
    return frame[kept]


@pytest.fixture
def rarely(tmp_path: Path) -> Iterator[Stream]:
    folder = tmp_path / "source"
    folder.mkdir()
    with open_store(Settings(home=tmp_path / "home")) as store:
        opened = Stream(store, folder)
        opened.declare(**KIND)
        yield opened


def model(stream: Stream, version: int) -> Any:
    found = registry.version(stream.store.database, "stream", version)
    return read_model(stream.store.artifacts, found.artifact)


def test_every_unit_is_scored_first_and_learnt_from_then(rarely: Stream) -> None:
    for number in range(3):
        rarely.drop(f"{number}.csv", rare(number))

    outcomes = rarely.drain().outcomes

    assert [o.decision for o in outcomes] == ["trained", "promoted", "promoted"]
    assert outcomes[0].metrics["champion"] is None
    assert all((o.metrics["champion"] or {})["balanced_accuracy"] for o in outcomes[1:])
    assert {o.drift.is_drift for o in outcomes} == {None}


def test_saved_model_is_updated_and_never_rebuilt(rarely: Stream) -> None:
    rarely.drop("0.csv", rare(0))
    rarely.drain()
    rarely.drop("1.csv", rare(1))
    rarely.drain()

    first, second = model(rarely, 1), model(rarely, 2)

    assert second["model"].n_updates_ == first["model"].n_updates_ + 1
    old = {tree.random_state for ensemble in first["model"].ensembles_ for tree in ensemble}
    new = {tree.random_state for ensemble in second["model"].ensembles_ for tree in ensemble}
    assert old & new
    assert new - old
    taught = [source.snapshot for source in card(rarely.store, "stream", 2).sources]
    assert taught == ["0.csv", "1.csv"]
    page = model_card(card(rarely.store, "stream", 2)).to_markdown()
    assert "It builds on version 1; what taught that one is among them." in page


def test_adaptive_quantities_are_in_the_store(rarely: Stream) -> None:
    rarely.drop("0.csv", rare(0))
    rarely.drop("1.csv", rare(1))
    rarely.drain()

    explanation = explain(rarely.store, "stream", "1.csv")

    details = explanation.details
    assert details["partitions"] == model(rarely, 2)["model"].p_
    assert 0 <= (details["replacement_share"] or 0) <= 1
    assert any("The fitted model:" in s and "partitions" in s for s in to_sentences(explanation))
    assert show(rarely.store, "stream").versions[1].details == details


def test_unit_is_a_block_where_a_column_is_named(rarely: Stream) -> None:
    rarely.declare(**KIND, block={"column": "c"})
    rarely.drop("0.csv", rare(0, 1500))

    outcomes = rarely.drain().outcomes

    assert [o.snapshot for o in outcomes] == ["0.csv#x", "0.csv#y", "0.csv#z"]
    assert [view.block for view in blocks(rarely.store, "stream")] == ["x", "y", "z"]
    assert [view.version for view in show(rarely.store, "stream").blocks] == [1, 2, 3]


def test_unit_of_one_class_leaves_the_model_alone(rarely: Stream) -> None:
    rarely.drop("0.csv", rare(0))
    rarely.drop("1.csv", rare(1).assign(y=0))

    _, found = rarely.drain().outcomes

    assert (found.decision, found.champion) == ("kept", 1)
    assert "one class only" in (found.reason or "")


def test_target_of_numbers_is_scored_and_not_learnt_from(rarely: Stream) -> None:
    frame = rows(0)
    rarely.drop("0.csv", frame.assign(y=frame["a"]))

    (found,) = rarely.drain().outcomes

    assert (found.decision, found.champion) == ("kept", None)
    assert "ipip learns classes" in (found.reason or "")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"drift": {"alpha": 0.1}}, "the part drift has no effect"),
        ({"retrain": {"when": "never"}}, "the part retrain has no effect"),
        ({"evaluation": {"thresholds": {"accuracy": 0.9}}}, "the part evaluation has no effect"),
        ({"block": {"column": "c", "eval_blocks": ["x"]}}, "leave block.eval_blocks out"),
        ({"task": "regression"}, "is for rare classes"),
    ],
)
def test_parts_without_effect_are_refused(rarely: Stream, more: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        rarely.declare(**{**KIND, "name": "other", **more})


@pytest.mark.parametrize("is_open", [False, True], ids=["closed", "open breaker"])
def test_prediction_only_asks_the_ensemble_and_leaves_it_as_it_is(
    rarely: Stream, *, is_open: bool
) -> None:
    rarely.drop("0.csv", rare(0))
    rarely.drain()
    rarely.declare(**KIND, prediction_only=True, target=None)
    if is_open:
        rarely.open_breaker()
    rarely.drop("1.csv", rare(1).drop(columns="y"))

    (outcome,) = rarely.drain().outcomes

    assert (outcome.decision, outcome.champion, outcome.challenger) == ("predicted", 1, None)
    assert len(registry.versions(rarely.store.database, "stream")) == 1
    with rarely.store.database.read() as connection:
        artifact = connection.execute(select(predictions.c.artifact)).scalar_one()
    said = from_bytes(rarely.store.artifacts.get(artifact))
    assert balanced_accuracy_score(rare(1).y, said.values) > 0.7


def test_ensemble_is_updated_from_the_version_that_a_person_brought_back(rarely: Stream) -> None:
    for number in range(2):
        rarely.drop(f"{number}.csv", rare(number))
    rarely.drain()
    roll_back(rarely.store, "stream", now=rarely.now)
    rarely.drop("2.csv", rare(2))

    (outcome,) = rarely.drain().outcomes

    assert (outcome.decision, outcome.champion) == ("promoted", 3)
    assert registry.version(rarely.store.database, "stream", 3).parent == 1
