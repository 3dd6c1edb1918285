"""Run every benchmark, one process each; print all bars in one table; exit 1 if one was missed.

Some take minutes; ``--only`` runs one. The long forms (``over_time --full``, more ``--runs``) are
run by hand, see docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

if __package__ in {None, ""}:  # as `python benchmarks/run_all.py`
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.figures import HEADER, RESULTS, Figure

ROOT = Path(__file__).resolve().parents[1]
NAMES = (
    "list_status",
    "scale",
    "dashboard_paint",
    "block_drift",
    "drain_overhead",
    "known_files",
    "trigger_latency",
    "stop_services",
    "five_files",
    "wide_snapshot",
    "drift_speed",
    "drift_streamed",
    "drift_rates",
    "drift_power",
    "injection_power",
    "detector_nulls",
    "over_time",
    "promotion_rates",
    "learning_modes",
    "multivariate_power",
    "estimation",
    "concept_delay",
    "real_streams",
    "peers",
    "ipip",
    "serving",
    "generators",
    "clinic",
    "synthesis",
    "many_workers",
)


def run(name: str, folder: Path) -> tuple[list[Figure], bool]:
    """Run one benchmark; return its figures, and whether it ended without an error of its own."""
    print(f"\n=== {name}", flush=True)
    results = folder / name
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {RESULTS: str(results)}, check=False)
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    figures = [Figure(**json.loads(line)) for line in lines]
    is_missed = any(figure.is_met is False for figure in figures)
    return figures, done.returncode == 0 or is_missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=NAMES, action="append")
    names = parser.parse_args().only or NAMES
    with tempfile.TemporaryDirectory(prefix="calmops-bench-") as folder:
        found = {name: run(name, Path(folder)) for name in names}
    print(f"\n=== all bars\n{HEADER}")
    missed = 0
    for name, (figures, is_done) in found.items():
        print(f"{name}{'' if is_done else ': FAILED'}")
        for figure in figures:
            if figure.bar is not None:
                missed += not figure.is_met
                print(f"  {figure}")
    failed = [name for name, (_, is_done) in found.items() if not is_done]
    total = sum(figure.bar is not None for figures, _ in found.values() for figure in figures)
    print(f"\n{total - missed} of {total} bars met; failed: {', '.join(failed) or 'none'}")
    sys.exit(bool(missed or failed))


if __name__ == "__main__":
    main()
