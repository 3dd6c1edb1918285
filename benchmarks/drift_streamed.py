"""10,000,000 rows x 50 columns of parquet through the profile path: memory, and time by rows.

One file is written row group by row group into a temporary folder (about 3.6 GB, removed at the
end). A fresh process profiles its first quarter, half, and all of it, one row group at a time,
merges, and checks against a saved reference; its peak memory is counted from its start.

    python -m benchmarks.drift_streamed --rows 10000000
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.draws import batch
from benchmarks.figures import MEGABYTE, Figure, peak_rss_megabytes, report

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = 50
GROUP_ROWS = 125_000
REFERENCE_ROWS = 100_000
BAR_MEGABYTES = 1_000.0
# How much dearer a row of the whole may be than a row of its first quarter.
BAR_LINEAR = 1.2
PARTS = (0.25, 0.5, 1.0)


def write(path: Path, n_rows: int) -> None:
    """Write the current data; only one row group is ever in memory."""
    import pyarrow.parquet as pq

    writer: Any = None
    for number in range(max(n_rows // GROUP_ROWS, 1)):
        rows = batch(min(GROUP_ROWS, n_rows), COLUMNS, seed=100 + number, drifted=True)
        numbers = [name for name in rows.column_names if name.startswith("x")]
        words = [name for name in rows.column_names if name not in numbers]
        writer = writer or pq.ParquetWriter(
            path, rows.schema, compression="none", use_dictionary=words
        )
        writer.write_table(rows)
    writer.close()


def stream(path: Path, reference: bytes, share: float) -> dict[str, Any]:
    """Profile the first row groups one by one, and check them."""
    import pyarrow.parquet as pq

    from calmops_flows.detectors.decision import DriftPolicy, check
    from calmops_flows.profiles import from_bytes, merge_all, profile

    before = from_bytes(reference)
    started = time.process_time()
    file = pq.ParquetFile(path, pre_buffer=False)
    n_groups = round(share * file.num_row_groups)

    def parts() -> Iterator[Any]:
        first_row = 0
        for group in range(n_groups):
            rows = file.read_row_group(group, use_threads=False)
            yield profile(rows, key=path.name, first_row=first_row)
            first_row += rows.num_rows

    found = check(before, merge_all(parts()), DriftPolicy())
    return {
        "rows": found.current_rows,
        "seconds": time.process_time() - started,
        "megabytes": peak_rss_megabytes(),
        "is_drift": found.is_drift,
        "drifted": len(found.drifted),
    }


def figures(n_rows: int) -> Iterator[Figure]:
    from calmops_flows.profiles import profile, to_bytes

    with tempfile.TemporaryDirectory(prefix="calmops-bench-") as folder:
        path, saved = Path(folder) / "current.parquet", Path(folder) / "reference.profile"
        write(path, n_rows)
        saved.write_bytes(to_bytes(profile(batch(REFERENCE_ROWS, COLUMNS, seed=0), key="before")))
        yield Figure("size of the file", path.stat().st_size / MEGABYTE, "MB")
        per_row = []
        for share in PARTS:
            command = [sys.executable, "-m", "benchmarks.drift_streamed"]
            command += ["--part", str(share), str(path), str(saved)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout)
            if not found["is_drift"] or found["drifted"] != COLUMNS // 10:
                sys.exit(f"expected drift in {COLUMNS // 10} columns, found {found}")
            per_row.append(found["seconds"] / found["rows"])
            label = f"{found['rows']:,} x {COLUMNS} streamed"
            yield Figure(f"{label}: peak memory", found["megabytes"], "MB", BAR_MEGABYTES)
            yield Figure(f"{label}: profile and check", found["seconds"], "s")
        yield Figure(
            "cost of a row: whole / first quarter", per_row[-1] / per_row[0], "x", BAR_LINEAR
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        share, path, saved = given.part
        print(json.dumps(stream(Path(path), Path(saved).read_bytes(), float(share))))
    else:
        report(figures(given.rows))


if __name__ == "__main__":
    main()
