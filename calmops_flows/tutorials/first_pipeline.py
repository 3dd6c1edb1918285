"""A first pipeline: three months of data, a model that is watched, and one that takes over.

Run it:  python first_pipeline.py

It makes its own data and its own store in the folder ``first-pipeline``, and takes seconds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from calmops_flows import PipelineSpec, open_store, run_pipeline
from calmops_flows.read import explain, to_sentences
from calmops_flows.settings import Settings

FOLDER = Path("first-pipeline")


def arrive(month: str, *, shift: float, seed: int) -> None:
    """Write one month of loans; ``shift`` moves incomes, and what makes a loan fail with them."""
    rng = np.random.default_rng(seed)
    income = rng.normal(50 + shift, 10, 800)
    debt = rng.gamma(2.0, 5.0, 800)
    region = rng.choice(["north", "south", "west"], 800)
    risk = debt - 0.5 * (income - shift) + rng.normal(0, 4, 800)
    frame = pd.DataFrame({"income": income, "debt": debt, "region": region, "failed": risk > -13})
    frame.to_csv(FOLDER / "arrivals" / f"loans-{month}.csv", index=False)


def main() -> None:
    """Let three files arrive, one after the other, and say what was decided."""
    (FOLDER / "arrivals").mkdir(parents=True, exist_ok=True)
    # 1. What is watched, what is fitted. Everything else has defaults: `calmops schema`.
    spec = PipelineSpec.model_validate(
        {
            "name": "loans",
            "target": "failed",
            "source": {"path": str(FOLDER / "arrivals"), "settle_seconds": 0},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
        }
    )
    months = [("2026-01", 0.0, 1), ("2026-02", 0.0, 2), ("2026-03", 25.0, 3)]
    with open_store(Settings(home=FOLDER / "home")) as store:
        for month, shift, seed in months:
            # 2. A file arrives; a run takes whatever is pending, in order, each file once.
            arrive(month, shift=shift, seed=seed)
            for outcome in run_pipeline(spec, store=store):
                print(f"{outcome.snapshot}: {outcome.decision} ({outcome.reason})")
        # 3. Why was that decided? The same text as `calmops explain loans`.
        print()
        print("\n".join(to_sentences(explain(store, "loans"))))
    print(f"\nLook around: CALMOPS_HOME={FOLDER}/home calmops status loans")


if __name__ == "__main__":
    main()
