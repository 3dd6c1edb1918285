"""Look back: history, audit log, model card and backup of a pipeline, from Python.

Run it:  python look_back.py

It makes its own data and its own store in the folder ``look-back``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from calmops_flows import PipelineSpec, open_store, run_pipeline
from calmops_flows.read import audit, card, history
from calmops_flows.reports.card import model_card
from calmops_flows.settings import Settings
from calmops_flows.store.backup import back_up

FOLDER = Path("look-back")


def main() -> None:
    """Run a pipeline over two files, one of them broken, then look at what is kept."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    arrivals = FOLDER / "arrivals"
    arrivals.mkdir(parents=True)
    rng = np.random.default_rng(5)
    X = rng.normal(size=(600, 3))
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=X @ [1.0, -2.0, 0.5])
    frame.to_parquet(arrivals / "week1.parquet")
    (arrivals / "week2.parquet").write_bytes(b"PAR1 cut in the middle")

    spec = PipelineSpec.model_validate(
        {
            "name": "weeks",
            "target": "y",
            "source": {"path": str(arrivals), "settle_seconds": 0},
            "model": {"class": "sklearn.linear_model.Ridge"},
        }
    )
    with open_store(Settings(home=FOLDER / "home")) as store:
        run_pipeline(spec, store=store)
        # Every file has an outcome, or the reason why it has none.
        for outcome in history(store, "weeks"):
            print(f"{outcome.snapshot}: {outcome.state}, {outcome.reason}")
        # One hash chain says what was done; whoever edits an entry breaks it.
        log = audit(store, "weeks")
        print(f"audit: {[entry.kind for entry in log.entries]}, broken at {log.broken_at}")
        # What a reviewer asks about the model, with the digests of its data.
        document = model_card(card(store, "weeks"))
        (FOLDER / "card.html").write_text(document.to_html(), encoding="utf-8")
        # A copy of everything, checked byte by byte; it is a store of its own.
        copied = back_up(store, FOLDER / "backup")
        print(f"backup: {copied.artifacts} artifacts; card: {FOLDER / 'card.html'}")


if __name__ == "__main__":
    main()
