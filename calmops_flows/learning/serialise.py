"""Models as bytes, with a manifest that says what made them."""

from __future__ import annotations

import io
import json
import pickle
import platform
import struct
import warnings
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from calmops_flows.learning.columns import ContractLike
    from calmops_flows.learning.retraining.base import Fitted
    from calmops_flows.spec import ModelSpec

_PACKAGES = ("calmops-flows", "scikit-learn", "numpy", "scipy", "pandas", "joblib")
_OF_MODULE = {"lightgbm": "lightgbm", "river": "river"}


class _Pickler(pickle._Pickler):
    """Pickle equal models to equal bytes; in Python, because only there ``save`` can be overridden.

    A pickle refers back to an object that it met before, by identity. Whether two equal
    strings or dtypes are one object depends on what the process did earlier, so equal ones
    are taken as one here. And a tree's nodes have padding that is never written.
    """

    def __init__(self, buffer: io.BytesIO) -> None:
        super().__init__(buffer, protocol=5)
        self._same: dict[Any, Any] = {}

    def save(self, obj: Any, save_persistent_id: bool = True) -> Any:
        """Save an object, or refer back to an equal one."""
        if type(obj) is str:
            obj = self._same.setdefault(obj, obj)
        elif isinstance(obj, np.dtype) and obj.names is None:
            obj = self._same.setdefault(("dtype", obj.str, obj.kind), obj)
        return super().save(obj, save_persistent_id)  # type: ignore[misc]  # not in the stubs

    def memoize(self, obj: Any) -> None:
        """Remember an object, once; CPython's own fails on a second empty buffer."""
        if id(obj) not in self.memo:  # type: ignore[attr-defined]
            super().memoize(obj)  # type: ignore[misc]

    def reducer_override(self, obj: Any) -> Any:
        """Replace a structured array by a copy with zeroed padding."""
        if type(obj) is not np.ndarray or obj.dtype.names is None:
            return NotImplemented
        clean = np.zeros(obj.shape, dtype=obj.dtype)
        for name in obj.dtype.names:
            clean[name] = obj[name]
        return clean.__reduce__()


def dump_model(estimator: Any) -> bytes:
    """Return a fitted model as bytes: the same model, the same bytes.

    Parameters
    ----------
    estimator : estimator
        Fitted.

    Returns
    -------
    bytes
        An uncompressed pickle.

    Raises
    ------
    ModelError
        If the model cannot be pickled.
    """
    buffer = io.BytesIO()
    try:
        _Pickler(buffer).dump(estimator)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as err:
        name = type(estimator).__name__
        raise ModelError(f"{name} cannot be saved: {type(err).__name__}: {err}") from err
    return buffer.getvalue()


def load_model(content: bytes) -> Any:
    """Return the model of trusted bytes. This runs code: check their digest first.

    Parameters
    ----------
    content : bytes
        From `dump_model`.

    Returns
    -------
    estimator
        Fitted. Whether the libraries have changed since is for `version_mismatches` to tell.

    Raises
    ------
    ModelError
        If the bytes are no model, or need something that is not there any more.
    """
    from sklearn.exceptions import InconsistentVersionWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        return unpickle_model(content)


def unpickle_model(content: bytes) -> Any:
    """Do the same beside other threads, and let the warnings of libraries through.

    Parameters
    ----------
    content : bytes
        From `dump_model`.

    Returns
    -------
    estimator
        Fitted.

    Raises
    ------
    ModelError
        If the bytes are no model, or need something that is not there any more.
    """
    try:
        return pickle.loads(content)  # noqa: S301 - the caller has checked the digest
    except (
        pickle.UnpicklingError,
        struct.error,
        EOFError,
        ImportError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as err:
        raise ModelError(f"the model cannot be loaded: {type(err).__name__}: {err}") from err


def manifest(
    fitted: Fitted,
    *,
    model: ModelSpec,
    contract: ContractLike,
    task: str,
    snapshots: Sequence[str],
    metrics: Mapping[str, float | None],
    holdout: str | None = None,
) -> dict[str, Any]:
    """Describe a model in plain JSON values, without times, paths or run ids.

    Parameters
    ----------
    fitted : Fitted
        The model and its fit.
    model : ModelSpec
        What was declared.
    contract : ContractLike
        Columns and types it was fitted on.
    task : str
        Classification or regression.
    snapshots : sequence of str
        Digests of the snapshots it learnt from.
    metrics : mapping of str to float or None
        Holdout scores.
    holdout : str, optional
        Digest of the rows that judged it, with their truth and predictions.

    Returns
    -------
    dict
        Ready for canonical JSON.
    """
    return {
        "versions": _versions(fitted.estimator),
        "model": describe_model(model),
        "mode": fitted.mode,
        "task": task,
        "rows": fitted.rows,
        "target": contract.target,
        "columns": {column.name: column.type for column in contract.columns},
        "classes": _classes(fitted.estimator),
        "snapshots": list(snapshots),
        "metrics": dict(metrics),
        "holdout": holdout,
        "notes": list(fitted.notes),
        "details": dict(fitted.details),
        "continues": fitted.continues,
    }


def describe_model(model: ModelSpec) -> Any:
    """Return the declared model in plain JSON values."""
    declared = model.model_dump(mode="json", by_alias=True)
    return json.loads(json.dumps(declared, default=repr))


def version_mismatches(recorded: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the libraries whose version differs from the manifest's.

    Parameters
    ----------
    recorded : mapping
        From `manifest`.

    Returns
    -------
    tuple of str
        One line per library; empty when all are the same.

    Examples
    --------
    >>> version_mismatches({"versions": {"scikit-learn": "0.1"}})  # doctest: +ELLIPSIS
    ('scikit-learn 0.1 in the model, ... here',)
    """
    found = {name: _version_of(name) for name in recorded.get("versions", {})}
    return tuple(
        f"{name} {was} in the model, {found[name] or 'not installed'} here"
        for name, was in sorted(recorded.get("versions", {}).items())
        if found[name] != was
    )


def _versions(estimator: Any) -> dict[str, str | None]:
    model = getattr(estimator, "global_", estimator)  # of a model per block: one for all
    steps = getattr(model, "steps", [("model", model)])
    modules = {type(step).__module__.partition(".")[0] for _, step in steps}
    extra = sorted(_OF_MODULE[module] for module in modules if module in _OF_MODULE)
    return {name: _version_of(name) for name in ("python", *_PACKAGES, *extra)}


@cache  # reading a package's metadata takes a millisecond, and asks for each snapshot
def _version_of(package: str) -> str | None:
    if package == "python":
        return platform.python_version()
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _classes(estimator: Any) -> list[Any] | None:
    classes = getattr(estimator, "classes_", None)
    return None if classes is None else np.asarray(classes).tolist()
