"""Five files of 5,000 rows and 20 columns with a forest of 100 trees; files 4 and 5 drift."""

from __future__ import annotations

import importlib
import sys
import time
from typing import TYPE_CHECKING

from benchmarks import rows
from benchmarks.figures import Figure, own_home, peak_rss_megabytes, show
from calmops_flows.api import detect_drift, run

if TYPE_CHECKING:
    from pathlib import Path

# Files 4 and 5 have five columns moved and the rule turned around.
FILES = ((0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (1.0, -1.0), (1.0, -1.0))
MOVED = {"x0", "x1", "x2", "x3", "x4"}
# File 5 is compared with file 4: the champion has learnt from that by then.
EXPECTED = (
    (None, "trained"),
    (False, "kept"),
    (False, "kept"),
    (True, "promoted"),
    (False, "kept"),
)
FOREST = {"class": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 100}}
BAR_SECONDS, BAR_MEGABYTES = 6.0, 400.0


def main() -> None:
    preload()
    with own_home() as folder:
        source = folder / "arrivals"
        source.mkdir()
        for number, (shift, weight) in enumerate(FILES, start=1):
            path = source / f"part-{number}.parquet"
            rows.write(path, 5_000, 20, seed=number, shift=shift, weight=weight)
        started, cpu_started = time.perf_counter(), time.process_time()
        outcomes = run(rows.spec("five", source, model=FOREST, when="drift")).outcomes
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
        check_against_first(source)
    for outcome, expected in zip(outcomes, EXPECTED, strict=True):
        columns = outcome.drift.columns
        print(
            f"{outcome.snapshot}  drift {outcome.drift.is_drift!s:<6}{outcome.decision:<10}"
            f"{', '.join(columns)}"
        )
        if (outcome.drift.is_drift, outcome.decision) != expected:
            sys.exit(f"wrong verdict or decision, expected {expected}")
        if outcome.drift.is_drift and not set(columns) >= MOVED:
            sys.exit(f"missed {sorted(MOVED.difference(columns))}")
    show(
        Figure("five files, imports apart", seconds, "s", BAR_SECONDS),
        Figure("the same in CPU seconds", cpu, "s"),
        Figure("highest memory", peak_rss_megabytes(), "MB", BAR_MEGABYTES),
    )


def preload() -> None:
    """Import what a run will import; that does not count."""
    for module in (
        "alembic.command",
        "calmops_flows.steps.drain",
        "pandas",
        "scipy.stats",
        "sklearn.compose",
        "sklearn.ensemble",
        "sklearn.impute",
        "sklearn.metrics",
        "sklearn.pipeline",
    ):
        importlib.import_module(module)


def check_against_first(source: Path) -> None:
    """Stop if the fifth file is not told from the first."""
    report = detect_drift(source / "part-1.parquet", source / "part-5.parquet")
    if not set(report.drifted) >= MOVED:
        sys.exit(f"files 1 and 5 differ in {sorted(MOVED)}, found {report.drifted}")


if __name__ == "__main__":
    main()
