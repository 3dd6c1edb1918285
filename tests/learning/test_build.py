"""Which classes a model may be, and how it is put together."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from sklearn.preprocessing import StandardScaler

from calmops_flows.errors import CalmopsError, MissingExtraError, ModelError, SpecError
from calmops_flows.evaluation.metrics import Task
from calmops_flows.learning import build_estimator, resolve_class
from calmops_flows.spec import ModelSpec
from tests.learning.conftest import Problem

FOREST = "sklearn.ensemble.RandomForestClassifier"
LOGISTIC = "sklearn.linear_model.LogisticRegression"


def build(mixed: Problem, spec: dict[str, Any], task: Task = "classification") -> Any:
    model = ModelSpec.model_validate(spec)
    return build_estimator(model, mixed.contract, task=task, random_state=42)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("os.system", "must come from one of"),
        ("subprocess.Popen", "must come from one of"),
        ("builtins.eval", "must come from one of"),
        ("sklearn", "names? a class"),
        ("sklearn.linear_model", "is none"),
        ("sklearn.linear_model.LogisticRegresion", "is none"),
        ("sklearn.nothing.Here", "cannot import 'sklearn.nothing'"),
        ("sklearn.metrics.accuracy_score", "is none"),
        ("sklearn.utils.Bunch", r"no fit\(\)"),
        ("sklearn.base.defaultdict", "not allowed"),
        ("sklearn.utils.validation.suppress", "not allowed"),
        ("calmops_flows.errors.SpecError", r"no fit\(\)"),
    ],
)
def test_class_that_is_no_allowed_estimator_is_refused(path: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        resolve_class(path)


def test_refused_class_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", lambda *_: pytest.fail("called"))

    with pytest.raises(SpecError):
        resolve_class("subprocess.Popen")


@pytest.mark.parametrize("package", ["lightgbm", "river"])
def test_package_that_is_not_installed_says_how_to_get_it(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingExtraError, match=f"needs pip install .*({package}|generators)"):
        resolve_class(f"{package}.Anything")


def test_trusted_package_is_allowed() -> None:
    with pytest.raises(SpecError, match="CALMOPS_TRUSTED_MODULES"):
        resolve_class("tests.learning.foreign.Foreign")

    found = resolve_class("tests.learning.foreign.Foreign", trusted=frozenset({"tests"}))

    assert found.__name__ == "Foreign"


def test_seed_reaches_the_model_unless_it_has_one(mixed: Problem) -> None:
    seeded = build(mixed, {"class": FOREST})
    own = build(mixed, {"class": FOREST, "params": {"random_state": 7}})

    assert seeded["model"].random_state == 42
    assert own["model"].random_state == 7


def test_steps_follow_the_encoder(mixed: Problem) -> None:
    steps = [
        {"class": "sklearn.decomposition.PCA", "params": {"n_components": 3}},
        {"class": "sklearn.feature_selection.SelectKBest", "params": {"k": 2}},
        {"class": LOGISTIC},
    ]

    built = build(mixed, {"steps": steps})

    assert [name for name, _ in built.steps] == ["encode", "step1", "step2", "model"]
    assert built["step1"].random_state == 42


@pytest.mark.parametrize(("path", "is_scaled"), [(FOREST, False), (LOGISTIC, True)])
def test_numbers_are_scaled_for_all_but_trees(
    mixed: Problem, path: str, *, is_scaled: bool
) -> None:
    encoder = build(mixed, {"class": path})["encode"]

    scalers = [s for _, p, _ in encoder.transformers for s in p if isinstance(s, StandardScaler)]

    assert bool(scalers) is is_scaled


@pytest.mark.parametrize(
    ("task", "path", "message"),
    [
        ("regression", LOGISTIC, "is no regressor"),
        ("classification", "sklearn.linear_model.Ridge", "is no classifier"),
        ("classification", "sklearn.cluster.KMeans", "is no classifier"),
        ("classification", "sklearn.preprocessing.StandardScaler", r"no predict\(\)"),
    ],
)
def test_model_must_do_the_task(mixed: Problem, task: Task, path: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        build(mixed, {"class": path}, task)


def test_step_before_the_last_must_transform(mixed: Problem) -> None:
    with pytest.raises(SpecError, match=r"not a transformer: it has no transform\(\)"):
        build(mixed, {"steps": [{"class": LOGISTIC}, {"class": LOGISTIC}]})


def test_unknown_parameter_is_an_error_that_names_class_and_parameters(mixed: Problem) -> None:
    with pytest.raises(SpecError, match=r"LogisticRegression does not accept .*\['trees'\]"):
        build(mixed, {"class": LOGISTIC, "params": {"trees": 3}})


def test_class_that_needs_arguments_is_an_error(mixed: Problem) -> None:
    with pytest.raises(SpecError, match="does not accept the parameters"):
        build(mixed, {"class": "sklearn.multiclass.OneVsRestClassifier"})


def test_data_without_features_are_an_error() -> None:
    import pyarrow as pa

    from tests.learning.conftest import problem

    only_target = problem(pa.table({"y": [0, 1]}))

    with pytest.raises(ModelError, match="no column besides the target"):
        build(only_target, {"class": LOGISTIC})


def test_all_refusals_are_errors_of_the_package() -> None:
    with pytest.raises(CalmopsError):
        resolve_class("math.sqrt")
