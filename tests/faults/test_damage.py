"""Damaged bytes under the store: found before they are used, named, and never run."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from calmops_flows.errors import ArtifactError, CalmopsError, DigestMismatchError
from calmops_flows.settings import Settings
from calmops_flows.steps.models import read_model
from calmops_flows.steps.switch import roll_back
from calmops_flows.store import open_store, registry
from calmops_flows.store.fsck import fsck
from calmops_flows.store.history import history
from calmops_flows.store.pipelines import load_state
from tests.faults.contents import named_artifacts
from tests.steps.conftest import START, Stream, rows
from tests.store_dump import dump

pytestmark = pytest.mark.faults
POSITIONS = 100
DAMAGES = 120


class Poison:
    """Makes the file ``sentinel`` when it is unpickled."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = str(sentinel)

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.sentinel, "w")


@pytest.fixture
def served(stream: Stream) -> Stream:
    """Give a stream whose second version serves, with one file pending."""
    stream.drop("1.csv", rows(1))
    stream.drop("2.csv", rows(2, shift=3.0, sign=-1))
    stream.drain()
    assert load_state(stream.store.database, "stream").champion == 2
    stream.drop("3.csv", rows(3, shift=3.0, sign=-1))
    return stream


def file_of(stream: Stream, digest: str) -> Path:
    return stream.store.settings.home / "artifacts" / "sha256" / digest[:2] / digest


def champion(stream: Stream) -> str:
    return registry.version(stream.store.database, "stream", 2).artifact


def test_one_bit_at_each_of_100_positions_is_found_in_every_artifact(served: Stream) -> None:
    digests = sorted(named_artifacts(served.store))
    found = []

    for digest in digests:
        file = file_of(served, digest)
        content = file.read_bytes()
        for position in np.linspace(0, len(content) - 1, POSITIONS).astype(int):
            changed = bytearray(content)
            changed[position] ^= 1 << (position % 8)
            file.write_bytes(changed)
            with pytest.raises(DigestMismatchError, match=digest[:12]):
                served.store.artifacts.get(digest)
            found.append(position)
        file.write_bytes(content)

    assert len(digests) >= 8
    assert len(found) == POSITIONS * len(digests)
    assert fsck(served.store, now=START) == ()


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[: len(content) // 2],
    "emptied": lambda _: b"",
    "grown": lambda content: content + b"\0",
    "zeroed": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_champion_is_named_and_the_version_before_can_serve(
    served: Stream, change: str
) -> None:
    digest = champion(served)
    file = file_of(served, digest)
    file.write_bytes(CHANGES[change](file.read_bytes()))

    with pytest.raises(DigestMismatchError, match=digest[:12]):
        served.drain()
    (finding,) = fsck(served.store, now=START)
    roll_back(served.store, "stream", now=datetime.now(UTC))
    outcomes = served.drain().outcomes

    assert (finding.check, finding.where) == ("artifact_changed", digest)
    assert [o.snapshot for o in outcomes] == ["3.csv"]


def test_each_missing_artifact_is_named_and_costs_no_attempt(served: Stream) -> None:
    """Whatever is gone: the run says so or does without it, and goes on when it is back."""
    served.drain()
    digests, refused = sorted(named_artifacts(served.store)), []
    for number, digest in enumerate(digests):
        file = file_of(served, digest)
        aside = file.with_suffix(".aside")
        file.rename(aside)
        served.drop(f"later{number}.csv", rows(10 + number, shift=3.0, sign=-1))
        found = {finding.where for finding in fsck(served.store, now=START)}
        try:
            served.drain()
        except ArtifactError as err:
            refused.append((digest, digest[:12] in str(err)))
        aside.rename(file)
        assert found == {digest}
        served.drain()

    assert (champion(served), True) in refused
    assert all(is_named for _, is_named in refused)
    assert [o.state for o in served.history()] == ["processed"] * (3 + len(digests))


def test_poison_in_the_place_of_any_artifact_is_never_run(served: Stream, tmp_path: Path) -> None:
    sentinel = tmp_path / "sentinel"
    poison = pickle.dumps(Poison(sentinel))
    digests = sorted(named_artifacts(served.store))
    for digest in digests:
        file_of(served, digest).write_bytes(poison)

    with pytest.raises(DigestMismatchError):
        served.drain()
    found = fsck(served.store, now=START)
    with pytest.raises(CalmopsError):
        roll_back(served.store, "stream", now=datetime.now(UTC))

    assert {finding.where for finding in found} == set(digests)
    assert not sentinel.exists()
    pickle.loads(poison).close()
    assert sentinel.exists(), "the poison would have worked"


def test_artifact_swapped_while_it_is_read_is_itself_or_refused(
    served: Stream, tmp_path: Path
) -> None:
    """Somebody replaces the file all the time: what is unpickled is what was hashed."""
    sentinel, digest = tmp_path / "sentinel", champion(served)
    file = file_of(served, digest)
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(file.read_bytes())
    bad.write_bytes(pickle.dumps(Poison(sentinel)))
    told = {"loaded": 0, "refused": 0}

    with swapping(file, good, bad):
        while min(told.values()) < 20:
            try:
                model = read_model(served.store.artifacts, digest)
            except DigestMismatchError:
                told["refused"] += 1
            else:
                told["loaded"] += 1
                assert hasattr(model["model"], "predict")

    assert not sentinel.exists()


class swapping:  # noqa: N801 - reads as a statement
    """Replaces ``file`` by one of two others, by rename, until the block ends."""

    def __init__(self, file: Path, *others: Path) -> None:
        self._file, self._others = file, others
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._swap)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _swap(self) -> None:
        while not self._stop.is_set():
            for other in self._others:
                link = self._file.with_suffix(".link")
                os.link(other, link)
                link.replace(self._file)


def damaged_databases(home: Path, folder: Path) -> Iterator[Path]:
    """Yield copies of a home whose database file is cut, zeroed or flipped somewhere."""
    content = (home / "calmops.db").read_bytes()
    rng = np.random.default_rng(3)
    for number in range(DAMAGES):
        at = int(rng.integers(0, len(content)))
        size = int(rng.integers(1, 4096))
        kind = ("flipped", "zeroed", "cut", "noise")[number % 4]
        changed = {
            "flipped": content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :],
            "zeroed": content[:at] + bytes(size) + content[at + size :],
            "cut": content[:at],
            "noise": content[:at] + rng.bytes(size) + content[at + size :],
        }[kind]
        twin = folder / f"{number}"
        twin.mkdir()
        (twin / "artifacts").symlink_to(home / "artifacts")
        (twin / "calmops.db").write_bytes(changed[: len(content)])
        yield twin


def test_damaged_database_is_a_typed_error_a_finding_or_readable(
    served: Stream, tmp_path: Path
) -> None:
    """A value that changed within a row and still reads is noticed in the audit log only."""
    expected = dump(served.store.database)
    home = served.store.settings.home
    with closing(sqlite3.connect(home / "calmops.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    told = dict.fromkeys(("refused", "found", "harmless", "other value"), 0)
    copies = tmp_path / "copies"
    copies.mkdir()

    for twin in damaged_databases(home, copies):
        try:
            with open_store(Settings(home=twin), create=False) as store:
                found = fsck(store, now=START)
                same = bool(found) or dump(store.database) == expected
                history(store.database, "stream")
        except CalmopsError:
            told["refused"] += 1
        else:
            told["found" if found else "harmless" if same else "other value"] += 1
        shutil.rmtree(twin)

    assert told["refused"] + told["found"] > DAMAGES // 4
    assert told["other value"] < DAMAGES // 10
