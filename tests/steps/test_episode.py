"""After an abrupt change the score is held against what served before, and new rows teach."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from calmops_flows.read import explain, to_sentences
from calmops_flows.records import Outcome, Rule
from calmops_flows.steps.episode import Past, follow
from calmops_flows.store import registry
from calmops_flows.store.history import decision
from tests.steps.conftest import Stream, rows


@pytest.fixture
def changing(stream: Stream) -> Stream:
    """A window that holds everything: mostly old rows after a change."""
    declare(stream)
    for number in range(1, 5):
        stream.drop(f"{number}.csv", rows(number))
    stream.drain()
    return stream


def declare(stream: Stream, **more: Any) -> None:
    stream.declare(
        drift={"performance": {"max_drop": 0.1, "metric": "accuracy"}},
        retrain={"mode": "window", "window_size": 100_000, "when": "performance"},
        **more,
    )


def noisy(seed: int, share: float, n: int = 400) -> pd.DataFrame:
    """Return rows of the new concept of which a share has the wrong label."""
    frame = rows(seed, n, sign=-1)
    wrong = np.random.default_rng(seed).random(n) < share
    return frame.assign(y=np.where(wrong, 1 - frame["y"], frame["y"]))


def drop_of(stream: Stream, outcome: Outcome) -> Rule:
    sequence = [o.digest for o in stream.history()].index(outcome.digest) + 1
    record = decision(stream.store.database, sequence)
    assert record is not None
    (rule,) = (rule for rule in record.rules if rule.name == "no performance drop")
    return rule


def test_only_rows_since_the_change_teach(changing: Stream) -> None:
    changing.drop("5.csv", rows(5, sign=-1))
    changing.drop("6.csv", rows(6, sign=-1))

    found, after = changing.drain().outcomes

    assert found.decision == "promoted"
    manifest = registry.version(changing.store.database, "stream", found.challenger or 0).manifest
    known = json.loads(changing.store.artifacts.get(manifest))
    assert known["rows"] <= 400
    assert ((after.metrics["champion"] or {})["accuracy"] or 0.0) > 0.85
    assert after.decision == "kept"


def test_measure_stays_what_served_before_until_the_score_is_back(changing: Stream) -> None:
    changing.drop("5.csv", noisy(5, 0.3))
    changing.drop("6.csv", noisy(6, 0.3))
    changing.drop("7.csv", rows(7, sign=-1))
    changing.drop("8.csv", rows(8, sign=-1))

    first, second, third, fourth = changing.drain().outcomes

    assert [drop_of(changing, o).passed for o in (first, second, third)] == [False, False, True]
    assert "of version 1, which served before the drop in 5.csv" in (
        drop_of(changing, second).note or ""
    )
    assert "served before the drop" not in (drop_of(changing, fourth).note or "")
    said = " ".join(to_sentences(explain(changing.store, "stream", "6.csv")))
    assert "served before the drop in 5.csv" in said


def test_two_fits_that_bring_nothing_end_it(changing: Stream) -> None:
    for number in range(5, 10):
        changing.drop(f"{number}.csv", noisy(number, 0.3))

    outcomes = changing.drain().outcomes

    passed = [drop_of(changing, outcome).passed for outcome in outcomes]
    assert passed == [False, False, False, True, True]
    assert [outcome.decision for outcome in outcomes[3:]] == ["kept", "kept"]


def test_without_a_tolerated_drop_nothing_is_kept_in_mind(stream: Stream) -> None:
    stream.declare(retrain={"mode": "window", "window_size": 100_000, "when": "always"})
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2, sign=-1))

    outcomes = stream.drain().outcomes

    manifest = registry.version(stream.store.database, "stream", outcomes[1].challenger or 0)
    known = json.loads(stream.store.artifacts.get(manifest.manifest))
    assert known["rows"] > 400


def past(within: bool | None, *, decision: str = "kept", gain: bool = False, n: int = 1) -> Past:
    return Past(f"{n}.csv", "data", f"t{n}", decision, n, within, gain)


@pytest.mark.parametrize(
    ("course", "since"),
    [
        ([], None),
        ([past(True)], None),
        ([past(False, n=3)], "t3"),
        ([past(False, n=3), past(None, n=4)], "t3"),
        ([past(False, n=3), past(True, n=4)], None),
        ([past(False, n=3, decision="promoted", gain=True), past(False, n=4)], "t3"),
        ([past(False, n=n, decision="rejected") for n in (3, 4)], None),
        ([past(False, n=n, decision="rejected") for n in (3, 4, 5)], "t5"),
        ([past(False, n=3), past(True, n=4), past(False, n=5)], "t5"),
    ],
)
def test_outcomes_tell_whether_a_drop_is_over(course: list[Past], since: str | None) -> None:
    found = follow(course)

    assert (found.since if found else None) == since
