"""Units that no model can learn from, in every kind: a reason is kept, and the champion too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calmops_flows.records import Outcome
from calmops_flows.settings import Settings
from calmops_flows.spec import parse_spec
from calmops_flows.steps.apply import apply
from calmops_flows.steps.drain import drain
from calmops_flows.steps.models import read_model
from calmops_flows.store import open_store, registry
from calmops_flows.store.fsck import fsck
from calmops_flows.store.pipelines import load_state
from tests.steps.conftest import START, Stream, settled

KINDS: dict[str, dict[str, Any]] = {
    "stream": {"kind": "stream", "retrain": {"when": "always"}},
    "block": {"kind": "block", "block": {"column": "site"}, "retrain": {"when": "always"}},
    "ipip": {
        "kind": "ipip",
        "model": {"class": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 4}},
    },
}


def three(seed: int, n: int = 300, classes: str = "xyz", **more: Any) -> pd.DataFrame:
    """Return rows of one block, with three classes that lie apart."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = rng.normal(0, 0.5, (n, 2)) + np.stack([y, y % 2], axis=1) * 2
    frame = pd.DataFrame({"site": "a", "a": X[:, 0], "b": X[:, 1], "y": np.array([*"xyz"])[y]})
    return frame[frame.y.isin([*classes])].assign(**more)


@pytest.fixture(params=KINDS)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stream]:
    """A pipeline of each kind, with nothing processed yet."""
    folder = tmp_path / "source"
    folder.mkdir()
    with open_store(Settings(home=tmp_path / "home", trusted_modules="tests")) as store:
        opened = Stream(store, folder)
        opened.declare(**KINDS[request.param])
        yield opened
        assert fsck(store, now=START) == ()


def start(unit: Stream, **of_rows: Any) -> Any:
    """Train a champion, and return its artifact."""
    unit.drop("1.csv", three(1, **of_rows))
    assert [o.decision for o in unit.drain().outcomes] == ["trained"]
    return registry.version(unit.store.database, "stream", 1).artifact


def one(unit: Stream, frame: pd.DataFrame) -> Outcome:
    """Process one more file, which may be quarantined."""
    unit.drop("2.csv", frame)
    drained = unit.drain()
    (outcome,) = [*drained.outcomes, *drained.quarantined]
    return outcome


def champion(unit: Stream) -> tuple[int | None, str]:
    number = load_state(unit.store.database, "stream").champion
    return number, registry.version(unit.store.database, "stream", number or 0).artifact


def model(unit: Stream) -> Any:
    return read_model(unit.store.artifacts, champion(unit)[1])


def test_unit_without_any_label_waits_and_the_champion_stays(unit: Stream) -> None:
    before = start(unit)

    outcome = one(unit, three(2, y=None))

    assert (outcome.state, outcome.decision) == ("processed", "awaiting_labels")
    assert "0 rows are labelled" in (outcome.reason or "")
    assert champion(unit) == (1, before)


def test_unit_of_one_class_teaches_nothing(unit: Stream) -> None:
    before = start(unit)

    outcome = one(unit, three(2, y="x"))

    assert (outcome.decision, outcome.champion) == ("kept", 1)
    assert "one class" in (outcome.reason or "") or "two classes" in (outcome.reason or "")
    assert champion(unit) == (1, before)


def test_first_unit_of_one_class_leaves_the_next_to_train(unit: Stream) -> None:
    first = one(unit, three(1, y="x"))
    unit.drop("3.csv", three(2))

    (second,) = unit.drain().outcomes

    assert (first.decision, first.champion) == ("kept", None)
    assert (second.decision, second.champion) == ("trained", 1)


def test_class_that_vanishes_leaves_a_model_that_serves(unit: Stream) -> None:
    start(unit)

    outcome = one(unit, three(2, classes="xy"))

    assert outcome.state == "processed"
    assert outcome.decision in {"promoted", "rejected"}
    unit.drop("3.csv", three(3))
    (later,) = unit.drain().outcomes
    assert later.state == "processed"
    assert (later.metrics["champion"] or {})["accuracy"] is not None


def test_class_that_appears_is_recorded_and_learnt(unit: Stream) -> None:
    start(unit, classes="xy")

    outcome = one(unit, three(2, 600))

    assert (outcome.state, outcome.decision) == ("processed", "promoted")
    accuracy = (outcome.metrics["champion"] or {})["accuracy"]
    assert accuracy is not None
    assert accuracy < 0.8, "the champion cannot know the new class, and is scored on its rows"
    rows = three(3)
    said = model(unit).predict(rows.drop(columns="y"))
    assert set(said) == {"x", "y", "z"}
    assert np.mean(said == rows.y) > 0.9


def test_unit_with_fewer_columns_is_set_aside(unit: Stream) -> None:
    before = start(unit)

    outcome = one(unit, three(2).drop(columns="b"))

    assert outcome.state == "quarantined"
    assert "missing_column" in (outcome.reason or "")
    assert "1 column is missing: 'b'" in (outcome.reason or "")
    assert champion(unit) == (1, before)


def test_file_without_rows_is_set_aside(unit: Stream) -> None:
    before = start(unit)

    outcome = one(unit, three(2).head(0))

    assert (outcome.state, (outcome.reason or "")[:11]) == ("quarantined", "header_only")
    assert champion(unit) == (1, before)


@pytest.mark.parametrize("unit", ["block"], indirect=True)
def test_block_that_a_file_names_without_rows_is_no_unit(unit: Stream) -> None:
    table = pa.Table.from_pandas(three(1), preserve_index=False)
    ids = pa.DictionaryArray.from_arrays(pa.array([1] * len(table)), pa.array(["empty", "a"]))
    place = table.column_names.index("site")
    pq.write_table(table.set_column(place, "site", ids), unit.folder / "1.parquet")
    settled(unit.folder / "1.parquet")

    (outcome,) = unit.drain().outcomes

    assert (outcome.snapshot, outcome.decision) == ("1.parquet#a", "trained")


def test_model_that_cannot_be_saved_is_a_failed_fit(
    unit: Stream, request: pytest.FixtureRequest
) -> None:
    before = start(unit)
    kind = KINDS[request.node.callspec.params["unit"]]
    locked = {"class": "tests.steps.unsavable.Locked"}
    if kind["kind"] == "ipip":  # it copies what it has, and never starts over
        assert fresh(unit, kind, locked) == ("kept", None)
        return
    unit.declare(**{**kind, "model": locked})

    outcome = one(unit, three(2))

    assert (outcome.decision, outcome.champion) == ("kept", 1)
    assert (outcome.reason or "").startswith("retrain_failed: ")
    assert "pickle" in (outcome.reason or "")
    assert champion(unit) == (1, before)


def fresh(unit: Stream, kind: dict[str, Any], model: dict[str, Any]) -> tuple[Any, Any]:
    """Let a new pipeline meet its first file with a model; return what was decided."""
    values = {
        "name": "fresh",
        "target": "y",
        "source": {"path": str(unit.folder), "settle_seconds": 0},
    }
    apply(parse_spec({**values, **kind, "model": model}), unit.store)
    (outcome,) = drain("fresh", unit.store).outcomes
    assert "pickle" in (outcome.reason or "")
    return outcome.decision, outcome.champion


@pytest.mark.parametrize("unit", ["stream", "block"], indirect=True)
def test_function_that_returns_rubbish_is_a_failed_fit(
    unit: Stream, request: pytest.FixtureRequest
) -> None:
    before = start(unit)
    kind = KINDS[request.node.callspec.params["unit"]]
    retrain = {"when": "always", "custom": {"retrain": "tests.steps.unsavable:number"}}
    unit.declare(**{**kind, "retrain": retrain})

    outcome = one(unit, three(2))

    assert (outcome.decision, outcome.champion) == ("kept", 1)
    assert "must return a fitted model, it returned int" in (outcome.reason or "")
    assert champion(unit) == (1, before)


@pytest.mark.parametrize("unit", ["block"], indirect=True)
def test_function_of_the_user_fits_the_part_of_one_block(unit: Stream) -> None:
    retrain = {"when": "always", "custom": {"train": "tests.steps.unsavable:tree"}}
    unit.declare(**{**KINDS["block"], "retrain": retrain})
    unit.drop("1.csv", pd.concat([three(1), three(2, site="b")]))
    unit.drop("2.csv", three(3))

    decided = [o.decision for o in unit.drain().outcomes]

    assert decided[:2] == ["trained", "promoted"]
    assert decided[2] in {"promoted", "rejected"}
    assert {part[-1].C for part in model(unit).parts_.values()} == {0.5}
