"""The checker of the soak can fail: each doctored history is named for what was done to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.soak.checker import CHECKS, GENESIS, broken_promises, entry_hash
from tests.soak.chronicle import Arrival, Chronicle, Ending, Entry, Look

DIGESTS = {name: hashlib.sha256(name.encode()).hexdigest() for name in "abcdefg"}


def chained(*told: tuple[str, dict[str, object]]) -> tuple[Entry, ...]:
    """Return audit entries with the hashes that they must have."""
    previous, found = GENESIS, []
    for position, (kind, payload) in enumerate(told, start=1):
        bare = Entry(position, "2013", kind, json.dumps(payload), previous, "")
        entry = replace(bare, hash=entry_hash("soak", previous, bare))
        found.append(entry)
        previous = entry.hash
    return tuple(found)


def processed(name: str, champion: int) -> tuple[str, dict[str, object]]:
    return "processed", {"digest": DIGESTS[name], "champion": champion}


def honest() -> Chronicle:
    """Return a history in which every promise was kept: one file was bad, one a copy."""
    a, b, c, bad = (DIGESTS[name] for name in "abcg")
    return Chronicle(
        "soak",
        arrivals=(
            Arrival("1.csv", a, is_good=True),
            Arrival("2.csv", b, is_good=True),
            Arrival("copy.csv", b, is_good=True),
            Arrival("bad.csv", bad, is_good=False),
            Arrival("3.csv", DIGESTS["d"], is_good=False, is_whole=False),
            Arrival("3.csv", c, is_good=True),
        ),
        looks=(
            Look(None, (), 0, 0),
            Look(1, (1,), 1, 1),
            Look(2, (2,), 2, 2),
            Look(1, (1,), 2, 2),
            Look(1, (1,), 2, 3),
        ),
        ending=Ending(
            states=((a, "processed"), (b, "processed"), (c, "processed"), (bad, "quarantined")),
            processed=(a, b, c),
            versions=(1, 2),
            champion=1,
            audit=chained(
                ("applied", {}),
                processed("a", 1),
                processed("b", 2),
                ("rolled_back", {"champion": 1}),
                processed("c", 1),
            ),
            predicted=(b, c),
            exports=(f"2-{b[:16]}.parquet", f"3-{c[:16]}.parquet"),
            undelivered=0,
            tokens=(None,),
        ),
    )


def ending(**changes: object) -> Callable[[Chronicle], Chronicle]:
    return lambda told: replace(told, ending=replace(told.ending, **changes))  # type: ignore[arg-type]


def look(*looks: Look) -> Callable[[Chronicle], Chronicle]:
    return lambda told: replace(told, looks=(*told.looks, *looks))


def edited(told: Chronicle) -> Chronicle:
    audit = list(told.ending.audit)
    audit[2] = replace(audit[2], payload=audit[2].payload.replace('"champion": 2', '"champion": 1'))
    return ending(audit=tuple(audit))(told)


def without(name: str, *fields: str) -> Callable[[Chronicle], Chronicle]:
    def cut(told: Chronicle) -> Chronicle:
        changes = {
            field: tuple(
                one for one in getattr(told.ending, field) if DIGESTS[name][:16] not in one
            )
            for field in fields
        }
        return ending(**changes)(told)

    return cut


a, b, c = (DIGESTS[name] for name in "abc")
ENTRIES = honest().ending.audit
DOCTORED: dict[str, tuple[Callable[[Chronicle], Chronicle], str]] = {
    "an outcome vanished": (without("c", "processed"), "lost: 3.csv"),
    "one is still pending": (
        ending(states=((a, "processed"), (b, "pending"))),
        "1 snapshots are pending",
    ),
    "one has two outcomes": (ending(processed=(a, b, b, c)), "has 2 outcomes"),
    "the log tells one twice": (
        ending(audit=chained(processed("a", 1), processed("a", 1))),
        "each outcome exactly once",
    ),
    "a stranger is in the ledger": (ending(states=((DIGESTS["e"], "processed"),)), "invented"),
    "a bad file was learnt from": (
        ending(processed=(a, b, c, DIGESTS["g"])),
        "is no good file",
    ),
    "a prefix was learnt from": (ending(processed=(a, b, c, DIGESTS["d"])), "is no good file"),
    "versions fell": (look(Look(1, (1,), 1, 3)), "fell from 2 to 1"),
    "outcomes fell": (look(Look(1, (1,), 2, 2)), "outcomes fell"),
    "versions have a gap": (ending(versions=(1, 3)), "gaps"),
    "two are marked": (look(Look(1, (1, 2), 2, 3)), "marked are (1, 2)"),
    "the champion went": (look(Look(None, (), 2, 3)), "and then none"),
    "the champion is not there": (look(Look(9, (9,), 2, 3)), "the newest is 2"),
    "the champion was half written": (
        look(Look(1, (1,), 2, 3, is_champion_whole=False)),
        "were not whole",
    ),
    "a champion that the log never named": (look(Look(2, (2,), 2, 3)), "champions were seen as"),
    "the log ends with another champion": (ending(champion=2), "the audit log ends with"),
    "predictions vanished": (without("c", "predicted"), "1 have predictions"),
    "an export vanished": (without("b", "exports"), "1 files were exported"),
    "an audit entry was edited": (edited, "breaks at entry 3"),
    "an audit entry was cut out": (ending(audit=ENTRIES[:1] + ENTRIES[2:]), "breaks at entry 2"),
    "a message waits": (ending(undelivered=2), "2 messages"),
    "somebody holds the lease": (ending(tokens=("x",)), "holds the pipeline"),
    "fsck found something": (ending(findings=("orphan",)), "fsck: orphan"),
}


def test_honest_history_keeps_every_promise() -> None:
    assert broken_promises(honest()) == []


@pytest.mark.parametrize("what", DOCTORED)
def test_doctored_history_is_found_out(what: str) -> None:
    doctor, words = DOCTORED[what]

    found = broken_promises(doctor(honest()))

    assert any(words in sentence for sentence in found), found


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: str(check.__name__))
def test_every_check_finds_something_in_some_history(check: Callable[[Chronicle], object]) -> None:
    assert any(list(check(doctor(honest()))) for doctor, _ in DOCTORED.values())  # type: ignore[call-overload]
