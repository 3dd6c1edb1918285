"""From a model's spec to an unfitted scikit-learn pipeline."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

from calmops_flows.errors import MissingExtraError, ModelError, SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from calmops_flows.evaluation.metrics import Task
    from calmops_flows.learning.columns import ContractLike
    from calmops_flows.spec import ModelSpec, StepSpec

KNOWN_MODULES = frozenset({"sklearn", "lightgbm", "river", "calmops_flows"})
_INSTALL = {
    "lightgbm": "pip install 'calmops-flows[lightgbm]'",
    "river": "pip install 'calmops-flows[generators]'",
}
_LEARNS = ("fit", "learn_one")  # scikit-learn's and river's
_UNSCALED = ("sklearn.tree", "sklearn.ensemble", "lightgbm")


def build_estimator(
    model: ModelSpec,
    contract: ContractLike,
    *,
    task: Task,
    random_state: int,
    trusted: frozenset[str] = frozenset(),
) -> Any:
    """Build the unfitted pipeline of a spec: encoder, then the user's steps.

    Parameters
    ----------
    model : ModelSpec
        Class or steps, with parameters.
    contract : ContractLike
        Columns and types of the data.
    task : {"classification", "regression"}
        What the last step must be able to do.
    random_state : int
        Seed of every step that takes one and was given none.
    trusted : frozenset of str
        Top-level packages allowed besides `KNOWN_MODULES`.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Steps ``encode``, the user's, and ``model``.

    Raises
    ------
    SpecError
        If a class is not allowed, not there, not an estimator, or refuses its parameters.
    ModelError
        If the contract has no feature column.

    Examples
    --------
    >>> from types import SimpleNamespace as Namespace
    >>> from calmops_flows.spec import ModelSpec
    >>> contract = Namespace(columns=(Namespace(name="x", type="float"),), target=None)
    >>> spec = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})
    >>> built = build_estimator(spec, contract, task="classification", random_state=7)
    >>> built["model"]
    DecisionTreeClassifier(random_state=7)
    """
    from sklearn.pipeline import Pipeline

    from calmops_flows.learning.columns import feature_names
    from calmops_flows.learning.encode import build_encoder

    if not feature_names(contract):
        raise ModelError("the data have no column besides the target to learn from")
    built = build_steps(model, task=task, random_state=random_state, trusted=trusted)
    scale = not any(path in type(built[-1]).__module__ for path in _UNSCALED)
    names = [*(f"step{number}" for number in range(1, len(built))), "model"]
    encoder = build_encoder(contract, scale=scale)
    return Pipeline([("encode", encoder), *zip(names, built, strict=True)])


def build_steps(
    model: ModelSpec,
    *,
    task: Task | None,
    random_state: int = 0,
    trusted: frozenset[str] = frozenset(),
) -> list[Any]:
    """Make the user's steps, unfitted; a task that is not known yet is not checked.

    Raises
    ------
    SpecError
        If a class is not allowed, not there, not an estimator, or refuses its parameters.
    """
    specs: tuple[StepSpec, ...] = model.steps or (model,)
    built = [_instance(spec, random_state, trusted) for spec in specs]
    for spec, step in zip(specs[:-1], built[:-1], strict=True):
        _need(spec.class_, step, ("fit", "transform"), "a transformer")
    _need(specs[-1].class_, built[-1], ("fit", "predict", "get_params"), "an estimator")
    if task is not None:
        _check_task(specs[-1].class_, built[-1], task)
    return built


def resolve_class(path: str, *, trusted: frozenset[str] = frozenset()) -> type[Any]:
    """Import the class of a dotted path, from allowed packages only.

    Parameters
    ----------
    path : str
        For example ``"sklearn.linear_model.Ridge"``.
    trusted : frozenset of str
        Top-level packages allowed besides `KNOWN_MODULES`.

    Returns
    -------
    type
        The class; it has not been called.

    Raises
    ------
    SpecError
        If the package is not allowed, or there is no such estimator class.
    MissingExtraError
        If the package is not installed.
    """
    allowed = KNOWN_MODULES | trusted
    package, _, rest = path.partition(".")
    if package not in allowed:
        raise SpecError(
            f"model.class must come from one of {sorted(allowed)}, got {path!r}; "
            "name further packages in CALMOPS_TRUSTED_MODULES"
        )
    module_path, _, name = path.rpartition(".")
    found = getattr(_import(module_path, path), name, None) if rest else None
    if not isinstance(found, type):
        raise SpecError(f"model.class must name a class, but {path!r} is none")
    if found.__module__.partition(".")[0] not in allowed:
        raise SpecError(f"model.class {path!r} is defined in {found.__module__!r}, not allowed")
    if not any(callable(getattr(found, name, None)) for name in _LEARNS):
        raise SpecError(f"model.class {path!r} is not an estimator: it has no fit()")
    return found


def _import(module_path: str, path: str) -> Any:
    package = module_path.partition(".")[0]
    try:
        return importlib.import_module(module_path)
    except ModuleNotFoundError as err:
        if err.name == package and package in _INSTALL:
            raise MissingExtraError(f"model.class {path!r} needs {_INSTALL[package]}") from err
        raise SpecError(f"model.class {path!r}: cannot import {module_path!r}: {err}") from err
    except ImportError as err:
        raise SpecError(f"model.class {path!r}: cannot import {module_path!r}: {err}") from err


def _instance(spec: StepSpec, random_state: int, trusted: frozenset[str]) -> Any:
    found = resolve_class(spec.class_, trusted=trusted)
    params = dict(spec.params)
    if found.__module__.startswith("lightgbm"):
        params.setdefault("verbose", -1)  # it prints to stdout otherwise
        # Its threads wait by spinning, and how many there are moves the last bits of a model.
        params.setdefault("n_jobs", 1)
    try:
        made = found(**params)
    except (TypeError, ValueError) as err:
        names = sorted(params)
        raise SpecError(f"{spec.class_} does not accept the parameters {names}: {err}") from err
    if hasattr(made, "learn_one"):
        return _river(made, random_state, params)
    if "random_state" in _params_of(made) and "random_state" not in params:
        made.set_params(random_state=random_state)
    return made


def _river(made: Any, random_state: int, params: Mapping[str, Any]) -> Any:
    """Put a river model behind scikit-learn's interface; its seed is called ``seed``."""
    from calmops_flows.learning.river_models import adapted

    if "seed" in inspect.signature(type(made)).parameters and "seed" not in params:
        made = type(made)(**params, seed=random_state)
    return adapted(made)


def _params_of(estimator: Any) -> Mapping[str, Any]:
    if not hasattr(estimator, "get_params"):
        return {}
    params: Mapping[str, Any] = estimator.get_params(deep=False)
    return params


def _need(path: str, step: Any, methods: tuple[str, ...], what: str) -> None:
    missing = [name for name in methods if not callable(getattr(step, name, None))]
    if missing:
        raise SpecError(f"model.class {path!r} is not {what}: it has no {missing[0]}()")


def _check_task(path: str, estimator: Any, task: Task) -> None:
    """Refuse a regressor for classes and the reverse; a foreign class is taken at its word."""
    from sklearn.base import BaseEstimator, is_classifier, is_regressor

    if not isinstance(estimator, BaseEstimator):
        return
    fits = is_classifier(estimator) if task == "classification" else is_regressor(estimator)
    if not fits:
        wanted = "classifier" if task == "classification" else "regressor"
        raise SpecError(f"the task is {task}, but model.class {path!r} is no {wanted}")
