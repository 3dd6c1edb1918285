"""The short form of an explanation."""

from __future__ import annotations

import pytest

from calmops_flows.read import explain, to_sentences, to_short
from calmops_flows.records import DecisionKind
from calmops_flows.store import Store
from tests.read.seed import Seed, a_year


def short(store: Store, snapshot: str) -> list[str]:
    return to_short(explain(store, "flights", snapshot))


def test_promotion_is_told_in_five_lines(plain_store: Store) -> None:
    a_year(plain_store)

    said = short(plain_store, "m03.csv")

    assert said[:2] == to_sentences(explain(plain_store, "flights", "m03.csv"))[:2]
    assert said[1] == "Why: drift in temp."
    assert said[2] == "1 of 1 column drifted: temp; 1 column could not be tested."
    assert said[3].startswith("balanced_accuracy on the same ")
    assert "challenger 0.75, champion 0.7; the gain lies between" in said[3]
    assert said[4:] == ["What to do: nothing; to take it back, `calmops rollback flights`."]


@pytest.mark.parametrize(
    ("snapshot", "to_do"),
    [
        ("m01.csv", "nothing."),
        ("m04.csv", "`calmops promote flights 3`."),
        ("m05.csv", "see `calmops quarantine flights`"),
        ("m06.csv", "nothing."),
    ],
)
def test_it_ends_with_what_to_do(plain_store: Store, snapshot: str, to_do: str) -> None:
    a_year(plain_store)

    last = short(plain_store, snapshot)[-1]

    assert last.startswith("What to do: ")
    assert to_do in last


def test_what_waits_says_how_it_goes_on(plain_store: Store) -> None:
    seed = Seed(plain_store)
    seed.process("m1.csv", DecisionKind.TRAINED)
    seed.process("m2.csv", DecisionKind.AWAITING_LABELS)
    seed.process("m3.csv", DecisionKind.DEFERRED)

    assert "put the labels" in short(plain_store, "m2.csv")[-1]
    assert "after the pause, see `calmops status flights`" in short(plain_store, "m3.csv")[-1]


def test_short_form_of_every_snapshot_is_short(plain_store: Store) -> None:
    a_year(plain_store)

    for number in range(1, 7):
        said = short(plain_store, f"m0{number}.csv")
        assert len(said) <= 7
        assert sum(map(len, said)) < 700
