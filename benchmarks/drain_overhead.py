"""What a drain costs over its numerical work: 100 snapshots of 1,000 rows and 20 columns.

The numerical work is reading, profiling, the drift check, predicting and scoring,
called as plain functions. The drain does the same, and keeps ledger, copies,
predictions and decisions; once in this process, once as a flow with a running server.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import rows
from benchmarks.figures import Figure, own_home, show
from benchmarks.server import running_server
from calmops_flows.api import apply, run
from calmops_flows.data.contract import Contract
from calmops_flows.data.table import read_table
from calmops_flows.detectors.decision import DriftPolicy, check
from calmops_flows.evaluation.metrics import evaluate
from calmops_flows.learning.columns import target_values
from calmops_flows.learning.predict import predict
from calmops_flows.learning.serialise import load_model
from calmops_flows.profiles import profile
from calmops_flows.store import registry
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.store import Store, open_store

NAME = "small"
N_SNAPSHOTS = 100
REPEATS = 3
BAR_PLAIN, BAR_PREFECT = 25.0, 60.0


def main() -> None:
    with own_home() as folder:
        source = folder / "arrivals"
        source.mkdir()
        plain, plain_cpu = drain_seconds(source, "plain")
        cpu_started = time.process_time()
        numerical = numerical_seconds(source)
        numerical_cpu = (time.process_time() - cpu_started) / REPEATS
        with running_server(folder / "prefect") as variables:
            under_prefect = float(
                subprocess.run(
                    [sys.executable, "-m", "benchmarks.drain_overhead", str(folder / "flow")],
                    env=os.environ | variables | {"CALMOPS_HOME": str(folder / "flow-home")},
                    check=True,
                    stdout=subprocess.PIPE,
                    text=True,
                ).stdout.split()[-1]
            )
    per_snapshot = 1000 / N_SNAPSHOTS
    show(
        Figure("numerical work, per snapshot", numerical * per_snapshot, "ms"),
        Figure(
            "overhead without Prefect, CPU time", (plain_cpu - numerical_cpu) * per_snapshot, "ms"
        ),
        Figure("overhead without Prefect", (plain - numerical) * per_snapshot, "ms", BAR_PLAIN),
        Figure(
            "overhead with a running server",
            (under_prefect - numerical) * per_snapshot,
            "ms",
            BAR_PREFECT,
        ),
    )


def drain_seconds(source: Path, kind: str) -> tuple[float, float]:
    """Train on a first file, let 100 more arrive; return wall and CPU time of their drain."""
    rows.write(source / "part-000.parquet", 1_000, 20, seed=0)
    with open_store() as store:
        apply(rows.spec(NAME, source, when="never"), store)
        run(NAME, store=store)
        for number in range(1, N_SNAPSHOTS + 1):
            rows.write(source / f"part-{number:03}.parquet", 1_000, 20, seed=number)
        started, cpu_started = time.perf_counter(), time.process_time()
        drained = run(NAME, store=store)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    decisions = {outcome.decision for outcome in drained.outcomes}
    if len(drained.outcomes) != N_SNAPSHOTS or decisions != {"kept"}:
        sys.exit(f"{kind}: {len(drained.outcomes)} outcomes with decisions {decisions}")
    return seconds, cpu


def numerical_seconds(source: Path) -> float:
    """Do the numbers of the same 100 snapshots, three times; the median counts."""
    with open_store() as store:
        return statistics.median(_numerical(source, store) for _ in range(REPEATS))


def _numerical(source: Path, store: Store) -> float:
    state = load_state(store.database, NAME)
    assert state.champion is not None
    assert state.contract_version is not None
    version = registry.version(store.database, NAME, state.champion)
    estimator = load_model(store.artifacts.get(version.artifact))
    text = registry.contract_text(store.database, NAME, state.contract_version)
    contract = Contract.from_json(text)
    policy = DriftPolicy.from_spec(state.spec.drift)
    first = source / "part-000.parquet"
    reference = profile(read_table(first, name=first.name).table, key=first.name)
    files = sorted(source.glob("*.parquet"))[1:]
    started = time.perf_counter()
    for file in files:
        table = read_table(file, name=file.name, types=contract.types).table
        check(reference, profile(table, key=file.name), policy)
        y, is_labelled = target_values(table, "label", "classification")
        evaluate("classification", y[is_labelled], predict(estimator, table, contract))
    return time.perf_counter() - started


if __name__ == "__main__":
    if len(sys.argv) > 1:
        there = Path(sys.argv[1])
        there.mkdir()
        print(drain_seconds(there, "with Prefect")[0])
    else:
        main()
