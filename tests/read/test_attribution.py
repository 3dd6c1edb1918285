from __future__ import annotations

from dataclasses import replace

import pytest

from calmops_flows.read import AttributedColumn, Attribution, explain, to_sentences
from calmops_flows.read.attribution import rank
from calmops_flows.records import ColumnDrift, DecisionKind
from calmops_flows.store import Store
from tests.read.seed import Seed


def moved(name: str, effect: float, *, is_drift: bool | None = True, **more: str) -> ColumnDrift:
    detector = more.get("detector", "ks")
    return ColumnDrift(name, "numeric", detector, 0.1, 0.0, 0.0, effect, is_drift)


def names(*tests: ColumnDrift, **importance: float) -> list[str]:
    return [column.name for column in rank(tests, importance)]


def test_columns_rank_by_effect_times_importance() -> None:
    tests = (moved("idle", 0.9), moved("used", 0.3), moved("core", 0.2))

    assert names(*tests, idle=0.0, used=0.1, core=0.4) == ["core", "used", "idle"]


def test_drifted_columns_go_before_others() -> None:
    tests = (moved("still", 0.5, is_drift=False), moved("moved", 0.1))

    assert names(*tests, still=0.9, moved=0.0) == ["moved", "still"]


def test_drifted_test_speaks_for_its_column() -> None:
    tests = (
        moved("a", 0.9, is_drift=False),
        moved("a", 0.1, detector="missing_rate"),
        moved("b", 0.1, is_drift=None),
    )

    (column,) = rank(tests, {"a": 0.5})

    assert (column.detector, column.effect_size, column.score) == ("missing_rate", 0.1, 0.05)


def test_unknown_importance_is_not_zero_and_a_negative_one_is_none() -> None:
    unknown, harmful = rank((moved("x", 0.2), moved("y", 0.1)), {"y": -0.01})

    assert (unknown.importance, unknown.score) == (None, None)
    assert (harmful.importance, harmful.score) == (-0.01, 0.0)


@pytest.fixture
def seeded(plain_store: Store) -> Store:
    seed = Seed(plain_store)
    seed.process("m1.csv", DecisionKind.TRAINED)
    seed.process("m2.csv", is_drift=True)
    return plain_store


def test_snapshot_that_no_champion_met_has_no_attribution(seeded: Store) -> None:
    assert explain(seeded, "flights", "m1.csv").attribution is None
    assert explain(seeded, "flights", "m2.csv").attribution is None


def test_sentences_say_what_matters_and_what_does_not(seeded: Store) -> None:
    columns = (
        AttributedColumn("temp", "ks", 0.7, True, 0.12, 0.084),
        AttributedColumn("wind", "ks", 0.5, True, 0.001, 0.0005),
        AttributedColumn("late", "ks", 0.4, True, None, None),
        AttributedColumn("snow", "ks", 0.1, False, 0.2, 0.02),
    )
    attribution = Attribution(3, "balanced_accuracy", columns)

    said = to_sentences(replace(explain(seeded, "flights"), attribution=attribution))

    assert (
        "Of what moved, these matter to version 3: temp (effect 0.7; scrambling it costs 0.12 "
        "balanced_accuracy)." in said
    )
    assert "These moved, but version 3 hardly uses them: wind." in said
    assert "These moved, and are no measured features of version 3: late." in said
    assert not any("snow" in sentence for sentence in said)


def test_sentences_say_why_importance_is_unknown(seeded: Store) -> None:
    column = AttributedColumn("temp", "ks", 0.7, True, None, None)
    attribution = Attribution(3, None, (column,), "the artifact is gone")

    said = to_sentences(replace(explain(seeded, "flights"), attribution=attribution))

    assert "Whether it matters to the champion is not known: the artifact is gone." in said
