"""The watcher finds what has settled, whatever becomes of notices, folders and servers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from calmops_flows.flows.detect import PrefectUnreachableError
from calmops_flows.flows.watching import Announce, Watcher
from calmops_flows.steps.drain import utc_now
from calmops_flows.store.pipelines import delete_pipeline
from calmops_flows.store.store import Store
from tests.servers.ports import free_port
from tests.watching.conftest import Recorder, Time, deaf, declare, touch, turn_for, turn_until

OLD = 1_000_000_000.0


def test_file_is_found_when_every_notice_is_lost(store: Store, folder: Path, now: Time) -> None:
    declare(store, folder)
    seen = Recorder()
    watcher = deaf(store, seen, now)
    turn_for(watcher, now, 5)
    touch(folder / "1.csv", OLD)

    turn_for(watcher, now, 15)

    assert seen.calls == [("p", ["1.csv"])]


def test_told_file_is_told_again_only_after_the_safety_net(
    store: Store, folder: Path, now: Time
) -> None:
    declare(store, folder)
    touch(folder / "1.csv", OLD)
    seen = Recorder()
    watcher = deaf(store, seen, now)

    turn_for(watcher, now, 290)
    before = len(seen.calls)
    turn_for(watcher, now, 40)

    assert before == 1
    assert len(seen.calls) == 2


def test_server_that_is_down_is_asked_ever_more_rarely_until_it_has_all(
    store: Store, folder: Path, now: Time
) -> None:
    declare(store, folder)
    touch(folder / "1.csv", OLD)
    seen = Recorder(failures=5)
    watcher = deaf(store, seen, now)

    turn_for(watcher, now, 14)  # after 1 + 2 + 4 seconds
    early = len(seen.calls)
    touch(folder / "2.csv", OLD)
    turn_for(watcher, now, 60)

    assert early == 4
    assert len(seen.calls) == 6
    assert seen.calls[-1] == ("p", ["1.csv", "2.csv"])


def test_file_that_is_written_waits_until_it_has_settled(
    store: Store, folder: Path, now: Time
) -> None:
    declare(store, folder, source={"settle_seconds": 4})
    touch(folder / "1.csv", now.seconds)
    seen = Recorder()
    watcher = deaf(store, seen, now)

    turn_for(watcher, now, 3.5)
    touch(folder / "1.csv", now.seconds)
    turn_for(watcher, now, 3.5)
    early = list(seen.calls)
    turn_for(watcher, now, 1.5)

    assert early == []
    assert seen.paths == ["1.csv"]


def test_one_failing_pipeline_does_not_hold_up_the_others(
    store: Store, folder: Path, now: Time
) -> None:
    declare(store, folder, "good")
    declare(store, "unknown-kind://somewhere", "bad")
    touch(folder / "1.csv", OLD)
    seen = Recorder()

    turn_for(deaf(store, seen, now), now, 30)

    assert seen.calls == [("good", ["1.csv"])]


def test_pipelines_come_and_go_while_it_watches(store: Store, folder: Path, now: Time) -> None:
    seen = Recorder()
    watcher = deaf(store, seen, now)
    turn_for(watcher, now, 5)
    declare(store, folder)
    turn_for(watcher, now, 15)
    touch(folder / "1.csv", OLD)
    turn_for(watcher, now, 15)
    delete_pipeline(store.database, "p", now=utc_now())
    turn_for(watcher, now, 15)
    touch(folder / "2.csv", OLD)

    turn_for(watcher, now, 30)

    assert seen.paths == ["1.csv"]


def test_pipeline_without_the_trigger_is_watched_only_by_name(
    store: Store, folder: Path, now: Time
) -> None:
    declare(store, folder, triggers={"file_arrival": False})
    touch(folder / "1.csv", OLD)
    unnamed, named = Recorder(), Recorder()

    turn_for(deaf(store, unnamed, now), now, 15)
    watcher = deaf(store, named, now)
    watcher.names = ("p",)
    turn_for(watcher, now, 15)

    assert unnamed.calls == []
    assert named.paths == ["1.csv"]


def test_label_files_wake_a_run_too(store: Store, folder: Path, tmp_path: Path, now: Time) -> None:
    labels = tmp_path / "labels"
    labels.mkdir()
    declare(store, folder, labels={"path": str(labels), "key": "id"})
    touch(labels / "l.csv", OLD)
    seen = Recorder()

    turn_for(deaf(store, seen, now), now, 15)

    assert seen.paths == ["labels:l.csv"]


@pytest.fixture
def bucket() -> Iterator[str]:
    system = fsspec.filesystem("memory")
    system.makedirs("/bucket-of-watch/in", exist_ok=True)
    yield "memory://bucket-of-watch/in"
    system.rm("/bucket-of-watch", recursive=True)


def test_remote_source_is_polled(store: Store, bucket: str, now: Time) -> None:
    declare(store, bucket)
    seen = Recorder()
    watcher = deaf(store, seen, now)
    turn_for(watcher, now, 15)
    fsspec.filesystem("memory").pipe("/bucket-of-watch/in/1.csv", b"a,label\n1,x\n")

    turn_for(watcher, now, 15)

    assert seen.paths == ["1.csv"]


def test_real_notices_tell_of_writes_and_of_renames_into_place(store: Store, folder: Path) -> None:
    declare(store, folder)
    seen = Recorder()
    watcher = Watcher(store, seen, every_seconds=100_000)
    try:
        watcher.turn()
        touch(folder / "1.csv", OLD)
        turn_until(watcher, lambda: "1.csv" in seen.paths, "a written file is noticed")
        touch(folder / ".2.csv.part", OLD)
        (folder / ".2.csv.part").rename(folder / "2.csv")
        turn_until(watcher, lambda: "2.csv" in seen.paths, "a renamed file is noticed")
        (folder / "deeper").mkdir()
        touch(folder / "deeper" / "3.csv", OLD)
        turn_until(watcher, lambda: "deeper/3.csv" in seen.paths, "a new folder is noticed")
    finally:
        watcher.notices.close()

    assert seen.paths == ["1.csv", "2.csv", "deeper/3.csv"]


def test_link_that_leads_back_into_the_folder_is_watched_past(store: Store, folder: Path) -> None:
    (folder / "deeper").mkdir()
    (folder / "deeper" / "round").symlink_to(folder)
    (folder / "itself.csv").symlink_to("itself.csv")
    declare(store, folder)
    seen = Recorder()
    watcher = Watcher(store, seen, every_seconds=100_000)
    try:
        watcher.turn()
        touch(folder / "deeper" / "1.csv", OLD)
        turn_until(watcher, lambda: seen.paths, "a written file is noticed")
    finally:
        watcher.notices.close()

    assert seen.paths == ["deeper/1.csv"]


def test_folder_that_vanishes_and_is_made_again_is_watched_again(
    store: Store, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    declare(store, folder)
    seen = Recorder()
    watcher = Watcher(store, seen, every_seconds=100_000)
    try:
        watcher.turn()
        shutil.rmtree(folder)
        turn_until(watcher, lambda: "is not there" in caplog.text, "the loss is told")
        folder.mkdir()
        touch(folder / "1.csv", OLD)
        turn_until(watcher, lambda: "1.csv" in seen.paths, "the first file is seen")
        watcher.turn()
        touch(folder / "2.csv", OLD)
        turn_until(watcher, lambda: "2.csv" in seen.paths, "notices come from the new folder")
    finally:
        watcher.notices.close()

    assert seen.paths == ["1.csv", "2.csv"]
    assert caplog.text.count("is not there") == 1


def test_refused_notices_are_told_and_cost_only_time(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise OSError("inotify watch limit reached")

    monkeypatch.setattr("watchfiles.watch", refuse)
    declare(store, folder)
    seen = Recorder()
    watcher = Watcher(store, seen, every_seconds=0.2)
    watcher.turn()
    touch(folder / "1.csv", OLD)

    turn_until(watcher, lambda: seen.paths, "the file is seen by looking")

    assert "inotify watch limit reached" in caplog.text


def test_announcing_to_nobody_is_an_error_that_is_tried_again() -> None:
    announce = Announce(f"http://127.0.0.1:{free_port()}/api")

    with pytest.raises(PrefectUnreachableError, match="no Prefect API answers"):
        announce("p", frozenset({("1.csv", "stamp")}))
