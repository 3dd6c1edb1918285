"""Wall clocks that jump: what was decided, and in which order, does not depend on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from calmops_flows.settings import Settings
from calmops_flows.store import audit, open_store
from calmops_flows.store.copies import copies
from calmops_flows.store.history import history
from calmops_flows.store.pipelines import load_state
from tests.steps.conftest import START, Stream, rows
from tests.store_dump import dump

pytestmark = pytest.mark.faults
N_FILES = 4
MADRID = ZoneInfo("Europe/Madrid")
CLOCKS: dict[str, Callable[[int], datetime]] = {
    "a day back and forth": lambda n: START + timedelta(minutes=n, days=(0, -1, 1)[n % 3]),
    "standing still": lambda _: START,
    "always back": lambda n: START - timedelta(hours=n),
    # Local times of the hour that comes twice, and of the one that does not come.
    "back to winter": lambda n: datetime(2013, 10, 27, 2, 50 - n, tzinfo=MADRID, fold=n % 2),
    "on to summer": lambda n: datetime(2013, 3, 31, 1 + n % 3, 50, tzinfo=MADRID),
}


def drained(folder: Path, source: Path, clock: Callable[[int], datetime]) -> Stream:
    """Process one file per run, each at the time that the clock shows."""
    folder.mkdir()
    source.mkdir(exist_ok=True)
    stream = Stream(open_store(Settings(home=folder / "home")), source)
    stream.declare(retrain={"mode": "window", "when": "always", "window_size": 700})
    for number in range(N_FILES):
        stream.now = clock(number)
        stream.drop(f"{number}.csv", rows(number, shift=float(number), sign=(-1) ** number))
        stream.drain()
    return stream


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    """Give a source, and what the store holds after it under a steady clock."""
    root = tmp_path_factory.mktemp("clocks")
    stream = drained(root / "steady", root / "source", lambda n: START + timedelta(minutes=n))
    with stream.store as store:
        return root / "source", dump(store.database)


@pytest.mark.parametrize("clock", CLOCKS)
def test_jumping_clock_changes_nothing_but_times(
    steady: tuple[Path, object], tmp_path: Path, clock: str
) -> None:
    source, expected = steady
    for file in source.iterdir():
        file.unlink()

    jumping = drained(tmp_path / "jumping", source, CLOCKS[clock])

    with jumping.store as store, store.database.read() as connection:
        broken = audit.first_broken(connection, "stream")
        newest_first = [copy.digest for copy in copies(store.database, "stream")]
        told = [outcome.digest for outcome in history(store.database, "stream")]
        assert dump(store.database) == expected
    assert newest_first == told[::-1]
    assert broken is None


def test_breaker_that_opened_under_a_clock_far_ahead_closes_in_the_end(stream: Stream) -> None:
    stream.declare(
        retrain={"when": "always"},
        evaluation={"thresholds": {"accuracy": 0.999}},
        breaker={"max_failures": 1, "backoff_minutes": 60},
    )
    stream.drop("0.csv", rows(0))
    stream.now = START + timedelta(days=1)
    stream.drain()
    opened = load_state(stream.store.database, "stream").breaker
    stream.now = START

    while not opened.allows(stream.now):
        stream.later(hours=1)

    assert opened.state == "open"
    assert stream.now == START + timedelta(days=1, hours=1)
    assert stream.now.astimezone(UTC) == opened.open_until
