"""A snapshot of 1,000,000 rows and 50 columns: memory of ingest, profile, drift and scoring."""

from __future__ import annotations

import sys
import time

import pyarrow.parquet as pq

from benchmarks import rows
from benchmarks.figures import (
    MEGABYTE,
    Figure,
    own_home,
    peak_rss_megabytes,
    reset_peak_rss,
    rss_megabytes,
    show,
)
from calmops_flows.api import apply, run
from calmops_flows.store.store import open_store

NAME = "wide"
N_ROWS, N_COLUMNS = 1_000_000, 50
BAR = 2.5


def main() -> None:
    with own_home() as folder, open_store() as store:
        source = folder / "arrivals"
        source.mkdir()
        rows.write(source / "part-1.parquet", 5_000, N_COLUMNS, seed=1)
        apply(rows.spec(NAME, source, when="never"), store)
        run(NAME, store=store)
        big = source / "part-2.parquet"
        rows.write(big, N_ROWS, N_COLUMNS, seed=2)
        arrow_megabytes = N_ROWS * len(pq.read_schema(big)) * 8 / MEGABYTE
        reset_peak_rss()
        before, started = rss_megabytes(), time.perf_counter()
        outcomes = run(NAME, store=store).outcomes
        seconds = time.perf_counter() - started
        growth = peak_rss_megabytes() - before
    if [outcome.decision for outcome in outcomes] != ["kept"]:
        sys.exit(f"expected one kept snapshot, got {outcomes}")
    show(
        Figure("size in Arrow", arrow_megabytes, "MB"),
        Figure("seconds of the run", seconds, "s"),
        Figure("memory growth", growth, "MB"),
        Figure("memory growth / size in Arrow", growth / arrow_megabytes, "x", BAR),
    )


if __name__ == "__main__":
    main()
