"""An estimator outside the known packages, without scikit-learn's base class."""

from __future__ import annotations

from typing import Any

import numpy as np


class Foreign:
    """Predict what it is told to return."""

    def __init__(self, answer: Any = None, *, fails: bool = False) -> None:
        self.answer = answer
        self.fails = fails

    def get_params(self, *, deep: bool = True) -> dict[str, Any]:
        assert deep in {True, False}
        return {"answer": self.answer, "fails": self.fails}

    def fit(self, X: Any, y: Any) -> Foreign:
        assert len(X) == len(y)
        if self.fails:
            raise ArithmeticError("first line\nsecond line")
        return self

    def predict(self, X: Any) -> Any:
        assert len(X) > 0
        return np.asarray(self.answer)
