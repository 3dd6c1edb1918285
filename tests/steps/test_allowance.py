from __future__ import annotations

from typing import Any

import pytest

from calmops_flows.spec import parse_spec
from calmops_flows.steps.allowance import within
from calmops_flows.steps.recipes import Recipe, recipes, terms
from calmops_flows.store.history import decision
from calmops_flows.store.registry import versions
from tests.steps.conftest import Stream, rows


def spec(**retrain: Any) -> Any:
    return parse_spec(
        {
            "name": "p",
            "target": "y",
            "source": {"path": "/data"},
            "model": {"class": "sklearn.tree.DecisionTreeClassifier"},
            "retrain": retrain,
        }
    )


def test_budget_keeps_fits_to_a_share_of_the_snapshots(stream: Stream) -> None:
    stream.declare(retrain={"when": "always", "budget": 0.5}, drift={"multivariate": "off"})
    for number in range(6):
        stream.drop(f"m{number}.csv", rows(number))

    found = stream.drain().outcomes

    tried = [outcome.decision in {"trained", "promoted", "rejected"} for outcome in found]
    assert tried == [True, False, False, True, False, True]
    assert len(versions(stream.store.database, "stream")) == 3
    assert found[1].reason == (
        "the policy is to retrain on every snapshot, but the budget of fits is spent"
    )


def test_record_shows_what_the_budget_allows(stream: Stream) -> None:
    stream.declare(retrain={"when": "always", "budget": 2.5}, drift={"multivariate": "off"})
    for number in range(2):
        stream.drop(f"m{number}.csv", rows(number))

    stream.drain()

    record = decision(stream.store.database, 2)
    assert record is not None
    rule = next(rule for rule in record.rules if rule.name == "fits within the budget")
    assert (rule.observed, rule.passed) == (4, True)  # 2.5 x 2 - 1


def test_champion_is_refreshed_while_it_could_learn_much_more(stream: Stream) -> None:
    stream.declare(
        retrain={"mode": "window", "window_size": 900}, drift={"multivariate": "off", "alpha": 1e-9}
    )
    for number in range(5):
        stream.drop(f"m{number}.csv", rows(number))

    found = stream.drain().outcomes

    # 320, then 720 and 900 rows of the window of 900 are learnt before anything judges.
    assert [outcome.decision for outcome in found] == [
        "trained",
        "promoted",
        "promoted",
        "kept",
        "kept",
    ]
    record = decision(stream.store.database, 2)
    assert record is not None
    rule = next(rule for rule in record.rules if rule.name == "knows enough")
    assert (rule.observed, rule.passed) == (320, False)
    last = decision(stream.store.database, 4)
    assert last is not None
    assert last.reason == "no reason to retrain"


def test_reason_is_drift_where_the_champion_also_knows_too_little(stream: Stream) -> None:
    stream.declare(retrain={"mode": "auto"}, drift={"multivariate": "off"})
    stream.drop("m0.csv", rows(0))
    stream.drop("m1.csv", rows(1, shift=3))

    found = stream.drain().outcomes

    record = decision(stream.store.database, 2)
    assert record is not None
    assert [r.passed for r in record.rules if r.name == "knows enough"] == [False]
    assert (found[1].reason or "").startswith("drift in ")


def test_models_of_new_rows_alone_never_know_too_little(stream: Stream) -> None:
    stream.declare(drift={"multivariate": "off", "alpha": 1e-9})
    for number in range(3):
        stream.drop(f"m{number}.csv", rows(number))

    found = stream.drain().outcomes

    assert [outcome.decision for outcome in found] == ["trained", "kept", "kept"]


def test_auto_refreshes_its_window_through_the_drain(stream: Stream) -> None:
    stream.declare(
        retrain={"mode": "auto", "when": "always", "window_size": 900},
        drift={"multivariate": "off"},
    )
    for number in range(3):
        stream.drop(f"m{number}.csv", rows(number))

    stream.drain()

    record = decision(stream.store.database, 3)
    assert record is not None
    fitted = [tried for tried in record.attempts if tried.fit_seconds > 0]
    assert [(tried.mode, tried.rules[-1].name) for tried in fitted] == [("window", "no_worse")]


@pytest.mark.parametrize(("n_fits", "left"), [(None, 3), (5, 3), (2, 2), (1, 1), (0, 0)])
def test_later_recipes_go_first_when_few_fits_are_left(n_fits: int | None, left: int) -> None:
    rounds = recipes(spec(mode="auto"))

    found = within(rounds, n_fits)

    flat = [recipe for together in rounds for recipe in together]
    assert [recipe for together in found for recipe in together] == flat[:left]


def test_auto_tries_a_window_and_the_others_only_after_it() -> None:
    rounds = recipes(spec(mode="auto", fallback="incremental"))

    assert [[(r.mode, r.options.get("scope")) for r in together] for together in rounds] == [
        [("window", None)],
        [("full", "new"), ("full", "all")],
        [("incremental", None)],
    ]


def test_auto_does_not_fit_new_rows_twice_when_they_are_the_whole_window() -> None:
    declared, short = spec(mode="auto"), spec(mode="auto", window_size=900)

    assert [len(together) for together in recipes(declared, n_new=5_000)] == [1, 1]
    assert [len(together) for together in recipes(declared, n_new=4_999)] == [1, 2]
    assert [len(together) for together in recipes(short, n_new=5_000)] == [1, 2]
    assert recipes(declared, n_new=5_000)[1][0].options == {"scope": "all"}


def test_auto_refreshes_its_window_on_easier_terms_than_a_change() -> None:
    declared = spec(mode="auto")
    (window,), (new, whole), *_ = recipes(declared)
    champion = whole.described(declared)

    rules = [
        terms(declared, recipe, "classification", n_tries=3, champion=champion)
        for recipe in (window, new, whole)
    ]

    assert [found.rule for found in rules] == ["no_worse", "better", "better"]
    assert [round(1 - found.confidence, 4) for found in rules] == [0.05, 0.0167, 0.0167]


def test_another_window_is_no_refresh() -> None:
    champion = Recipe("window", family="auto").described(spec(mode="auto"))

    found = terms(
        spec(mode="auto", window_size=900),
        Recipe("window", family="auto"),
        "classification",
        n_tries=3,
        champion=champion,
    )

    assert found.rule == "better"


def test_drift_stands_until_a_window_holds_no_old_rows(stream: Stream) -> None:
    stream.declare(
        retrain={"mode": "window", "window_size": 800},
        drift={"multivariate": "off", "alpha": 1e-6},
        evaluation={"promotion": {"rule": "always"}},
    )
    for number, shift in enumerate((0.0, 0.0, 3.0, 3.0, 3.0, 3.0)):
        stream.drop(f"m{number}.csv", rows(number, shift=shift))

    found = stream.drain().outcomes

    # Of the window after the third file half is old, so that the fourth one drifts from it.
    assert [outcome.drift.is_drift for outcome in found] == [None, False, True, True, False, False]
