"""Print how long 10,000 genes of 1,000 patients take, and what comes back of what was put in.

The study has modules, effects on 500 genes and a batch effect. Its fold changes are estimated from
the counts alone, by group, and compared with the truth.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from benchmarks.figures import Figure, reset_peak_rss, rss_megabytes, show
from benchmarks.figures import peak_rss_megabytes as peak
from calmops_flows.generators.clinic import generate_study


def study(patients: int, genes: int) -> dict[str, Any]:
    fold = {"kind": "fold_change", "fold": 2.0}
    modules = [{"size": genes // 100, "correlation": 0.5}] * 20
    rna = {"kind": "rna_seq", "n_features": genes, "library_size": 2e7, "modules": modules}
    return {
        "name": "wide",
        "cohort": {"patients": patients, "groups": {"control": 0.5, "case": 0.5}},
        "layers": {"rna": rna},
        "effects": [
            {
                "acts_on": "rna",
                "groups": ["case"],
                "effect": fold,
                "n_features": genes // 20,
                "direction": "both",
            }
        ],
        "batches": {"lab": {"shares": {"a": 0.5, "b": 0.5}, "shift_sd": 0.2}},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=1_000)
    parser.add_argument("--genes", type=int, default=10_000)
    asked = parser.parse_args()
    generate_study(study(20, 200), random_state=0)
    reset_peak_rss()
    before, started, cpu = rss_megabytes(), time.perf_counter(), time.process_time()
    made = generate_study(study(asked.patients, asked.genes), random_state=1)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    above = peak() - before
    rows = made.periods[0].rows
    counts = rows.filter(like="rna_").to_numpy(dtype=float)
    counts /= counts.sum(axis=1, keepdims=True)
    case = (rows["group"] == "case").to_numpy()
    found = np.log2(counts[case].mean(axis=0) / counts[~case].mean(axis=0))
    sign = made.truth["effects"].set_index("feature")["sign"]
    told = sign.reindex(made.truth["features"]["feature"]).fillna(0).to_numpy()
    show(
        Figure(f"{asked.genes} genes of {asked.patients} patients: CPU seconds", cpu, "s", 10.0),
        Figure("the same by the clock", seconds, "s"),
        Figure("memory above what stood before", above, "MB"),
        Figure(
            "correlation of found and true log2 fold changes",
            np.corrcoef(found, told)[0, 1],
            "",
            0.9,
            is_floor=True,
        ),
        Figure("mean log2 fold change found where it is 1", found[told == 1].mean(), ""),
    )


if __name__ == "__main__":
    main()
