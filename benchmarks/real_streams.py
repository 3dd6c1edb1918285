"""Print what the default policy reaches on four real streams, and what it does with half the fits.

Test, then train, by blocks in time order; the labels of a block are known after it. The learner is
LightGBM with 100 trees and otherwise its defaults, seed 0; ``--forest`` puts a forest of 30 trees
beside it. Every policy is a pipeline of its own: `calmops backtest` drains parquet files of one
block each. Scores are pooled over all blocks but the first. Every fit of a candidate counts, refits
are counted apart; the bar for half the fits is half of one fit per block. The breaker has its
default setting (three failures in a row, 120 minutes), and a block comes a day after the other.

The streams have no clear licence and are no part of this project: name a folder that holds them by
``--data`` or ``CALMOPS_STREAMS``. Without one nothing is measured.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from benchmarks.figures import Figure, own_home, report
from calmops_flows.backtest import Options, backtest
from calmops_flows.spec import parse_spec
from calmops_flows.steps.apply import apply
from calmops_flows.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from calmops_flows.read.backtests import Backtest, PolicyResult

DEFAULT = "current"
HALF = "retrain.budget=0.5"
REFRESH = "always+window+evaluation.promotion.rule=always"


@dataclass(frozen=True, slots=True)
class RealStream:
    """A file in time order, cut into blocks.

    ``bars`` are those of the default policy and of the one with half the fits.
    """

    name: str
    file: str
    block: int
    metric: str
    bars: tuple[float, float]
    target: str = "target"
    drop: tuple[str, ...] = ()
    is_regression: bool = False

    @property
    def task(self) -> str:
        """What is predicted."""
        return "regression" if self.is_regression else "classification"

    @property
    def fixed(self) -> tuple[str, ...]:
        """Policies that retrain at every block, whatever comes: windows of blocks, all rows."""
        sizes = [f"{REFRESH}+retrain.window_size={n * self.block}" for n in (1, 3, 6)]
        return (*sizes, f"{REFRESH}+retrain.window_size=1000000")


STREAMS = (
    RealStream("Elec2", "elec2", 1488, "balanced_accuracy", (0.750, 0.735), drop=("date",)),
    RealStream("NOAA weather", "weather_noaa", 365, "balanced_accuracy", (0.740, 0.738)),
    # The best fixed policy of the issue, window 3, has .7715; its bars are .01 and .015 below.
    RealStream("SEA", "h_sea_0123_abrupto", 1000, "accuracy", (0.7615, 0.7565)),
    RealStream(
        "bike sharing",
        "bike_hour",
        744,
        "mae",
        (38.0, 43.5),
        target="cnt",
        drop=("instant", "dteday", "casual", "registered"),
        is_regression=True,
    ),
)
LIGHTGBM = {"n_estimators": 100, "n_jobs": 1, "verbose": -1, "random_state": 0}
FOREST = {"n_estimators": 30, "n_jobs": 1, "random_state": 0}


def model(stream: RealStream, *, is_forest: bool) -> dict[str, Any]:
    """Return what is fitted."""
    kind = "Regressor" if stream.is_regression else "Classifier"
    if is_forest:
        return {"class": f"sklearn.ensemble.RandomForest{kind}", "params": FOREST}
    return {"class": f"lightgbm.LGBM{kind}", "params": LIGHTGBM}


def cut(stream: RealStream, data: Path, folder: Path) -> int:
    """Write one parquet file per block; return their number."""
    table = pq.read_table(data / f"{stream.file}.parquet").drop_columns(list(stream.drop))
    starts = range(0, table.num_rows, stream.block)
    for number, start in enumerate(starts, start=1):
        pq.write_table(table.slice(start, stream.block), folder / f"{number:03d}.parquet")
    return len(starts)


def replayed(
    stream: RealStream, folder: Path, policies: Sequence[str], *, is_forest: bool
) -> Backtest:
    """Replay the blocks under several policies."""
    spec = {
        "name": stream.file,
        "target": stream.target,
        "task": stream.task,
        "source": {"path": str(folder), "settle_seconds": 0, "duplicates": "process"},
        "model": model(stream, is_forest=is_forest),
    }
    with open_store() as store:
        apply(parse_spec(spec), store)
        return backtest(store, stream.file, Options(tuple(policies), stream.metric))


def figures(stream: RealStream, found: Backtest, n_blocks: int, learner: str) -> Iterator[Figure]:
    """Return the scores of one stream with their bars, and what is shown beside them."""
    unit = "MAE" if found.is_loss else ""
    results = {result.policy: result for result in found.results}
    bars = {DEFAULT: stream.bars[0], HALF: stream.bars[1]} if learner == "LightGBM" else {}
    for policy, result in results.items():
        if result.failure is not None or result.score is None:
            raise RuntimeError(f"{stream.name}, {policy}: {result.failure}")
        yield Figure(
            f"{stream.name}, {learner}, {_shown(policy, result, stream)}",
            result.score,
            unit,
            bars.get(policy),
            is_floor=not found.is_loss,
        )
    if HALF in results and learner == "LightGBM":
        share = results[HALF].fits / n_blocks
        yield Figure(f"{stream.name}, fits per block with half the fits", share, "", 0.5)
    if found.no_change is not None:
        yield Figure(f"{stream.name}, no change (the row before)", found.no_change, unit)


def _shown(policy: str, result: PolicyResult, stream: RealStream) -> str:
    size = policy.removeprefix(f"{REFRESH}+retrain.window_size=")
    name = {DEFAULT: "default", HALF: "half the fits", "never": "static"}.get(policy, policy)
    if size != policy:
        blocks = int(size) / stream.block
        name = f"window of {blocks:g} blocks" if int(size) < 1_000_000 else "all rows"
    return f"{name}: {result.fits} fits + {result.refits} refits, {result.cpu_seconds:.0f} CPU s"


def measured(
    data: Path, names: Sequence[str], *, is_forest: bool, is_full: bool
) -> Iterator[Figure]:
    for stream in STREAMS:
        if names and stream.file not in names:
            continue
        with own_home() as folder:
            source = folder / "blocks"
            source.mkdir()
            n_blocks = cut(stream, data, source)
            policies = (DEFAULT, HALF, *(stream.fixed if is_full else ()))
            found = replayed(stream, source, policies, is_forest=False)
            yield from figures(stream, found, n_blocks, "LightGBM")
            if is_forest:
                found = replayed(stream, source, (DEFAULT, HALF), is_forest=True)
                yield from figures(stream, found, n_blocks, "forest")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("CALMOPS_STREAMS"))
    parser.add_argument("--forest", action="store_true", help="a forest beside LightGBM")
    parser.add_argument("--full", action="store_true", help="fixed policies beside the default")
    parser.add_argument("--only", action="append", choices=[s.file for s in STREAMS])
    chosen = parser.parse_args()
    if chosen.data is None or not Path(chosen.data).is_dir():
        print(f"no streams to measure on: --data or CALMOPS_STREAMS names {chosen.data!r}")
        return
    report(
        measured(Path(chosen.data), chosen.only or (), is_forest=chosen.forest, is_full=chosen.full)
    )


if __name__ == "__main__":
    main()
