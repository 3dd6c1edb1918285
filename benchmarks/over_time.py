"""Count false-alarm snapshots against one reference, over fresh references.

The budget is 1 false alarm per 100 snapshots (alpha 0.01, as a pipeline's ``over_time`` sets it).
All snapshots of a reference share its chance deviations, so the counts spread more than binomial
ones; their mean must keep the budget. ``--full`` is 500 snapshots x 200 references without the
joint test and 100 x 50 with it, about half an hour of CPU; the default is a small part of it.

    nice python -m benchmarks.over_time --full
"""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.draws import normal
from benchmarks.figures import Figure, report
from calmops_flows.detectors.decision import DriftPolicy, check
from calmops_flows.profiles import profile

if TYPE_CHECKING:
    from collections.abc import Iterator

ALPHA = 0.01
N_ROWS = 1_000
NUMERIC, CATEGORICAL = 8, 2


def alarms(seed: int, n_snapshots: int, policy: DriftPolicy) -> int:
    """Count the alarms of one reference's snapshots."""
    rng, draw = np.random.default_rng([13, seed]), normal(NUMERIC, CATEGORICAL)
    is_joint = policy.multivariate != "off"
    reference = profile(draw(rng, N_ROWS), key=f"{seed} reference" if is_joint else None)
    count = 0
    for number in range(n_snapshots):
        key = f"{seed} {number}" if is_joint else None
        count += check(reference, profile(draw(rng, N_ROWS), key=key), policy).is_drift is True
    return count


def rates(references: int, n_snapshots: int, multivariate: str) -> Iterator[Figure]:
    policy = DriftPolicy(alpha=ALPHA, multivariate=multivariate)
    counts = np.array([alarms(seed, n_snapshots, policy) for seed in range(references)])
    error = float(counts.std(ddof=1)) / math.sqrt(references)
    label = f"{n_snapshots} snapshots x {references} references, joint test {multivariate}"
    above = float(np.mean(counts > ALPHA * n_snapshots))
    print(
        f"{label}: sd {counts.std(ddof=1):.2f}, quartiles "
        f"{np.percentile(counts, [25, 50, 75]).tolist()}, 95th {np.percentile(counts, 95):g}, "
        f"largest {counts.max()}, references above budget {above:.2f}"
    )
    budget = ALPHA * n_snapshots
    yield Figure(f"false alarms in {label}", float(counts.mean()), "", budget, error=error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--references", type=int, default=40)
    parser.add_argument("--snapshots", type=int, default=100)
    parser.add_argument("--multivariate", default="both", choices=["both", "auto", "off"])
    parser.add_argument("--full", action="store_true", help="500 snapshots x 200 references")
    given = parser.parse_args()
    sizes = {"off": (given.references, given.snapshots), "auto": (given.references // 4, 25)}
    if given.full:
        sizes = {"off": (200, 500), "auto": (50, 100)}
    chosen = sizes if given.multivariate == "both" else {given.multivariate}
    report(figure for name in chosen for figure in rates(*sizes[name], name))


if __name__ == "__main__":
    main()
