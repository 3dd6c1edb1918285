"""py-synthpop: ``synthesize SOURCE TARGET SEED`` writes as many rows; the answer is CPU seconds."""

from __future__ import annotations

import contextlib
import io
import time
from typing import Any

import numpy as np
import pandas as pd

PACKAGE = "py-synthpop"
KINDS = {"i": "int", "f": "float", "b": "bool"}


def synthesize(source: str, target: str, seed: str) -> float:
    """Write as many rows as a file has, by the default method with smoothing."""
    from synthpop import Synthpop  # type: ignore[import-not-found]

    real = pd.read_csv(source)
    types = {name: KINDS.get(real[name].dtype.kind, "category") for name in real}
    for name, kind in types.items():
        if kind == "category":
            real[name] = real[name].astype("category")
    np.random.seed(int(seed))  # noqa: NPY002  # it knows no generator
    started = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        model = Synthpop(smoothing="density", seed=int(seed))
        model.fit(real, types)
        new = model.generate(len(real))
    seconds = time.process_time() - started
    new.to_csv(target, index=False)
    return seconds


QUESTIONS: dict[str, Any] = {"synthesize": synthesize}
