"""1,000 pipelines in one store: `calmops list`, and one look of the watcher at all of them.

Each has 100 processed snapshots and their files; ten folders hold a new file besides. A tick reads
which pipelines there are, lists every folder, compares it with the ledger, and reacts to the new
files. The watcher's nap between ticks counts too (at most 1 s).
"""

from __future__ import annotations

import os
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import bindparam, update

from benchmarks.figures import Figure, own_home, process_seconds, show
from benchmarks.seeding import seed
from calmops_flows.data.arrivals import stamp_key
from calmops_flows.data.source import scan
from calmops_flows.flows.watching.watcher import Watcher
from calmops_flows.store import tables
from calmops_flows.store.pipelines import load_state, pipeline_names
from calmops_flows.store.store import Store, open_store

N_PIPELINES, N_SNAPSHOTS, N_NEW = 1_000, 100, 10
LIST_BAR, TICK_BAR = 1.3, 5.0
LATER_SECONDS = 60.0
REPEATS = 5


@dataclass(slots=True)
class Later:
    """A clock that can be put forward, so that everything is due again."""

    offset: float = 0.0

    def __call__(self) -> float:
        """Return seconds as the monotonic clock does, put forward."""
        return time.monotonic() + self.offset


@dataclass(slots=True)
class Told:
    """Keeps what the watcher reacts to."""

    found: dict[str, frozenset[tuple[str, str]]] = field(default_factory=dict)

    def __call__(self, pipeline: str, files: frozenset[tuple[str, str]]) -> None:
        """Note the new files of a pipeline."""
        if files:
            self.found[pipeline] = files


def main() -> None:
    with own_home() as folder, open_store() as store:
        os.chdir(folder)
        seed(store, n_pipelines=N_PIPELINES, n_snapshots=N_SNAPSHOTS)
        names = pipeline_names(store.database)
        for name in names:
            make_files(store, name)
        calmops = str(Path(sys.executable).with_name("calmops"))
        show(
            *listing(calmops),
            *ticks(store, names[:: N_PIPELINES // N_NEW]),
        )


def listing(calmops: str) -> list[Figure]:
    """Time the command, in a process of its own."""
    cpu = children_cpu_seconds()
    seconds = process_seconds([calmops, "list"], repeats=REPEATS)
    cpu = (children_cpu_seconds() - cpu) / REPEATS
    return [
        Figure(f"calmops list, {N_PIPELINES:,} pipelines, CPU", cpu, "s", LIST_BAR),
        Figure("the same by the clock", seconds, "s"),
    ]


def children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def make_files(store: Store, name: str, n_files: int = N_SNAPSHOTS) -> None:
    """Write the files that the ledger names, and enter their stamps."""
    source = load_state(store.database, name).spec.source
    arrivals = Path(source.path)
    arrivals.mkdir(parents=True, exist_ok=True)
    old = time.time() - 3600
    for number in range(n_files):
        file = arrivals / f"part-{number:05}.parquet"
        file.write_bytes(b"known")
        os.utime(file, (old, old))
    seen = scan(source, {}, now=time.time()).new
    stamps = [{"where": one.path, "key": stamp_key(one.stamp)} for one in seen]
    known = tables.files
    change = update(known).where(known.c.pipeline == name, known.c.path == bindparam("where"))
    with store.database.engine.begin() as connection:
        connection.execute(change.values(stamp_key=bindparam("key")), stamps)


def ticks(store: Store, chosen: list[str]) -> list[Figure]:
    """Time the first tick, and one in which some folders hold a new file."""
    clock, told = Later(), Told()
    watcher = Watcher(store, told, clock=clock)
    figures = tick(watcher, "first tick, nothing new")
    if told.found:
        sys.exit(f"expected nothing new, found {list(told.found.items())[:3]}")
    for name in chosen:
        file = Path("arrivals") / name / "new.parquet"
        file.write_bytes(b"new")
        os.utime(file, (0, 0))
    clock.offset += LATER_SECONDS
    figures += tick(watcher, f"later tick, {len(chosen)} new files")
    watcher.notices.close()
    if sorted(told.found) != sorted(chosen):
        sys.exit(f"expected new files of {chosen}, found {sorted(told.found)[:10]}")
    return figures


def tick(watcher: Watcher, name: str) -> list[Figure]:
    started, cpu = time.perf_counter(), time.process_time()
    watcher.turn()
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - started
    return [
        Figure(f"{name}, CPU", cpu, "s", TICK_BAR),
        Figure("the same by the clock", seconds, "s"),
    ]


if __name__ == "__main__":
    main()
