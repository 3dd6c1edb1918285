"""Answer one question about a peer, inside its interpreter; the last line printed is JSON.

``version``; ``speed ROWS COLUMNS``: CPU seconds of a warm verdict (of the first, if that took over
20 s) and columns flagged; ``rates RUNS ROWS``: alarms without drift, with one shifted column, and
with a changed correlation (hits and runs; fewer runs if a case takes a minute of CPU).
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.draws import batch, dependent, normal, with_column

if TYPE_CHECKING:
    from types import ModuleType

SHIFTED = "x7"
JOINT = "*"  # what a joint test flags
ENOUGH_SECONDS = 20.0
CASE_SECONDS = 60.0


def speed(peer: ModuleType, n_rows: int, n_columns: int) -> dict[str, Any]:
    before = batch(n_rows, n_columns, seed=0).to_pandas()
    after = batch(n_rows, n_columns, seed=1, drifted=True).to_pandas()
    spent: list[float] = []
    while len(spent) < 2 and sum(spent) < ENOUGH_SECONDS:
        started = time.process_time()
        flagged = peer.flagged(before, after)
        spent.append(time.process_time() - started)
    return {"seconds": min(spent), "flagged": len(flagged - {JOINT})}


def rates(peer: ModuleType, runs: int, n_rows: int) -> dict[str, tuple[int, int]]:
    shifted = with_column(SHIFTED, lambda rng, n: rng.normal(0.2, 1, n))
    cases = {"null": normal(), "shift": shifted, "correlation": dependent}
    answers: dict[str, tuple[int, int]] = {}
    for number, (case, draw) in enumerate(cases.items()):
        rng = np.random.default_rng([17, number, n_rows])
        hits, done, started = 0, 0, time.process_time()
        while done < runs and time.process_time() - started < CASE_SECONDS:
            before, after = normal()(rng, n_rows).to_pandas(), draw(rng, n_rows).to_pandas()
            found = peer.flagged(before, after)
            hits += SHIFTED in found if case == "shift" else bool(found)
            done += 1
        answers[case] = hits, done
    return answers


def main() -> None:
    name, question, *arguments = sys.argv[1:]
    if "PEER_CPU_SECONDS" in os.environ:
        bound = int(os.environ["PEER_CPU_SECONDS"])
        resource.setrlimit(resource.RLIMIT_CPU, (bound, bound + 5))
    peer = importlib.import_module(f"benchmarks.peer_tools.{name}")
    questions = {
        "version": lambda: version(peer.PACKAGE),
        "speed": lambda: speed(peer, *map(int, arguments)),
        "rates": lambda: rates(peer, *map(int, arguments)),
    }
    answers = {**questions, **getattr(peer, "QUESTIONS", {})}
    print(json.dumps(answers[question](*(arguments if question not in questions else ()))))


if __name__ == "__main__":
    main()
