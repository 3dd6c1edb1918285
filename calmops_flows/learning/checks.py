"""Refusals of `IPIPClassifier`: parameters out of range, labels of another kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from calmops_flows.errors import ModelError, SpecError
from calmops_flows.learning.ensembles import METRICS

if TYPE_CHECKING:
    from numpy.typing import NDArray

VOTINGS = frozenset({"soft", "quorum"})
_KINDS = {"b": "bool", "i": "number", "u": "number", "f": "number", "U": "str"}


def check_parameters(model: Any) -> None:
    """Refuse parameters out of range.

    Raises
    ------
    SpecError
        If one is.
    """
    for name in ("minority_fraction", "majority_share", "validation_share"):
        value = getattr(model, name)
        if not (0 < value < 1 or (value == 1 and name == "minority_fraction")):
            raise SpecError(f"{name} must lie between 0 and 1, got {value!r}")
    if model.max_attempts is not None and model.max_attempts < 1:
        raise SpecError(f"max_attempts must be at least 1, got {model.max_attempts!r}")
    for name, known in (("metric", frozenset(METRICS)), ("voting", VOTINGS)):
        if getattr(model, name) not in known:
            found = getattr(model, name)
            raise SpecError(f"{name} must be one of {sorted(known)}, got {found!r}")


def check_comparable(before: NDArray[Any], y: NDArray[Any]) -> None:
    """Refuse texts beside numbers: numpy would turn the numbers into texts.

    Raises
    ------
    ModelError
        If the labels are not of the kind that they were before.
    """
    kinds = [_KINDS.get(labels.dtype.kind, type(labels[0]).__name__) for labels in (before, y)]
    if kinds[0] != kinds[1]:
        raise ModelError(f"the labels were of kind {kinds[0]} before, now they are {kinds[1]}")
