"""Replay a soak's chronicle and name everything that the project promises and was not kept.

It knows nothing of the package: what must hold is computed from the arrivals and from the audit
log alone.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

from tests.soak.chronicle import Chronicle, Entry, payload_of

GENESIS = "0" * 64
DIGITS = 16


def broken_promises(chronicle: Chronicle) -> list[str]:
    """Return one sentence for each promise that was not kept; empty when all were."""
    return [broken for check in CHECKS for broken in check(chronicle)]


def nothing_is_lost(chronicle: Chronicle) -> Iterator[str]:
    """Each good content that stands under a name was processed; nothing is left over."""
    processed = set(chronicle.ending.processed)
    for name, last in chronicle.standing().items():
        if last.is_good and last.digest not in processed:
            yield f"lost: {name} ({last.digest[:12]}) was never processed"
    pending = [digest for digest, state in chronicle.ending.states if state == "pending"]
    if pending:
        yield f"left over: {len(pending)} snapshots are pending at the end"


def nothing_is_doubled(chronicle: Chronicle) -> Iterator[str]:
    """No content has two outcomes, and the audit log tells each outcome once."""
    for digest, n in Counter(chronicle.ending.processed).items():
        if n > 1:
            yield f"doubled: {digest[:12]} has {n} outcomes"
    told = Counter(
        payload_of(entry)["digest"] for entry in chronicle.ending.audit if entry.kind == "processed"
    )
    if told != Counter(chronicle.ending.processed):
        yield "the audit log does not tell each outcome exactly once"


def nothing_is_invented(chronicle: Chronicle) -> Iterator[str]:
    """Only contents that were there are in the ledger, and no bad one was processed."""
    known = {arrival.digest: arrival for arrival in chronicle.arrivals}
    for digest, _ in chronicle.ending.states:
        if digest not in known:
            yield f"invented: nobody wrote {digest[:12]}"
    for digest in chronicle.ending.processed:
        if digest in known and not known[digest].is_good:
            yield f"{known[digest].name} ({digest[:12]}) is no good file and was processed"


def versions_only_grow(chronicle: Chronicle) -> Iterator[str]:
    """No look saw fewer versions or outcomes than the one before; versions have no gap."""
    for before, after in pairwise(chronicle.looks):
        if after.newest < before.newest:
            yield f"the newest version fell from {before.newest} to {after.newest}"
        if after.n_outcomes < before.n_outcomes:
            yield f"the outcomes fell from {before.n_outcomes} to {after.n_outcomes}"
    versions = chronicle.ending.versions
    if versions != tuple(range(1, len(versions) + 1)):
        yield f"the versions have gaps: {versions}"


def champion_is_valid_at_every_instant(chronicle: Chronicle) -> Iterator[str]:
    """Pointer and mark agree, the version is there, its bytes are whole, and it stays served."""
    had_one = False
    for look in chronicle.looks:
        expected = () if look.champion is None else (look.champion,)
        if look.marked != expected:
            yield f"version {look.champion} is served, and marked are {look.marked}"
        if (look.champion or 0) > look.newest:
            yield f"version {look.champion} is served, and the newest is {look.newest}"
        if not look.is_champion_whole:
            yield f"the bytes of version {look.champion} were not whole while it was served"
        if had_one and look.champion is None:
            yield "there was a champion, and then none"
        had_one = had_one or look.champion is not None


def champions_follow_the_audit_log(chronicle: Chronicle) -> Iterator[str]:
    """What the looks saw, in their order, is what the audit log tells, in its order."""
    told = changes(named_champion(entry) for entry in told_champions(chronicle.ending.audit))
    seen = changes(look.champion for look in chronicle.looks if look.champion is not None)
    if told[-1:] != changes([chronicle.ending.champion])[-1:]:
        yield f"version {chronicle.ending.champion} serves; the audit log ends with {told[-1:]}"
    rest = iter(told)
    if not all(any(one == other for other in rest) for one in seen):
        yield f"champions were seen as {seen}, and the audit log tells {told}"


def everything_is_predicted_once(chronicle: Chronicle) -> Iterator[str]:
    """Each outcome that met a champion has its predictions, in the store and exported, once."""
    due, champion = [], None
    for entry in told_champions(chronicle.ending.audit):
        if entry.kind == "processed" and champion is not None:
            due.append(payload_of(entry)["digest"])
        champion = named_champion(entry)
    predicted, exports = chronicle.ending.predicted, chronicle.ending.exports
    if Counter(predicted) != Counter(due):
        yield f"{len(due)} outcomes met a champion, {len(predicted)} have predictions"
    files = Counter(name.removesuffix(".parquet")[-DIGITS:] for name in exports)
    if files != Counter(digest[:DIGITS] for digest in due):
        yield f"{len(due)} outcomes met a champion, {len(exports)} files were exported"


def audit_chain_holds(chronicle: Chronicle) -> Iterator[str]:
    """Every entry of the audit log hashes right, after the one before it."""
    previous = GENESIS
    for position, entry in enumerate(chronicle.ending.audit, start=1):
        found = (entry.position, entry.previous_hash, entry.hash)
        if found != (position, previous, entry_hash(chronicle.pipeline, previous, entry)):
            yield f"the audit chain breaks at entry {position}"
            return
        previous = entry.hash


def nothing_is_left_behind(chronicle: Chronicle) -> Iterator[str]:
    """No message waits, nobody holds the pipeline, and ``fsck`` has nothing to say."""
    if chronicle.ending.undelivered:
        yield f"{chronicle.ending.undelivered} messages are not delivered"
    if set(chronicle.ending.tokens) != {None}:
        yield "somebody still holds the pipeline"
    yield from (f"fsck: {finding}" for finding in chronicle.ending.findings)


CHECKS: tuple[Callable[[Chronicle], Iterator[str]], ...] = (
    nothing_is_lost,
    nothing_is_doubled,
    nothing_is_invented,
    versions_only_grow,
    champion_is_valid_at_every_instant,
    champions_follow_the_audit_log,
    everything_is_predicted_once,
    audit_chain_holds,
    nothing_is_left_behind,
)


def told_champions(audit: tuple[Entry, ...]) -> list[Entry]:
    """Return the entries that say which version serves."""
    return [entry for entry in audit if "champion" in payload_of(entry)]


def named_champion(entry: Entry) -> int | None:
    """Return the version that serves after an entry."""
    found: int | None = payload_of(entry)["champion"]
    return found


def changes(values: Iterator[int | None] | list[int | None]) -> list[int]:
    """Return a sequence without repeats in a row and without None."""
    found: list[int] = []
    for value in values:
        if value is not None and found[-1:] != [value]:
            found.append(value)
    return found


def entry_hash(pipeline: str, previous: str, entry: Entry) -> str:
    """Return the sha256 that an audit entry must have: over its fields and the hash before it."""
    parts = [previous, pipeline, entry.position, entry.at, entry.kind, entry.payload]
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
