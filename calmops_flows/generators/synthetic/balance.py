"""Which class each row of a stream must have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from calmops_flows.errors import SpecError
from calmops_flows.generators.synthetic.base import Concept, Values

LOOK = 20_000
Classes = Literal["balanced"] | Mapping[Any, float] | None


def wanted_classes(
    concept: Concept,
    n_rows: int,
    classes: Classes,
    rng: np.random.Generator,
) -> Values | None:
    """Draw the sequence of classes, in time order; None leaves it to the concept.

    ``"balanced"`` lets the classes take turns. With shares each row's class is drawn with these
    probabilities; classes that are not named share what is left as they come.

    Raises
    ------
    SpecError
        If the concept has no classes, only one, or not those that are named; if shares are
        negative or exceed 1.
    """
    if not classes:
        return None
    if classes != "balanced" and not isinstance(classes, Mapping):
        raise SpecError(f"classes must be 'balanced' or shares by class, got {classes!r}")
    if concept.task != "classification":
        raise SpecError("a regression stream has no classes to balance")
    labels, counts = np.unique(
        concept.sample(LOOK, np.random.default_rng(0))[1], return_counts=True
    )
    if len(labels) < 2:
        raise SpecError(f"there is only the class {labels[0]!r}; nothing to balance")
    if not isinstance(classes, Mapping):
        # River begins with the last class of two.
        return np.asarray(np.roll(labels, 1)[np.arange(n_rows) % len(labels)])
    return np.asarray(rng.choice(labels, n_rows, p=_shares(labels, counts, dict(classes))))


def _shares(labels: Values, counts: Values, shares: dict[Any, float]) -> Values:
    known = {_plain(label): i for i, label in enumerate(labels)}
    unknown = [label for label in shares if _plain(label) not in known]
    if unknown:
        raise SpecError(f"classes: no class {unknown[0]!r}; classes: {', '.join(map(str, known))}")
    if any(share < 0 for share in shares.values()) or sum(shares.values()) > 1.0 + 1e-9:
        raise SpecError(f"classes must be at least 0 and sum to at most 1, got {shares!r}")
    probability = np.zeros(len(labels))
    named = np.zeros(len(labels), dtype=bool)
    for label, share in shares.items():
        probability[known[_plain(label)]] = share
        named[known[_plain(label)]] = True
    rest = 1.0 - probability.sum()
    if named.all():
        if abs(rest) > 1e-9:
            raise SpecError(f"classes name every class and sum to {1 - rest:.6g}, not 1")
        return np.asarray(probability / probability.sum())
    probability[~named] = rest * counts[~named] / counts[~named].sum()
    return np.asarray(probability / probability.sum())


def _plain(label: object) -> object:
    """Return a label as it is written in YAML: an integer, truth value or text."""
    return label.item() if isinstance(label, np.generic) else label
