"""Compare two batches: which columns drifted, which could not be tested, and how sure that is.

Run it:  python drift_in_a_notebook.py

Paste it into a notebook to see the report as a table.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from calmops_flows import DriftPolicy, detect_drift


def batch(seed: int, *, moved: float = 0.0, joined: float = 0.0) -> pd.DataFrame:
    """Draw rows; ``moved`` shifts a column, ``joined`` correlates two others."""
    rng = np.random.default_rng(seed)
    n = 2_000
    first, second = rng.normal(size=(2, n))
    return pd.DataFrame(
        {
            "temperature": rng.normal(20 + moved, 3, n),
            "pressure": first,
            "flow": joined * first + np.sqrt(1 - joined**2) * second,
            "machine": rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]),
            "comment": [None] * n,
        }
    )


def main() -> None:
    """Compare a batch with one like it, one that moved, and one whose columns belong together."""
    reference = batch(1)

    # Nothing happened. Over all columns and tests, a false alarm has chance alpha (0.05).
    print("like before:  ", detect_drift(reference, batch(2)))

    # One column moved. `effect_size` says by how many standard deviations.
    report = detect_drift(reference, batch(3, moved=1.5))
    print("moved:        ", report)
    worst = max(report.columns, key=lambda column: column.effect_size or 0.0)
    print(f"               {worst.name} by {worst.effect_size:.2f} standard deviations")

    # No column moved by itself: only the joint test can see this one.
    joint = detect_drift(reference, batch(4, joined=0.8))
    print("joined:       ", joint)

    # What could not be tested is never "no drift".
    print("untestable:   ", report.untestable)

    # A stricter policy: only columns, and only what moved by a standard deviation or more.
    policy = DriftPolicy(min_effect=1.0, multivariate="off")
    print("strict policy:", detect_drift(reference, batch(3, moved=1.5), policy))


if __name__ == "__main__":
    main()
