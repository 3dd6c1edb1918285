"""Models as bytes, and their manifest."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import joblib
import numpy as np
import pytest

from calmops_flows.errors import ModelError
from calmops_flows.learning import (
    RETRAINERS,
    Fitted,
    dump_model,
    load_model,
    manifest,
    predict,
    version_mismatches,
)
from calmops_flows.spec import ModelSpec
from tests.learning.conftest import Problem

FOREST = "sklearn.ensemble.RandomForestClassifier"
LOGISTIC = "sklearn.linear_model.LogisticRegression"

FIT_AND_HASH = f"""
import hashlib
from tests.learning.conftest import mixed_table, problem
from calmops_flows.learning import RETRAINERS, dump_model
fitted = RETRAINERS["full"](problem(mixed_table()).context({FOREST!r}, n_estimators=5))
print(hashlib.sha256(dump_model(fitted.estimator)).hexdigest())
"""


def described(mixed: Problem, fitted: Fitted) -> dict[str, object]:
    model = ModelSpec.model_validate({"class": LOGISTIC, "params": {"C": 0.5}})
    return manifest(
        fitted,
        model=model,
        contract=mixed.contract,
        task="classification",
        snapshots=["ab" * 32],
        metrics={"accuracy": 0.9, "roc_auc": None},
    )


def test_loaded_model_predicts_as_before(mixed: Problem) -> None:
    model = RETRAINERS["full"](mixed.context(FOREST, n_estimators=5)).estimator
    expected = predict(model, mixed.table, mixed.contract)

    found = predict(load_model(dump_model(model)), mixed.table, mixed.contract)

    assert found.values.tolist() == expected.values.tolist()


def test_bytes_do_not_depend_on_the_process(mixed: Problem) -> None:
    here = dump_model(RETRAINERS["full"](mixed.context(FOREST, n_estimators=5)).estimator)

    command = [sys.executable, "-c", FIT_AND_HASH]
    there = subprocess.run(command, capture_output=True, text=True, check=True)

    assert there.stdout.strip() == hashlib.sha256(here).hexdigest()


def test_garbage_between_the_fields_of_an_array_is_not_saved() -> None:
    kind = np.dtype({"names": ["a", "b"], "formats": ["i1", "f8"]}, align=True)
    raw = [np.frombuffer(bytearray([fill] * kind.itemsize * 3), dtype=kind) for fill in (7, 9)]
    for array in raw:
        array["a"], array["b"] = 1, 2.0
    assert raw[0].tobytes() != raw[1].tobytes()

    first, second = (dump_model(array) for array in raw)

    assert first == second
    assert load_model(first)["b"].tolist() == [2.0] * 3


def test_bytes_are_readable_by_joblib(mixed: Problem, tmp_path: pytest.TempPathFactory) -> None:
    model = RETRAINERS["full"](mixed.context(LOGISTIC)).estimator
    file = tmp_path / "model.joblib"  # type: ignore[operator]
    file.write_bytes(dump_model(model))

    loaded = joblib.load(file)

    assert loaded["model"].coef_.tolist() == model["model"].coef_.tolist()


def test_model_that_cannot_be_pickled_is_an_error() -> None:
    with pytest.raises(ModelError, match="cannot be saved"):
        dump_model(lambda: None)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x80\x05cnowhere\nThing\n."])
def test_bytes_that_are_no_model_are_an_error(content: bytes) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(content)


def test_truncated_model_is_an_error(mixed: Problem) -> None:
    content = dump_model(RETRAINERS["full"](mixed.context(LOGISTIC)).estimator)

    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(content[: len(content) // 2])


def test_manifest_is_plain_json_that_says_what_made_the_model(mixed: Problem) -> None:
    fitted = RETRAINERS["full"](mixed.context(LOGISTIC))

    found = json.loads(json.dumps(described(mixed, fitted), allow_nan=False))

    assert found["model"]["class"] == LOGISTIC
    assert found["model"]["params"] == {"C": 0.5}
    assert found["classes"] == ["early", "late"]
    assert found["columns"]["carrier"] == "string"
    assert found["snapshots"] == ["ab" * 32]
    assert found["versions"]["numpy"] == np.__version__


def test_equal_fits_have_equal_manifests(mixed: Problem) -> None:
    first, second = (
        described(mixed, RETRAINERS["full"](mixed.context(LOGISTIC))) for _ in range(2)
    )

    assert first == second


def test_own_versions_match(mixed: Problem) -> None:
    recorded = described(mixed, RETRAINERS["full"](mixed.context(LOGISTIC)))

    assert version_mismatches(recorded) == ()


def test_other_versions_are_named() -> None:
    recorded = {"versions": {"numpy": "1.0", "gone-package": "2.0"}}

    assert version_mismatches(recorded) == (
        "gone-package 2.0 in the model, not installed here",
        f"numpy 1.0 in the model, {np.__version__} here",
    )
