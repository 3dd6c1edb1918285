"""Run every benchmark, one process each; exit 1 if a bar was missed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NAMES = (
    "list_status",
    "block_drift",
    "drain_overhead",
    "known_files",
    "five_files",
    "wide_snapshot",
    "drift_speed",
    "drift_rates",
    "multivariate_power",
    "estimation",
    "concept_delay",
)


def main() -> None:
    root = Path(__file__).resolve().parents[1]
    missed = []
    for name in NAMES:
        print(f"\n=== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        if subprocess.run(command, cwd=root, check=False).returncode:
            missed.append(name)
    print(f"\nmissed or failed: {', '.join(missed)}" if missed else "\nall bars met")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
