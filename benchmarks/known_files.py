"""A folder of known files and one new: how long one look takes, and how much memory.

200,000 files, or as many as ``--files`` says; the bars of 1,000,000 are 10 s and 300 MB.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert

from benchmarks import rows
from benchmarks.figures import (
    Figure,
    own_home,
    peak_rss_megabytes,
    reset_peak_rss,
    rss_megabytes,
    show,
)
from calmops_flows.api import apply
from calmops_flows.data.arrivals import stamp_key
from calmops_flows.data.source import scan
from calmops_flows.steps.discover import discover
from calmops_flows.store import ledger, tables
from calmops_flows.store.encoding import utc_text
from calmops_flows.store.lease import acquire
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.store import Store, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from calmops_flows.spec import PipelineSpec

NAME = "many"
N_FILES, N_MANY = 200_000, 1_000_000
FILES_PER_FOLDER = 1_000
BARS = {N_FILES: (3.0, 150.0), N_MANY: (10.0, 300.0)}


def main(n_files: int) -> None:
    with own_home() as folder, open_store() as store:
        spec = rows.spec(NAME, folder / "arrivals", when="never")
        make_files(folder / "arrivals", n_files)
        apply(spec, store)
        make_known(store, spec)
        (folder / "arrivals" / "new.parquet").write_bytes(b"new")
        # A process of its own: this one has memory left over from making the files.
        command = [
            sys.executable,
            "-m",
            "benchmarks.known_files",
            "--files",
            str(n_files),
            "--look",
        ]
        sys.exit(subprocess.run(command, check=False).returncode)


def make_files(source: Path, n_files: int) -> None:
    """Make many tiny files in folders of a thousand."""
    for number in range(n_files):
        folder = source / f"day-{number // FILES_PER_FOLDER:03}"
        if number % FILES_PER_FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"part-{number:06}.parquet").write_bytes(str(number).encode())


def make_known(store: Store, spec: PipelineSpec) -> None:
    """Enter all files into the ledger as processed, by direct inserts."""
    found = scan(spec.source, {}, now=time.time()).new
    entries, known = [], []
    for key, seen in enumerate(found, start=1):
        digest = f"{key:064x}"
        entries.append(
            {
                "id": key,
                "pipeline": NAME,
                "sequence": key,
                "path": seen.path,
                "role": "data",
                "digest": digest,
                "copy": 0,
                "state": "processed",
                "attempts": 1,
                "size_bytes": seen.size_bytes,
                "stamp": seen.stamp,
                "discovered_at": utc_text(datetime.now(UTC)),
            }
        )
        known.append(
            {
                "pipeline": NAME,
                "path": seen.path,
                "stamp_key": stamp_key(seen.stamp),
                "digest": digest,
                "snapshot_id": key,
            }
        )
    with store.database.engine.begin() as connection:
        connection.execute(insert(tables.snapshots), entries)
        connection.execute(insert(tables.files), known)


def look(store: Store, n_files: int) -> None:
    """Take the lease, look at the source once, and check that the one file was found."""
    spec = load_state(store.database, NAME).spec
    lease = acquire(store.database, NAME, seconds=600)
    assert lease is not None
    reset_peak_rss()
    before = rss_megabytes()
    started, cpu_started = time.perf_counter(), time.process_time()
    discover(store, spec, lease.token, now=datetime.now(UTC))
    pending = [snapshot.path for snapshot, _ in ledger.pending(store.database, NAME)]
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    if pending != ["new.parquet"]:
        sys.exit(f"expected one new file, found {pending[:10]}")
    most_seconds, most_megabytes = BARS.get(n_files, (None, None))
    show(
        Figure(f"one new file among {n_files:,} known ones", seconds, "s", most_seconds),
        Figure("the same in CPU seconds", cpu, "s"),
        Figure("memory growth", peak_rss_megabytes() - before, "MB", most_megabytes),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=N_FILES, help="how many known files")
    parser.add_argument("--look", action="store_true", help="look at files that are made already")
    chosen = parser.parse_args()
    if chosen.look:
        with open_store() as opened:
            look(opened, chosen.files)
    else:
        main(chosen.files)
