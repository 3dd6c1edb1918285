from __future__ import annotations

from dataclasses import replace

import pytest

from calmops_flows.errors import NotFoundError
from calmops_flows.read import Explanation, explain, to_sentences
from calmops_flows.records import DecisionKind
from calmops_flows.store import Store
from tests.read.seed import Seed, a_report, a_year


def test_latest_decision_is_explained_by_default(store: Store) -> None:
    a_year(store)

    found = explain(store, "flights")

    assert found.outcome.snapshot == "m06.csv"
    assert found.decision is not None
    assert found.decision.kind is DecisionKind.KEPT
    assert found.drift is not None
    assert found.notes == {"champion.accuracy": "one class"}


@pytest.mark.parametrize("wanted", ["m03.csv", "3000", "3000000", "3" + "0" * 63])
def test_snapshot_is_found_by_path_and_by_digest(store: Store, wanted: str) -> None:
    a_year(store)

    assert explain(store, "flights", wanted).outcome.snapshot == "m03.csv"


def test_path_goes_before_a_digest_that_looks_the_same(store: Store) -> None:
    seed = Seed(store)
    seed.process("beef", DecisionKind.TRAINED, content="1")
    seed.process("other", content="beef")

    assert explain(store, "flights", "beef").outcome.snapshot == "beef"


def test_digest_of_several_snapshots_asks_for_more(store: Store) -> None:
    seed = Seed(store)
    seed.process("1.csv", DecisionKind.TRAINED, content="abcd1")
    seed.process("2.csv", content="abcd2")

    with pytest.raises(NotFoundError, match="fits 2 snapshots"):
        explain(store, "flights", "abcd")


def test_unknown_snapshot_lists_near_names(store: Store) -> None:
    a_year(store)

    with pytest.raises(NotFoundError, match=r"no snapshot 'm3.csv'; did you mean .*'m03.csv'"):
        explain(store, "flights", "m3.csv")


def test_snapshot_of_another_pipeline_is_not_found(store: Store) -> None:
    a_year(store)
    Seed(store, "other")

    with pytest.raises(NotFoundError, match="there are none yet"):
        explain(store, "other", "m03.csv")


def test_pipeline_that_saw_nothing_says_what_to_do(store: Store) -> None:
    Seed(store)

    with pytest.raises(NotFoundError, match="calmops run flights"):
        explain(store, "flights")


def test_newest_content_of_a_rewritten_file_is_explained(store: Store) -> None:
    seed = Seed(store)
    seed.process("a.csv", DecisionKind.TRAINED, content="aaaa")
    seed.process("a.csv", content="bbbb")

    newest, oldest = explain(store, "flights", "a.csv"), explain(store, "flights", "aaaa")

    assert newest.outcome.digest.startswith("bbbb")
    assert oldest.superseded_by == "a.csv"
    assert to_sentences(oldest)[-1] == "The file was rewritten since; see a.csv."


def sentences(store: Store, snapshot: str) -> str:
    return "\n".join(to_sentences(explain(store, "flights", snapshot)))


def test_promotion_reads_as_people_say_it(plain_store: Store) -> None:
    a_year(plain_store)

    text = sentences(plain_store, "m03.csv")

    assert "the challenger was promoted to champion; version 2 serves." in text
    assert "Why: drift in temp." in text
    assert "Drift: 1 test compared 1,000 rows with 2,000 reference rows" in text
    assert "temp changed (ks: effect 0.7, adjusted p 2e-09)" in text
    assert "balanced_accuracy 0.75 and the champion 0.7: better by 0.05" in text
    assert "Not testable, which is not the same as no drift: wind (all missing)." in text


def test_rejection_says_that_nothing_that_serves_has_changed(plain_store: Store) -> None:
    a_year(plain_store)

    text = sentences(plain_store, "m04.csv")

    assert "the challenger was rejected, and nothing that serves has changed; version 2" in text
    assert "The challenger is kept as version 3." in text


def test_first_snapshot_says_that_there_was_nothing_to_compare_with(plain_store: Store) -> None:
    a_year(plain_store)

    assert "Drift was not checked: there was no reference" in sentences(plain_store, "m01.csv")


def test_clean_snapshot_is_not_called_drift(plain_store: Store) -> None:
    a_year(plain_store)

    text = sentences(plain_store, "m02.csv")

    assert "No drift: 1 test compared" in text
    assert "Drift:" not in text


def test_untestable_verdict_is_never_no_drift(plain_store: Store) -> None:
    seed = Seed(plain_store)
    seed.process("1.csv", DecisionKind.TRAINED)
    seed.process("2.csv", report=a_report(None))

    text = sentences(plain_store, "2.csv")

    assert "Drift could not be tested on any column." in text
    assert "No drift" not in text


def test_undefined_metric_says_why(plain_store: Store) -> None:
    a_year(plain_store)

    text = sentences(plain_store, "m06.csv")

    assert "Undefined here: accuracy (one class)." in text
    assert "nothing that is defined" in text


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        ("m05.csv", "was set aside and nothing learnt from it: csv_cut"),
        ("copy.csv", "holds the same bytes as m01.csv"),
        ("m07.csv", "waits to be processed"),
    ],
)
def test_undecided_snapshot_says_where_it_stands(
    plain_store: Store, snapshot: str, words: str
) -> None:
    a_year(plain_store)

    assert words in sentences(plain_store, snapshot)


def test_superseded_snapshot_names_what_took_its_place(plain_store: Store) -> None:
    seed = Seed(plain_store)
    seed.arrive("a.csv", "aaaa")
    seed.arrive("a.csv", "bbbb")

    assert "rewritten before its turn came; a.csv took its place" in sentences(plain_store, "aaaa")


def test_long_lists_are_cut_at_ten(plain_store: Store) -> None:
    seed = Seed(plain_store)
    seed.process("1.csv", DecisionKind.TRAINED, warnings=tuple(f"w{n}" for n in range(13)))

    text = sentences(plain_store, "1.csv")

    assert "w9; and 3 more." in text
    assert "w10" not in text


def test_untestable_comparison_gives_its_reason(plain_store: Store) -> None:
    a_year(plain_store)
    found = explain(plain_store, "flights", "m03.csv")
    assert found.decision is not None
    assert found.decision.comparison is not None
    nothing = replace(found.decision.comparison, difference=None, reason="one class")
    changed: Explanation = replace(found, decision=replace(found.decision, comparison=nothing))

    text = "\n".join(to_sentences(changed))

    assert "could not be compared by balanced_accuracy: one class." in text
