"""A pipeline of blocks in every retraining mode, and one that only predicts."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from calmops_flows.learning import RETRAINERS
from calmops_flows.learning.retraining import Fitted, TrainingContext
from calmops_flows.steps.predictions import from_bytes
from calmops_flows.store import registry
from calmops_flows.store.tables import predictions
from tests.steps.conftest import Stream
from tests.steps.test_blocks import KIND, block, drop, sites  # noqa: F401 - a fixture

BAYES = {"class": "sklearn.naive_bayes.GaussianNB"}


@pytest.mark.parametrize("mode", RETRAINERS)
def test_every_mode_trains_the_part_of_one_block(
    sites: Stream,  # noqa: F811 - it is the fixture
    mode: str,
) -> None:
    sites.declare(**KIND, model=BAYES, retrain={"mode": mode, "when": "always"})
    for number in (0, 2):
        drop(sites, f"{number}.csv", block("a", number, 150), block("b", number + 1, 150))

    sites.drain()

    found = sites.history()
    assert [o.state for o in found] == ["processed"] * 4
    assert not [o.reason for o in found if "retrain_failed" in (o.reason or "")]
    numbers = [o.challenger for o in found]
    assert numbers == [1, 2, 3, 4]
    modes = {registry.version(sites.store.database, "stream", n).mode for n in numbers if n}
    assert modes == {mode}


@pytest.mark.parametrize(
    ("mode", "more"),
    [("window", {"window_size": 10_000}), ("replay_mix", {"replay_fraction": 0.9})],
)
def test_old_rows_are_those_of_the_same_block(
    sites: Stream,  # noqa: F811 - it is the fixture
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    more: dict[str, Any],
) -> None:
    real = RETRAINERS[mode]
    seen: list[tuple[set[str], set[str]]] = []

    def watched(context: TrainingContext) -> Fitted:
        past = context.before(None) if mode == "window" else context.replayed(10_000)
        seen.append((set(context.table["site"].to_pylist()), set(past["site"].to_pylist())))
        return real(context)

    monkeypatch.setitem(RETRAINERS, mode, watched)
    sites.declare(
        **KIND,
        model=BAYES,
        retrain={"mode": mode, "when": "always", **more},
        evaluation={"refit": False},
    )
    for number in (0, 2):
        drop(sites, f"{number}.csv", block("a", number, 150), block("b", number + 1, 150, sign=-1))

    sites.drain()

    assert seen == [({"a"}, set()), ({"b"}, set()), ({"a"}, {"a"}), ({"b"}, {"b"})]


@pytest.mark.parametrize("is_open", [False, True], ids=["closed", "open breaker"])
def test_prediction_only_answers_for_known_and_unknown_blocks_and_learns_nothing(
    sites: Stream,  # noqa: F811 - it is the fixture
    *,
    is_open: bool,
) -> None:
    drop(sites, "1.csv", block("a", 1), block("b", 2, sign=-1))
    sites.drain()
    sites.declare(**KIND, prediction_only=True, target=None, retrain={"when": "always"})
    if is_open:
        sites.open_breaker()
    drop(sites, "2.csv", block("b", 4, sign=-1).drop(columns="y"), block("z", 5).drop(columns="y"))

    outcomes = sites.drain().outcomes

    told = [(o.snapshot, o.decision, o.champion, o.challenger) for o in outcomes]
    assert told == [("2.csv#b", "predicted", 2, None), ("2.csv#z", "predicted", 2, None)]
    with sites.store.database.read() as connection:
        digests = connection.execute(select(predictions.c.artifact)).scalars().all()[-2:]
    known, unknown = (from_bytes(sites.store.artifacts.get(digest)) for digest in digests)
    assert (known.values == block("b", 4, sign=-1).y).mean() > 0.8
    assert len(unknown.values) == 400
