"""Print how streaming detectors do on 0/1 error streams: false alarms, detection, delay.

Stationary streams of 5,000 rows at an error rate of 0.2; and streams that rise to 0.3 at row 2,500.
Each rate has its Monte-Carlo standard error. Undetected counts as an infinite delay. The bars are
those of the default detector. ``--rows`` adds the default's false alarms on longer snapshots, by
error rate: the measurement behind its threshold.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from benchmarks.figures import Figure, rate, show
from calmops_flows.detectors.streaming import STREAMING, watch

N, CHANGE = 5_000, 2_500
BEFORE, AFTER = 0.2, 0.3
OTHERS = (
    "river_adwin",
    "river_page_hinkley",
    "river_hddm_a",
    "river_hddm_w",
    "river_ddm",
    "river_eddm",
    "river_fhddm",
    "frouros_adwin",
    "frouros_cusum",
    "frouros_gma",
    "frouros_page_hinkley",
    "frouros_hddm_a",
    "frouros_rddm",
    "frouros_stepd",
)


def measure(name: str, n_streams: int) -> tuple[int, int, float]:
    """Print one detector's line; return false alarms, detections and the median delay."""
    rng = np.random.default_rng(1)
    alarms = np.zeros(n_streams, dtype=bool)
    delays = np.full(n_streams, np.inf)
    started = time.process_time()
    for k in range(n_streams):
        calm = (rng.random(N) < BEFORE).astype(float)
        rates = np.where(np.arange(N) < CHANGE, BEFORE, AFTER)
        alarms[k] = bool(watch(STREAMING[name], calm, None).is_drift)
        row = watch(STREAMING[name], (rng.random(N) < rates).astype(float), None).scan.alarm_row
        delays[k] = np.inf if row is None else row - CHANGE
    rows_per_second = 2 * n_streams * N / (time.process_time() - started)
    false, found = float(alarms.mean()), float(((delays >= 0) & (delays < N - CHANGE)).mean())
    late = delays[delays >= 0]
    median = float(np.median(late)) if len(late) else np.inf
    print(
        f"{name:<22}{n_streams:>8}{_rate(false, n_streams)}{_rate(found, n_streams)}"
        f"{float((delays < 0).mean()):>9.3f}{median:>9.0f}{rows_per_second:>14,.0f}",
        flush=True,
    )
    return round(false * n_streams), round(found * n_streams), median


def _rate(rate: float, n: int) -> str:
    return f"{rate:>9.3f} ±{np.sqrt(rate * (1 - rate) / n):.3f}"


def by_rows(n_streams: int) -> None:
    """Print the default's false alarms by snapshot size and error rate."""
    rng = np.random.default_rng(2)
    print("\nfalse alarms of the default in one snapshot of so many rows")
    for n in (1_000, 5_000, 20_000, 100_000):
        size = max(20, n_streams * 5_000 // max(n, 5_000))
        rates = []
        for error in (0.01, 0.05, 0.2, 0.5, 0.8):
            streams = ((rng.random(n) < error).astype(float) for _ in range(size))
            alarms = [bool(watch(STREAMING["auto"], s, None).is_drift) for s in streams]
            rates.append(f"{error:g}: {_rate(float(np.mean(alarms)), size).strip()}")
        print(f"{n:>8} rows, {size} streams   " + "   ".join(rates), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1_000, help="of the default detector")
    parser.add_argument("--other-streams", type=int, default=40, help="of each library detector")
    parser.add_argument("--rows", action="store_true", help="false alarms by snapshot size")
    chosen = parser.parse_args()
    print(
        f"{'detector':<22}{'streams':>8}{'false alarm':>16}{'detected':>16}{'early':>9}"
        f"{'delay':>9}{'rows/CPU s':>14}"
    )
    false, found, median = measure("auto", chosen.streams)
    for name in OTHERS if chosen.other_streams else ():
        measure(name, chosen.other_streams)
    if chosen.rows:
        by_rows(chosen.streams)
    print()
    sys.stdout.flush()
    show(
        rate("stationary 5,000-row streams with an alarm", false, chosen.streams, 0.02),
        rate("changes 0.2 to 0.3 found in 2,500 rows", found, chosen.streams, 0.98, is_floor=True),
        Figure("median delay", median, "rows", 400.0),
    )


if __name__ == "__main__":
    main()
