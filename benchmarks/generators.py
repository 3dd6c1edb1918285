"""Print the rows per second of the synthetic generators, beside river's; and changes found.

Rows are drawn through `generate`, tables included, in one process; river's row by row. The second
part trains a model before an abrupt change, and watches its errors after it with the default
streaming detector and river's ADWIN.
"""

from __future__ import annotations

import argparse
import time
from itertools import islice
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from benchmarks.figures import Figure, rate, show
from calmops_flows.detectors.streaming import STREAMING, watch
from calmops_flows.generators import generate

ROWS, RIVER_ROWS = 1_000_000, 20_000
FAST = {"sea", "sine", "stagger", "mixed", "hyperplane"}
RIVER = {
    "agrawal": "Agrawal",
    "anomaly_sine": "AnomalySine",
    "friedman": "Friedman",
    "hyperplane": "Hyperplane",
    "led": "LED",
    "mixed": "Mixed",
    "planes": "Planes2D",
    "random_rbf": "RandomRBF",
    "random_tree": "RandomTree",
    "sea": "SEA",
    "sine": "Sine",
    "stagger": "STAGGER",
    "waveform": "Waveform",
}
# Abrupt changes that raise a good model's error by at least 0.2.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sea": ({"threshold": 7.0}, {"threshold": 13.0}),
    "sine": ({}, {"classification_function": 1}),
    "mixed": ({}, {"classification_function": 1}),
    "stagger": ({}, {"classification_function": 1}),
    "agrawal": ({}, {"classification_function": 1}),
    "random_rbf": ({"seed_model": 1}, {"seed_model": 2}),
}
BEFORE, STREAM, CHANGE, WITHIN = 3_000, 4_000, 2_000, 600


def speed(name: str) -> Figure:
    """Return the rows per second of a generator, and print river's beside it."""
    from river.datasets import synth

    generate(name, 1_000, random_state=0)
    started = time.process_time()
    generate(name, ROWS, random_state=1)
    ours = ROWS / (time.process_time() - started)
    stream = getattr(synth, RIVER[name])()
    started = time.process_time()
    drawn = sum(1 for _ in islice(stream, RIVER_ROWS))
    theirs = drawn / (time.process_time() - started)
    print(f"{name:<14}{ours:>14,.0f} rows/s; river {theirs:>10,.0f}; {ours / theirs:>6.0f} x")
    bar = 1_000_000 if name in FAST else 200_000
    return Figure(f"{name}: rows per second", ours, "", bar, is_floor=True)


def found(name: str, seeds: int) -> list[Figure]:
    """Return how often a change is found in time, by detector."""
    before, after = CHANGES[name]
    hits = {"auto": 0, "river_adwin": 0}
    rises = []
    for seed in range(seeds):
        drift = {"kind": "abrupt", "position": BEFORE + CHANGE, "to": after}
        stream = generate(name, BEFORE + STREAM, random_state=seed, drift=drift, **before)
        model = RandomForestClassifier(30, min_samples_leaf=3, random_state=seed)
        model.fit(stream.data[:BEFORE], stream.target[:BEFORE])
        wrong = (model.predict(stream.data[BEFORE:]) != stream.target[BEFORE:]).to_numpy(float)
        rises.append(wrong[CHANGE:].mean() - wrong[:CHANGE].mean())
        for detector in hits:
            row = watch(STREAMING[detector], wrong, None).scan.alarm_row
            hits[detector] += row is not None and CHANGE <= row < CHANGE + WITHIN
    print(f"{name:<14}error rises by {np.mean(rises):.2f} (least {min(rises):.2f})")
    return [
        rate(
            f"{name}: change found by {detector} within {WITHIN} rows",
            n,
            seeds,
            0.95,
            is_floor=True,
        )
        for detector, n in hits.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    seeds = parser.parse_args().seeds
    figures = [speed(name) for name in RIVER]
    for name in CHANGES:
        figures += found(name, seeds)
    show(*figures)


if __name__ == "__main__":
    main()
