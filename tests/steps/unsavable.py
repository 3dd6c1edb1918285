"""Models that the user might bring and that cannot serve."""

from __future__ import annotations

import threading
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier


class Locked(DecisionTreeClassifier):  # type: ignore[misc]
    """A tree that can be fitted and not be pickled."""

    def fit(self, X: Any, y: Any, **more: Any) -> Locked:
        super().fit(X, y, **more)
        self.lock_ = threading.Lock()
        return self


def number(context: Any) -> int:
    """Return what is no model."""
    return len(context.X)


def tree(context: Any) -> Any:
    """Return a fitted model of another class than the spec's."""
    model = context.build()
    model.steps[-1] = ("model", LogisticRegression(C=0.5))
    return model.fit(context.X, context.y)
