"""How long a page of the dashboard takes to be drawn: 20 pipelines, 1,000 snapshots, 200 columns.

A page counts as drawn when its script has ended and every chart has its drawing, down to its end,
seen by headless Chromium against a server that has served each page before: from a browser that has
nothing cached ("paint"), and in a new tab of one that was there before ("again").
A switch begins with the click on another page's name. The store is kept in ``build/`` until the
code that fills it changes; its snapshots share sixty profiles, and no page reads more.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import insert, update

from benchmarks.chromium import (
    PAGES,
    chromium,
    click_page,
    dashboard,
    open_again,
    open_page,
)
from benchmarks.figures import Figure, report
from benchmarks.seeding import START, seed
from calmops_flows.data.contract import learn
from calmops_flows.evaluation.predictions import Predictions
from calmops_flows.evaluation.score_counts import count_scores
from calmops_flows.profiles import profile, to_bytes
from calmops_flows.read.feature import MOST_PROFILES
from calmops_flows.settings import Settings
from calmops_flows.store import tables
from calmops_flows.store.encoding import utc_text
from calmops_flows.store.store import Store, open_store

ROOT = Path(__file__).resolve().parents[1]
N_PIPELINES, N_SNAPSHOTS, N_COLUMNS, N_ROWS = 20, 1_000, 200, 1_000
PAINT_BAR, SWITCH_BAR = 3.0, 1.0
SOURCES = (
    "benchmarks/dashboard_paint.py",
    "benchmarks/seeding.py",
    "calmops_flows/store/tables.py",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10, help="Paints and switches of each page.")
    parser.add_argument("--range", default="100", help="The range that the pages show.")
    wanted = parser.parse_args()
    os.environ["CALMOPS_PREFECT"] = "off"
    home = seeded()
    with dashboard(home) as address, chromium() as browser:
        for path in PAGES:  # the server is warm when each script ran once
            open_page(browser, to(address, path, wanted.range)).context.close()
        print(f"load average {', '.join(f'{load:.1f}' for load in os.getloadavg())}")
        paints = {path: paint(browser, address, path, wanted) for path in PAGES}
        returns = {path: again(browser, address, path, wanted) for path in PAGES}
        switches = switch(browser, address, wanted)
    report(
        [
            *figures("paint", paints, PAINT_BAR),
            *figures("again", returns, PAINT_BAR),
            *figures("switch to", switches, SWITCH_BAR),
        ]
    )
    print(f"load average {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


def figures(what: str, seconds: dict[str, list[float]], bar: float) -> list[Figure]:
    found = []
    for path, values in seconds.items():
        name = PAGES[path]
        found.append(Figure(f"{what} {name}, median", statistics.median(values), "s"))
        found.append(Figure(f"{what} {name}, p95", p95(values), "s", bar))
    every = [value for values in seconds.values() for value in values]
    return [*found, Figure(f"{what} any page, p95 of {len(every)}", p95(every), "s", bar)]


def p95(values: list[float]) -> float:
    return float(np.quantile(values, 0.95))


def to(address: str, path: str, range_: str) -> str:
    return f"{address}/{path}?pipeline=pipeline-007&range={range_}"


def paint(browser: Any, address: str, path: str, wanted: argparse.Namespace) -> list[float]:
    seconds = []
    for _ in range(wanted.repeats):
        started = time.perf_counter()
        page = open_page(browser, to(address, path, wanted.range))
        seconds.append(time.perf_counter() - started)
        page.context.close()
    return seconds


def again(browser: Any, address: str, path: str, wanted: argparse.Namespace) -> list[float]:
    """Open a page in new tabs of a browser that has kept the files of earlier visits."""
    context = open_page(browser, to(address, path, wanted.range)).context
    seconds = []
    for _ in range(wanted.repeats):
        started = time.perf_counter()
        open_again(context, to(address, path, wanted.range)).close()
        seconds.append(time.perf_counter() - started)
    context.close()
    return seconds


def switch(browser: Any, address: str, wanted: argparse.Namespace) -> dict[str, list[float]]:
    """Go through all pages in one browser, and round again."""
    seconds: dict[str, list[float]] = {path: [] for path in PAGES}
    page = open_page(browser, to(address, "", wanted.range))
    for after in ([*PAGES] * wanted.repeats)[1:]:
        started = time.perf_counter()
        click_page(page, after)
        seconds[after].append(time.perf_counter() - started)
    page.context.close()
    return seconds


def seeded() -> Path:
    """Return the home of the store; it is filled when the code that fills it has changed."""
    text = b"".join((ROOT / name).read_bytes() for name in SOURCES)
    home = ROOT / "build" / f"dashboard-paint-{hashlib.sha256(text).hexdigest()[:12]}"
    if home.exists():
        return home
    for old in home.parent.glob("dashboard-paint-*"):
        shutil.rmtree(old)
    partial = home.with_suffix(".partial")
    started = time.perf_counter()
    with open_store(Settings(home=partial)) as store:
        seed(store, n_pipelines=N_PIPELINES, n_snapshots=N_SNAPSHOTS, n_columns=N_COLUMNS)
        fill(store)
    partial.rename(home)
    size = sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
    print(f"filled a store of {size / 1e6:,.0f} MB in {time.perf_counter() - started:.0f} s")
    return home


def fill(store: Store) -> None:
    """Add what the pages read besides rows of `seed`: profiles, contracts, counts of scores."""
    rng = np.random.default_rng(0)
    batches = [batch(rng) for _ in range(MOST_PROFILES)]
    digests = [
        store.artifacts.put(to_bytes(profile(table, key=str(number))))
        for number, table in enumerate(batches)
    ]
    contract = learn(batches[0], target=None).to_json()
    truth = rng.integers(0, 2, N_ROWS)
    chance = np.clip(rng.normal(0.3 + 0.4 * truth, 0.2), 0.0, 1.0)
    said = Predictions((chance > 0.5).astype(int), np.column_stack([1 - chance, chance]), (0, 1))
    counts = count_scores("classification", truth, said)
    if counts is None:
        raise ValueError("expected counts of a classifier, found none")
    entries, reports = tables.snapshots, tables.drift_reports
    with store.database.engine.begin() as connection:
        for number, digest in enumerate(digests):
            mine = entries.c.id % MOST_PROFILES == number
            connection.execute(update(entries).where(mine).values(profile_digest=digest))
        connection.execute(update(reports).values(reference_digest=digests[0]))
        keys = range(1, N_PIPELINES * N_SNAPSHOTS + 1)
        text = counts.to_json()
        rows = [{"snapshot_id": key, "counts": text} for key in keys]
        connection.execute(insert(tables.score_counts), rows)
        made = [
            {
                "pipeline": f"pipeline-{number:03}",
                "version": 1,
                "contract": contract,
                "snapshot_id": number * N_SNAPSHOTS + 1,
                "at": utc_text(START),
            }
            for number in range(N_PIPELINES)
        ]
        connection.execute(insert(tables.contracts), made)
        connection.execute(update(tables.pipelines).values(contract_version=1))


def batch(rng: np.random.Generator) -> pa.Table:
    """Draw a snapshot: three quarters numbers, the others of twelve levels."""
    columns: dict[str, Any] = {}
    for number in range(N_COLUMNS):
        if number % 4 == 3:
            columns[f"x{number}"] = np.char.add("level ", rng.integers(0, 12, N_ROWS).astype(str))
        else:
            columns[f"x{number}"] = rng.normal(size=N_ROWS)
    return pa.table(columns)


if __name__ == "__main__":
    main()
