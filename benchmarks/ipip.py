"""Print how good IPIP is on a rare class and what it costs, beside an undersampled forest.

Mammography, halved five times at random, both halves used both ways: balanced accuracy and CPU
seconds (fit and prediction) of IPIP over 20-tree forests, and of one forest of as many trees on
all rows of the rare class and as many of the other. The project does not contain the data: name
the file with ``--data`` or ``CALMOPS_MAMMOGRAPHY`` (parquet, the label in ``target``); without it
a generated set of like shape is used, and the output says so. Then six blocks of 2,000 x 20, fitted
and updated with 20-tree forests; the bar is on CPU seconds of one process, which bound the wall
clock of an idle machine and do not change on a busy one.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import RepeatedStratifiedKFold

from benchmarks.figures import Figure, show
from calmops_flows import IPIPClassifier

Rows = tuple[NDArray[Any], NDArray[Any]]
TREES = 20
REPEATS = 5
BLOCKS, BLOCK_ROWS, FEATURES = 6, 2000, 20
JOBS = 2


def mammography(path: Path | None) -> tuple[str, Rows]:
    """Return the real rows, or generated ones of like shape."""
    if path is not None and path.exists():
        frame = pd.read_parquet(path)
        labels = frame.pop("target").astype(str).to_numpy()
        return "mammography", (frame.to_numpy(dtype=float), labels)
    print("mammography is not there (--data, CALMOPS_MAMMOGRAPHY): a generated set stands for it")
    X, y = make_classification(
        11_183, 6, n_informative=6, n_redundant=0, weights=[0.977], class_sep=1.0, random_state=0
    )
    return "generated", (X, y)


def seconds(call: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a call gives, and the CPU seconds of this process."""
    started = time.process_time()
    result = call()
    return result, time.process_time() - started


def undersampled(X: NDArray[Any], y: NDArray[Any], n_trees: int, seed: int) -> Any:
    """Fit a forest on all rows of the rarer class and as many of the other."""
    labels, counts = np.unique(y, return_counts=True)
    rare, other = (np.flatnonzero(y == labels[place]) for place in np.argsort(counts))
    rows = np.concatenate([rare, np.random.default_rng(seed).choice(other, len(rare), False)])
    return RandomForestClassifier(n_trees, random_state=seed).fit(X[rows], y[rows])


def against_forest(name: str, rows: Rows) -> list[Figure]:
    """Compare over 5 x 2 halves."""
    X, y = rows
    halves = RepeatedStratifiedKFold(n_splits=2, n_repeats=REPEATS, random_state=0)
    found = []
    for seed, (train, test) in enumerate(halves.split(X, y)):
        base = RandomForestClassifier(TREES)
        ours = IPIPClassifier(base, random_state=seed)
        _, fit = seconds(lambda: ours.fit(X[train], y[train]))  # noqa: B023 - called at once
        said, answer = seconds(lambda: ours.predict(X[test]))  # noqa: B023
        n_trees = TREES * sum(ours.sizes_)
        peer, its_fit = seconds(lambda: undersampled(X[train], y[train], n_trees, seed))  # noqa: B023
        its_said, its_answer = seconds(lambda: peer.predict(X[test]))  # noqa: B023
        found.append(
            (
                balanced_accuracy_score(y[test], said),
                balanced_accuracy_score(y[test], its_said),
                (fit + answer) / (its_fit + its_answer),
                fit / its_fit,
                n_trees,
            )
        )
    ours_, its, cost, fit_cost, trees = np.mean(found, axis=0)
    return [
        Figure(f"{name}: IPIP, balanced accuracy", ours_, "", round(its - 0.01, 4), is_floor=True),
        Figure(f"{name}: undersampled forest, balanced accuracy", its, ""),
        Figure(f"{name}: trees of both", trees, ""),
        Figure(f"{name}: CPU time of fits beside the forest's", fit_cost, "x", 2.5),
        Figure(f"{name}: CPU time of fits and predictions", cost, "x", 2.5),
    ]


def six_blocks() -> list[Figure]:
    """Fit on one block and update with five, then time the same in one process."""
    X, y = make_classification(
        BLOCKS * BLOCK_ROWS, FEATURES, n_informative=8, weights=[0.9], random_state=0
    )
    blocks = [(X[i::BLOCKS], y[i::BLOCKS]) for i in range(BLOCKS)]

    def learn(n_jobs: int) -> float:
        model = IPIPClassifier(RandomForestClassifier(TREES), n_jobs=n_jobs, random_state=0)
        model.fit(*blocks[0])
        scores = []
        for block in blocks[1:]:
            scores.append(balanced_accuracy_score(block[1], model.predict(block[0])))
            model.update(*block)
        return float(np.mean(scores))

    started = time.perf_counter()
    score, cpu = seconds(lambda: learn(1))
    alone = time.perf_counter() - started
    started = time.perf_counter()
    learn(JOBS)
    both = time.perf_counter() - started
    return [
        Figure("six blocks of 2,000 x 20: CPU, one process", cpu, "s", 8.0),
        Figure("six blocks: wall clock, one process", alone, "s"),
        Figure("six blocks: wall clock, two processes with their start", both, "s"),
        Figure("six blocks: balanced accuracy, each before it is learnt", score, ""),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    named = os.environ.get("CALMOPS_MAMMOGRAPHY")
    parser.add_argument("--data", type=Path, default=Path(named) if named else None)
    name, rows = mammography(parser.parse_args().data)
    show(*against_forest(name, rows), *six_blocks())


if __name__ == "__main__":
    main()
