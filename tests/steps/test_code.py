"""The user's own functions: copied at apply, run from the copy, never the drain's end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from calmops_flows import api
from calmops_flows.errors import SpecError
from calmops_flows.settings import Settings
from calmops_flows.spec import PipelineSpec, parse_spec, read_spec
from calmops_flows.steps.drain import utc_now
from calmops_flows.store import Store, open_store
from calmops_flows.store.fsck import fsck
from calmops_flows.store.pipelines import load_state

TRAIN = """
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

def train(context):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5))
    return model.fit(context.X, context.y)
"""
HISTORICAL = """
from sklearn.linear_model import LogisticRegression

def train(X, y, last_processed_file, logger, metrics_dir):
    logger.info("training")
    model = LogisticRegression().fit(X, y)
    return model, X, y, {"rows": len(X)}
"""
RAISES = """
def train(context):
    rows = len(context.X)
    raise KeyError(f"no luck with {rows}")
"""
PREPARE = """
import pandas as pd

def first(df):
    y = df.pop("label") == "yes"
    return df.assign(total=df["a"] + df["b"]), y

def later(df):
    return first(df)

def broken(df):
    return df["nothing"], None

def rubbish(df):
    return df
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(Settings(home=tmp_path / "home")) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two months, the second one with another concept."""
    source = tmp_path / "source"
    source.mkdir()
    rng = np.random.default_rng(4)
    for month, sign in enumerate([1, -1]):
        X = rng.normal(month, 1.0, (400, 2))
        label = np.where(sign * (X - month).sum(axis=1) > 0, "yes", "no")
        file = source / f"m{month}.csv"
        pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "label": label}).to_csv(file, index=False)
        os.utime(file, (1_700_000_000, 1_700_000_000))
    return tmp_path


def spec_of(folder: Path, **more: Any) -> PipelineSpec:
    return parse_spec(
        {
            "name": "own",
            "target": "label",
            "source": {"path": str(folder / "source"), "settle_seconds": 0},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
            **more,
        }
    )


def decisions(store: Store, spec: PipelineSpec) -> list[tuple[str | None, str]]:
    outcomes = api.run(spec, store=store, prefect=False).outcomes
    return [(outcome.decision, outcome.reason or "") for outcome in outcomes]


@pytest.mark.parametrize("text", [TRAIN, HISTORICAL])
def test_function_in_a_file_fits_first_model_and_challenger(
    store: Store, folder: Path, text: str
) -> None:
    (folder / "own.py").write_text(text)
    spec = spec_of(folder, retrain={"custom": {"train": f"{folder}/own.py:train"}})

    found = decisions(store, spec)

    assert [decision for decision, _ in found] == ["trained", "promoted"]
    assert fsck(store, now=utc_now()) == ()


def test_error_names_file_and_line_and_does_not_stop_the_drain(store: Store, folder: Path) -> None:
    (folder / "own.py").write_text(TRAIN + RAISES.replace("def train", "def again"))
    custom = {"train": f"{folder}/own.py:train", "retrain": f"{folder}/own.py:again"}

    found = decisions(store, spec_of(folder, retrain={"custom": custom}))

    assert [decision for decision, _ in found] == ["trained", "kept"]
    assert f"own.py:{len(TRAIN.splitlines()) + 4}: KeyError" in found[1][1]
    assert load_state(store.database, "own").champion == 1


def test_edit_takes_effect_only_by_apply(store: Store, folder: Path) -> None:
    (folder / "own.py").write_text(TRAIN)
    spec = spec_of(folder, retrain={"custom": {"train": f"{folder}/own.py:train"}})
    first = api.apply(spec, store)
    (folder / "own.py").write_text(RAISES)

    outcomes = api.run("own", store=store, prefect=False).outcomes

    assert [outcome.decision for outcome in outcomes] == ["trained", "promoted"]
    assert api.apply(spec, store) == first + 1


@pytest.mark.parametrize(
    "text",
    [
        "def train(context):\n    return 7\n",
        "from sklearn.linear_model import Ridge\ndef train(context):\n    return Ridge()\n",
        "def train(context):\n    return None\n",
        (
            "class M:\n    classes_ = [0]\n    def predict(self, X):\n        return [[0]] * 3\n"
            "def train(context):\n    return M()\n"
        ),
    ],
)
def test_rubbish_is_refused(store: Store, folder: Path, text: str) -> None:
    (folder / "own.py").write_text(text)
    spec = spec_of(folder, retrain={"custom": {"train": f"{folder}/own.py:train"}})

    found = decisions(store, spec)

    assert all(decision == "kept" and "retrain_failed" in why for decision, why in found)
    assert load_state(store.database, "own").champion is None


def test_fallback_is_tried_after_a_rejection(store: Store, folder: Path) -> None:
    (folder / "own.py").write_text(
        TRAIN
        + "\ndef guess(context):\n"
        + "    from sklearn.dummy import DummyClassifier\n"
        + "    return DummyClassifier().fit(context.X, context.y)\n"
    )
    place = f"{folder}/own.py"
    custom = {"train": f"{place}:train", "retrain": f"{place}:guess", "fallback": f"{place}:train"}

    found = decisions(store, spec_of(folder, retrain={"custom": custom}))

    assert [decision for decision, _ in found] == ["trained", "promoted"]


def test_preprocess_makes_features_and_target(store: Store, folder: Path) -> None:
    (folder / "prep.py").write_text(PREPARE)
    prep = {"function": f"{folder}/prep.py:first", "later": f"{folder}/prep.py:later"}

    found = decisions(store, spec_of(folder, target=None, preprocess=prep))

    assert next(decision for decision, _ in found) == "trained"
    state = load_state(store.database, "own")
    assert state.spec.target == "target"
    from calmops_flows.read import show

    contract = show(store, "own").contract
    assert contract is not None
    assert {c["name"]: c["type"] for c in contract["columns"]} == {
        "a": "float",
        "b": "float",
        "total": "float",
        "target": "bool",
    }


@pytest.mark.parametrize(("name", "reason"), [("broken", "KeyError"), ("rubbish", "must return")])
def test_preprocess_that_fails_quarantines_the_file(
    store: Store, folder: Path, name: str, reason: str
) -> None:
    (folder / "prep.py").write_text(PREPARE)

    drained = api.run(
        spec_of(folder, target=None, preprocess={"function": f"{folder}/prep.py:{name}"}),
        store=store,
        prefect=False,
    )

    assert len(drained.quarantined) == 2
    assert all(reason in (outcome.reason or "") for outcome in drained.quarantined)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("own.py:missing", "defines no function 'missing'"),
        ("own.py", "expected module:function"),
        ("gone.py:train", "cannot read"),
        ("os:system", "is not trusted"),
        ("own.py:two", "must take 1 or 5 arguments, it takes 2"),
    ],
)
def test_wrong_reference_is_refused_at_apply_and_runs_nothing(
    store: Store, folder: Path, reference: str, message: str
) -> None:
    sentinel = folder / "ran"
    (folder / "own.py").write_text(
        f"open({str(sentinel)!r}, 'w')\ndef train(c):\n    pass\ndef two(a, b):\n    pass\n"
    )
    place = reference if ".py" not in reference else f"{folder}/{reference}"

    with pytest.raises(SpecError, match=message):
        api.apply(spec_of(folder, retrain={"custom": {"train": place}}), store)

    assert not sentinel.exists()


def test_changed_copy_is_not_run(store: Store, folder: Path) -> None:
    (folder / "own.py").write_text(TRAIN)
    api.apply(spec_of(folder, retrain={"custom": {"train": f"{folder}/own.py:train"}}), store)
    (digest,) = load_state(store.database, "own").spec.code.values()
    copy = Path(store.artifacts.url) / "sha256" / digest[:2] / digest
    copy.write_text(RAISES)

    with pytest.raises(OSError, match="was changed"):
        api.run("own", store=store, prefect=False)


def test_files_of_code_lie_beside_the_spec(folder: Path) -> None:
    (folder / "p.yaml").write_text(
        "name: own\ntarget: y\nsource: {path: source}\n"
        "model: {class: sklearn.linear_model.LogisticRegression}\n"
        "preprocess: {function: 'prep.py:first'}\n"
    )

    spec = read_spec(folder / "p.yaml")

    assert spec.preprocess is not None
    assert spec.preprocess.function == f"{folder}/prep.py:first"
