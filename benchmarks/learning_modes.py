"""What the retraining modes promise: old knowledge survives, new is learnt, pairs keep their order.

Run as ``python -m benchmarks.learning_modes``. Each figure is the mean over seeds of one drawn
problem: a champion learnt on old data, a mode given new data and a reservoir of the old.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __package__ in {None, ""}:  # as `python benchmarks/learning_modes.py`
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pyarrow as pa

from benchmarks.figures import Figure, report
from calmops_flows.data.contract import learn
from calmops_flows.evaluation.metrics import evaluate
from calmops_flows.learning import RETRAINERS, build_estimator, predict
from calmops_flows.learning.memory import draw, sample
from calmops_flows.learning.retraining import Past, TrainingContext
from calmops_flows.spec import ModelSpec, RetrainSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOREST = "sklearn.ensemble.RandomForestClassifier"
BAYES = "sklearn.naive_bayes.GaussianNB"
ROWS = 2_000


def table_of(X: NDArray[np.float64], y: NDArray[np.bool_]) -> pa.Table:
    """Return features ``x0 ...`` and the class ``y``."""
    columns = {f"x{place}": X[:, place] for place in range(X.shape[1])}
    return pa.table({**columns, "y": np.where(y, "yes", "no")})


def region(n: int, seed: int, *, is_new: bool) -> pa.Table:
    """Return rows of one of two regions, each with a rule of its own; 5 % of labels are noise."""
    rng = np.random.default_rng([seed, int(is_new)])
    X = rng.normal(0.0, 1.0, (n, 5))
    X[:, 0] += 5.0 if is_new else 0.0
    score = X[:, 1] - X[:, 2] if is_new else X[:, 1] + X[:, 2] + 0.5 * X[:, 3]
    return table_of(X, (score > 0) ^ (rng.random(n) < 0.05))


def correlated(n: int, seed: int) -> pa.Table:
    """Return rows whose ten features repeat one another, so that naive Bayes is too sure."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 2))
    X = np.repeat(hidden, 5, axis=1) + rng.normal(0.0, 0.3, (n, 10))
    return table_of(X, hidden.sum(axis=1) + rng.normal(0.0, 1.5, n) > 0)


def fitted(path: str, new: pa.Table, mode: str, *, old: pa.Table | None = None, seed: int) -> Any:
    """Fit a mode on new rows; with old ones there is a champion that learnt them."""
    contract = learn(new, target="y")
    params = {"n_estimators": 50} if path == FOREST else {}
    model = ModelSpec.model_validate({"class": path, "params": params})

    def build() -> Any:
        return build_estimator(model, contract, task="classification", random_state=seed)

    context = TrainingContext(
        build=build,
        table=new,
        contract=contract,
        task="classification",
        seed=seed,
        options=RetrainSpec(),
    )
    if old is not None:
        kept = sample(old, "old", target="y", task="classification", size=10_000)
        champion = RETRAINERS["full"](replace(context, table=old)).estimator
        past = Past(lambda n: old if n is None else old.slice(0, n), lambda n: draw(kept, n)[0])
        context = replace(context, champion=champion, past=past)
    return RETRAINERS[mode](context).estimator


def score(model: Any, table: pa.Table, metric: str) -> float:
    """Score a model on a table."""
    said = predict(model, table, learn(table, target="y"))
    value = evaluate("classification", np.asarray(table["y"]), said, names=[metric]).metrics[metric]
    if value is None:
        raise AssertionError(f"{metric} is undefined")
    return value


def accuracies(mode: str, seed: int, n: int) -> dict[str, float]:
    """Return accuracy on old and new data, of a mode and of the champion or of mode full."""
    old, new = region(n, seed, is_new=False), region(n, seed, is_new=True)
    later = seed + 1_000
    tests = {"old": region(n, later, is_new=False), "new": region(n, later, is_new=True)}
    model = fitted(FOREST, new, mode, old=old, seed=seed)
    champion = fitted(FOREST, old, "full", seed=seed)
    full = fitted(FOREST, new, "full", seed=seed)
    found = {}
    for name, table in tests.items():
        mine = score(model, table, "accuracy")
        found[f"{name} against champion"] = mine - score(champion, table, "accuracy")
        found[f"{name} against full"] = mine - score(full, table, "accuracy")
    return found


def recalibrated(seed: int, n: int) -> dict[str, float]:
    """Return the relative gain in log loss of an overconfident champion, and inverted pairs."""
    old, new, test = (correlated(n, seed + offset) for offset in (0, 1_000, 2_000))
    champion = fitted(BAYES, old, "full", seed=seed)
    model = fitted(BAYES, new, "recalibration", old=old, seed=seed)
    before, after = (
        predict(m, test, learn(test, target="y")).probabilities for m in (champion, model)
    )
    if before is None or after is None:
        raise AssertionError("both give probabilities")
    order = np.argsort(before[:, 1], kind="stable")
    losses = [score(m, test, "log_loss") for m in (champion, model)]
    return {
        "log loss": 1.0 - losses[1] / losses[0],
        "inverted": float((np.diff(after[order, 1]) < 0).sum()),
    }


def mean(measure: Callable[[int], dict[str, float]], runs: int) -> dict[str, float]:
    """Return the mean of each measured value over seeds."""
    found = [measure(seed) for seed in range(runs)]
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def figures(runs: int, n: int = ROWS) -> list[Figure]:
    """Measure all bars."""
    stacked = mean(lambda seed: accuracies("stacking", seed, n), runs)
    replayed = mean(lambda seed: accuracies("replay_mix", seed, n), runs)
    sure = mean(lambda seed: recalibrated(seed, n), runs)
    floor: dict[str, Any] = {"unit": "", "is_floor": True}
    return [
        Figure("stacking - champion, old", stacked["old against champion"], bar=-0.05, **floor),
        Figure("stacking - champion, new", stacked["new against champion"], bar=0.03, **floor),
        Figure("replay_mix - full, old concept", replayed["old against full"], bar=0.03, **floor),
        Figure("replay_mix - full, new rows", replayed["new against full"], bar=-0.02, **floor),
        Figure("recalibration, log loss lowered by", sure["log loss"], bar=0.05, **floor),
        Figure("recalibration, inverted pairs", sure["inverted"], "", bar=0.0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    report(figures(parser.parse_args().runs))


if __name__ == "__main__":
    main()
