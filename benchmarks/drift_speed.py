"""Print the CPU seconds of profile and check, warm, against a saved reference.

The batch has 80 % numeric and 20 % categorical columns, a tenth of them drifted. Peers
run with ``--peers``: scipy's KS alone on the numeric columns.

    python benchmarks/drift_speed.py --case all
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa

from calmops_flows.detectors.decision import DriftPolicy, check
from calmops_flows.profiles import from_bytes, profile, to_bytes

CASES = {
    "100k x 50": (100_000, 50, 0.35),
    "1M x 50": (1_000_000, 50, 3.5),
    "1,400 x 380": (1_400, 380, 1.5),
    "3,000 x 1,000": (3_000, 1_000, 5.0),
}
REPEATS = 3
IMPORT_BAR = 1.2
IMPORTS = """
import sys, time
start = time.process_time()
import calmops_flows.detectors.decision
heavy = [m for m in ("pandas", "scipy.stats", "river", "frouros", "sklearn") if m in sys.modules]
print(time.process_time() - start, heavy)
"""


def batch(n: int, columns: int, *, seed: int, drifted: bool = False) -> pa.Table:
    rng = np.random.default_rng(seed)
    data: dict[str, object] = {}
    for i in range(columns):
        moved = drifted and i % 10 == 0
        if i % 5 == 4:
            codes = pa.array(rng.integers(0, 5 + i % 40, n).astype(np.int32))
            levels = pa.array([f"w{k}" for k in range(45)])
            data[f"c{i}"] = pa.DictionaryArray.from_arrays(codes, levels).cast(pa.string())
        else:
            data[f"x{i}"] = rng.normal(0.3 * moved, 1.0, n)
    return pa.table(data)


def measure(n: int, columns: int, policy: DriftPolicy) -> tuple[float, float]:
    reference = to_bytes(profile(batch(n, columns, seed=0), key="reference"))
    current = batch(n, columns, seed=1, drifted=True)
    spent = []
    for _ in range(REPEATS):
        start = time.process_time()
        summary = profile(current, key="current")
        middle = time.process_time()
        report = check(from_bytes(reference), summary, policy)
        spent.append((middle - start, time.process_time() - middle))
        assert report.is_drift
    return min(spent, key=sum)


def scipy_ks(n: int, columns: int) -> float:
    from scipy.stats import ks_2samp

    before, after = batch(n, columns, seed=0), batch(n, columns, seed=1)
    start = time.process_time()
    for name in before.column_names:
        if name.startswith("x"):
            ks_2samp(before[name].to_numpy(), after[name].to_numpy())
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=["all", *CASES], default="all")
    parser.add_argument("--multivariate", default="auto")
    parser.add_argument("--peers", action="store_true")
    given = parser.parse_args()
    policy = DriftPolicy(multivariate=given.multivariate)
    for name, (n, columns, bar) in CASES.items():
        if given.case not in {"all", name}:
            continue
        building, checking = measure(n, columns, policy)
        total = building + checking
        met = "met" if total <= bar else "MISSED"
        print(
            f"{name:<16} profile {building:.3f} + check {checking:.3f} = {total:.3f} CPU s", end=""
        )
        print(f"  <= {bar}  {met}", end="")
        print(f"  scipy KS alone {scipy_ks(n, columns):.3f}" if given.peers else "", flush=True)
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True
    )
    seconds, heavy = done.stdout.strip().split(maxsplit=1)
    met = "met" if float(seconds) <= IMPORT_BAR and heavy == "[]" else "MISSED"
    print(f"import of the path {float(seconds):.2f} CPU s <= {IMPORT_BAR}, heavy: {heavy}  {met}")


if __name__ == "__main__":
    main()
