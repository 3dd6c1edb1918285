"""Discovery, settling and private copies: no file is lost, doubled or taken half."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calmops_flows.data import local, remote, source, stream
from calmops_flows.data.arrivals import Scan, Seen, decode_path, encode_path, stamp_key
from calmops_flows.data.batch import Limits
from calmops_flows.data.source import (
    fingerprint,
    order_key,
    scan,
    smallest_value,
    take,
)
from calmops_flows.errors import MissingExtraError, NotReadyError, SnapshotError, SpecError
from calmops_flows.spec import SourceSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LATER = 100.0
ODD_NAMES = (
    "comma, name.csv",
    "line\nbreak.csv",
    "\"double\" and 'single'.csv",
    "emoji \N{PARTY POPPER}.csv",
    "-rf.csv",
    "100%.csv",
    "%E9.csv",
    "x" * 251 + ".csv",
    b"caf\xe9.csv".decode("utf-8", "surrogateescape"),
)


def put(folder: Path, name: str, content: bytes = b"a,b\n1,2\n") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def look(folder: Path, known: dict[str, int] | None = None, **how: object) -> Scan:
    """Scan a folder long after everything in it has settled."""
    spec = SourceSpec.model_validate({"path": str(folder), **how})
    return scan(spec, known or {}, now=time.time() + LATER)


def paths(found: tuple[Seen, ...]) -> list[str]:
    return [seen.path for seen in found]


def remember(found: Scan) -> dict[str, int]:
    return {seen.path: stamp_key(seen.stamp) for seen in found.new}


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    folder = tmp_path / "copies"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_name_is_found_once_and_taken(inbox: Path, copies: Path, name: str) -> None:
    put(inbox, name)

    first = look(inbox)
    taken = take(SourceSpec(path=str(inbox)), first.new[0].path, copies)
    again = look(inbox, remember(first))

    assert decode_path(first.new[0].path) == name
    first.new[0].path.encode("utf-8")
    assert taken.digest == hashlib.sha256(b"a,b\n1,2\n").hexdigest()
    assert taken.stamp == first.new[0].stamp
    assert again == Scan()


@given(st.binary(min_size=1, max_size=30))
def test_any_bytes_of_a_name_survive_the_stored_form(raw: bytes) -> None:
    name = raw.decode("utf-8", "surrogateescape")

    stored = encode_path(name)

    stored.encode("utf-8")
    assert decode_path(stored) == name


def test_stored_name_of_a_data_file_never_looks_like_that_of_a_label_file() -> None:
    names = ["labels:x.csv", "labels:", "labels%3Ax.csv", "my/labels:x.csv", "labels::"]

    stored = [encode_path(name) for name in names]

    assert [decode_path(path) for path in stored] == names
    assert not any(path.startswith("labels:") for path in stored)
    assert stored[3] == names[3]


def test_file_rewritten_within_the_same_second_comes_again(inbox: Path) -> None:
    path = put(inbox, "a.csv", b"a\n1\n")
    known = remember(look(inbox))

    _later(lambda: path.write_bytes(b"a\n2\n"))

    assert paths(look(inbox, known).new) == ["a.csv"]


def test_file_replaced_by_one_with_an_older_time_comes_again(inbox: Path, tmp_path: Path) -> None:
    path = put(inbox, "a.csv", b"a\n1\n")
    known = remember(look(inbox))
    old = put(tmp_path, "old", b"a\n2\n")
    os.utime(old, ns=(1, path.stat().st_mtime_ns))

    os.replace(old, path)  # noqa: PTH105 - what rsync and restores do

    assert paths(look(inbox, known).new) == ["a.csv"]


def test_touch_that_restores_the_time_still_comes_again(inbox: Path) -> None:
    path = put(inbox, "a.csv", b"a\n1\n")
    before = path.stat().st_mtime_ns
    known = remember(look(inbox))

    _later(lambda: path.write_bytes(b"a\n2\n"))
    os.utime(path, ns=(before, before))

    assert paths(look(inbox, known).new) == ["a.csv"]


def test_copy_under_another_name_has_the_same_digest(inbox: Path) -> None:
    put(inbox, "a.csv")
    put(inbox, "b.csv")
    spec = SourceSpec(path=str(inbox))

    assert fingerprint(spec, "a.csv").digest == fingerprint(spec, "b.csv").digest
    assert fingerprint(spec, "a.csv").path is None


def test_file_renamed_into_place_is_new_and_its_old_name_forgotten(inbox: Path) -> None:
    path = put(inbox, "a.csv.part")

    hidden = look(inbox)
    path.rename(inbox / "a.csv")

    assert hidden == Scan()
    assert paths(look(inbox).new) == ["a.csv"]


@pytest.mark.parametrize(
    "name", [".hidden.csv", "a.csv.tmp", "a.csv.PART", "a.csv~", ".~lock.a.csv#", "~$a.xlsx"]
)
def test_temporary_and_hidden_names_are_not_there(inbox: Path, name: str) -> None:
    put(inbox, name)

    assert look(inbox) == Scan()


def test_file_waits_until_it_is_left_alone_for_the_settle_time(inbox: Path) -> None:
    path = put(inbox, "a.csv")
    spec = SourceSpec(path=str(inbox), settle_seconds=5)
    modified = path.stat().st_mtime

    early = scan(spec, {}, now=modified + 4.9)
    late = scan(spec, {}, now=modified + 5.1)

    assert (paths(early.waiting), early.new) == (["a.csv"], ())
    assert (late.waiting, paths(late.new)) == ((), ["a.csv"])


def test_file_from_the_future_settles_by_its_status_change(inbox: Path) -> None:
    path = put(inbox, "a.csv")
    os.utime(path, (2**33, 2**33))
    spec = SourceSpec(path=str(inbox), settle_seconds=5)
    changed = path.stat().st_ctime

    assert paths(scan(spec, {}, now=changed + 1).waiting) == ["a.csv"]
    assert paths(scan(spec, {}, now=changed + 6).new) == ["a.csv"]
    assert paths(scan(spec, {}, now=changed - 10_000).new) == ["a.csv"]


def test_known_file_that_grows_waits_again(inbox: Path) -> None:
    path = put(inbox, "a.csv")
    known = remember(look(inbox))
    with path.open("ab") as out:
        out.write(b"3,4\n")

    found = scan(SourceSpec(path=str(inbox), settle_seconds=9), known, now=path.stat().st_mtime)

    assert (found.new, paths(found.waiting)) == ((), ["a.csv"])


@pytest.mark.parametrize("pattern", ["*", "*.csv", "**/*.csv", "**"])
def test_links_that_go_round_in_circles_are_not_followed(inbox: Path, pattern: str) -> None:
    put(inbox, "day/part.csv")
    (inbox / "day" / "round.csv").symlink_to(inbox)
    (inbox / "day" / "deeper.csv").symlink_to(inbox / "day" / "deeper.csv" / "deeper.csv")
    (inbox / "there.csv").symlink_to(inbox / "back.csv")
    (inbox / "back.csv").symlink_to(inbox / "there.csv")
    (inbox / "itself.csv").symlink_to("itself.csv")

    found = look(inbox, pattern=pattern)

    assert paths(found.new) == ["day/part.csv"]
    assert {path for path, _ in found.skipped} == {
        "back.csv",
        "day/deeper.csv",
        "day/round.csv",
        "itself.csv",
        "there.csv",
    }
    assert all(why.startswith("symlink") for _, why in found.skipped)


def test_links_pipes_sockets_and_folders_are_skipped_with_a_reason(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = put(tmp_path, "outside.csv")
    inside = put(inbox, "real.csv")
    (inbox / "out.csv").symlink_to(outside)
    (inbox / "in.csv").symlink_to(inside)
    (inbox / "loose.csv").symlink_to(tmp_path / "nowhere")
    (inbox / "folder-link").symlink_to(tmp_path)
    (inbox / "folder.csv").mkdir()
    put(inbox, "folder.csv/part.csv")
    os.mkfifo(inbox / "pipe.csv")
    monkeypatch.chdir(inbox)  # a socket's whole path may have 108 bytes only
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("sock.csv")

        found = look(inbox)

    assert paths(found.new) == ["real.csv"]
    assert dict(found.skipped) == {
        "folder-link": "symlink out of the source",
        "folder.csv": "a folder with the name of a file",
        "in.csv": "symlink to another file of the source",
        "loose.csv": "symlink out of the source",
        "out.csv": "symlink out of the source",
        "pipe.csv": "fifo",
        "sock.csv": "socket",
    }


def test_device_is_skipped_with_a_reason() -> None:
    found = look(Path("/dev"), pattern="null")

    assert found.new == ()
    assert dict(found.skipped)["null"] == "device"


def test_sparse_and_oversized_files_are_skipped_with_a_reason(inbox: Path) -> None:
    with (inbox / "sparse.csv").open("wb") as out:
        out.truncate(2**40)
    put(inbox, "large.csv", b"x" * 200)

    found = scan(
        SourceSpec(path=str(inbox)), {}, now=time.time() + LATER, limits=Limits(max_file_bytes=100)
    )

    reasons = dict(found.skipped)
    assert found.new == ()
    assert reasons["sparse.csv"].startswith("sparse: 1099511627776 bytes")
    assert reasons["large.csv"] == "200 bytes are over the limit of 100"


def test_folders_are_searched_and_the_pattern_chooses(inbox: Path) -> None:
    for name in ("a.csv", "2024/b.csv", "2024/01/c.csv", "2024/d.parquet"):
        put(inbox, name)

    assert paths(look(inbox).new) == ["2024/01/c.csv", "2024/b.csv", "2024/d.parquet", "a.csv"]
    assert paths(look(inbox, pattern="*.parquet").new) == ["2024/d.parquet"]
    assert paths(look(inbox, pattern="**/*.csv").new) == paths(look(inbox, pattern="*.csv").new)
    assert paths(look(inbox, pattern="2024/*").new) == [
        "2024/01/c.csv",
        "2024/b.csv",
        "2024/d.parquet",
    ]


def test_names_are_ordered_as_people_count(inbox: Path) -> None:
    for name in ("part10.csv", "part2.csv", "part1.csv", "2.csv", "a2b3.csv", "a2b.csv"):
        put(inbox, name)

    assert paths(look(inbox).new) == [
        "2.csv",
        "a2b3.csv",
        "a2b.csv",
        "part1.csv",
        "part2.csv",
        "part10.csv",
    ]


def test_order_by_time_follows_the_files_times(inbox: Path) -> None:
    for age, name in enumerate(("a.csv", "c.csv", "b.csv")):
        os.utime(put(inbox, name), (1_000 - age, 1_000 - age))

    assert paths(look(inbox, order="modified").new) == ["b.csv", "c.csv", "a.csv"]


@given(st.lists(st.text("a01.²٣/", min_size=1, max_size=6), min_size=2, max_size=6))
def test_any_two_names_can_be_compared(names: list[str]) -> None:
    spec = SourceSpec(path="x")
    keys = [order_key(spec, Seen(name, 0, "", 0.0)) for name in names]

    assert len(sorted(keys)) == len(names)


def test_source_that_does_not_exist_says_so(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"source.path must be a folder.*create it first"):
        look(tmp_path / "absent")


def test_file_url_is_the_same_as_its_folder(inbox: Path) -> None:
    put(inbox, "with space.csv")
    spec = SourceSpec(path=inbox.as_uri())

    found = scan(spec, {}, now=time.time() + LATER)

    assert paths(found.new) == ["with space.csv"]
    assert found == look(inbox)


def test_unknown_url_and_missing_package_are_named() -> None:
    with pytest.raises(SpecError, match="unknown kind of URL, 'nosuch'"):
        scan(SourceSpec(path="nosuch://x/y"), {}, now=0)
    with pytest.raises(MissingExtraError, match=r"calmops-flows\[abfs\]"):
        scan(SourceSpec(path="abfs://x/y"), {}, now=0)


def replacing(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something happen to the file after its first bytes were read."""
    real = stream.digest_of

    def digest(read: Callable[[int], bytes], out: object, expected: int) -> tuple[str, int]:
        act()
        return real(read, out, expected)  # type: ignore[arg-type]

    for module in (source, remote):
        monkeypatch.setattr(module, "digest_of", digest)


@pytest.mark.parametrize("change", ["append", "truncate", "replace", "delete", "same size"])
def test_file_changed_while_it_is_taken_is_not_ready(
    inbox: Path, copies: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path = put(inbox, "a.csv", b"a\n1\n")
    other = put(inbox, ".other", b"a\n1\n")
    acts: dict[str, Callable[[], object]] = {
        "append": lambda: _append(path),
        "truncate": lambda: os.truncate(path, 2),
        "replace": lambda: other.replace(path),
        "delete": path.unlink,
        "same size": lambda: path.write_bytes(b"a\n2\n"),
    }
    replacing(monkeypatch, lambda: _later(acts[change]))

    with pytest.raises(NotReadyError, match="changed_while_read"):
        take(SourceSpec(path=str(inbox)), "a.csv", copies)

    assert list(copies.iterdir()) == []


def _later(act: Callable[[], object]) -> None:
    """Act a tick of the file system's clock later."""
    time.sleep(0.02)
    act()


def _append(path: Path) -> None:
    with path.open("ab") as out:
        out.write(b"2\n")


def test_file_that_grows_while_it_is_read_ends_and_is_not_ready(
    inbox: Path, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(inbox, "a.csv", b"x" * 3_000_000)
    has_grown, stop = threading.Event(), threading.Event()

    def grow() -> None:
        with path.open("ab", buffering=0) as out:
            while not stop.is_set():
                out.write(b"y" * 10_000)
                has_grown.set()

    writer = threading.Thread(target=grow)

    def start_growing() -> None:
        writer.start()
        has_grown.wait()

    replacing(monkeypatch, start_growing)
    try:
        with pytest.raises(NotReadyError, match="changed_while_read"):
            take(SourceSpec(path=str(inbox)), "a.csv", copies)
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ("../outside.csv", "path_outside"),
        ("/etc/hostname", "path_outside"),
        ("a/../a.csv", "path_outside"),
        ("", "path_outside"),
        ("a%00.csv", "path_outside"),
        ("out.csv", "symlink"),
        ("linked/outside.csv", "symlink"),
        ("round/round/real.csv", "symlink"),
        ("itself.csv", "symlink"),
        ("pipe.csv", "not_a_file"),
        ("folder.csv", "not_a_file"),
        ("gone.csv", "vanished"),
    ],
)
def test_take_reads_plain_files_below_the_source_only(
    inbox: Path, copies: Path, stored: str, reason: str
) -> None:
    outside = put(inbox.parent, "outside.csv")
    (inbox / "out.csv").symlink_to(outside)
    (inbox / "linked").symlink_to(inbox.parent)
    (inbox / "round").symlink_to(inbox)
    (inbox / "itself.csv").symlink_to("itself.csv")
    put(inbox, "real.csv")
    (inbox / "folder.csv").mkdir()
    os.mkfifo(inbox / "pipe.csv")

    with pytest.raises(SnapshotError) as caught:
        take(SourceSpec(path=str(inbox)), stored, copies)

    assert caught.value.reason == reason
    assert list(copies.iterdir()) == []


def test_take_refuses_a_file_over_the_limit_unread(inbox: Path, copies: Path) -> None:
    put(inbox, "a.csv", b"x" * 100)

    with pytest.raises(SnapshotError, match="too_large: 100 bytes"):
        take(SourceSpec(path=str(inbox)), "a.csv", copies, limits=Limits(max_file_bytes=99))


def test_many_known_files_cost_no_record_each(inbox: Path) -> None:
    for number in range(2_000):
        put(inbox, f"{number}.csv", b"")
    known = remember(look(inbox))
    put(inbox, "new.csv")

    found = look(inbox, known)

    assert paths(found.new) == ["new.csv"]
    assert all(isinstance(key, int) and -(2**63) <= key < 2**63 for key in known.values())


def test_known_file_lends_its_stamp_to_no_other_name(inbox: Path) -> None:
    """A second link to its bytes, named as the first one is stored, is a file of its own."""
    first = put(inbox, "100%.csv")
    known = remember(look(inbox))
    (inbox / "100%25.csv").hardlink_to(first)
    known["100%25.csv"] = stamp_key(local.stamp_of(first.stat()))

    found = look(inbox, known)

    assert paths(found.new) == ["100%2525.csv"]


@pytest.mark.parametrize("change", ["grown", "touched", "gone over the limit", "now a link"])
def test_known_file_is_passed_over_only_while_nothing_about_it_changes(
    inbox: Path, tmp_path: Path, change: str
) -> None:
    file = put(inbox, "deep/a.csv", b"x" * 100)
    put(inbox, "deep/b.csv")
    known = remember(look(inbox))
    most = 1000
    if change == "grown":
        file.write_bytes(b"x" * 200)
    elif change == "touched":
        os.utime(file, (1, 1))
    elif change == "gone over the limit":
        most = 50
    else:
        file.rename(tmp_path / "a.csv")
        file.symlink_to(tmp_path / "a.csv")

    spec = SourceSpec(path=str(inbox))
    found = scan(spec, known, now=time.time() + LATER, limits=Limits(max_file_bytes=most))

    seen = paths(found.new) + [path for path, _ in found.skipped]
    assert seen == ["deep/a.csv"]


@pytest.fixture
def bucket() -> Iterator[str]:
    system = fsspec.filesystem("memory")
    yield "memory://bucket/in"
    if system.exists("/bucket"):
        system.rm("/bucket", recursive=True)


def test_remote_files_are_found_taken_and_seen_again_when_rewritten(
    bucket: str, copies: Path
) -> None:
    system = fsspec.filesystem("memory")
    system.pipe("/bucket/in/2024/a.csv", b"a\n1\n")
    system.pipe("/bucket/in/b 100%.csv", b"a\n2\n")
    system.pipe("/bucket/in/.hidden/c.csv", b"a\n2\n")
    spec = SourceSpec(path=bucket, pattern="*.csv")
    now = time.time() + LATER

    first = scan(spec, {}, now=now)
    taken = take(spec, first.new[1].path, copies)
    system.pipe("/bucket/in/2024/a.csv", b"a\n3\n")
    again = scan(spec, remember(first), now=now)

    assert paths(first.new) == ["2024/a.csv", "b 100%25.csv"]
    assert taken.path is not None
    assert taken.path.read_bytes() == b"a\n2\n"
    assert fingerprint(spec, first.new[1].path).digest == taken.digest
    assert paths(again.new) == ["2024/a.csv"]


def test_remote_file_just_written_waits_and_a_missing_one_is_not_ready(
    bucket: str, copies: Path
) -> None:
    fsspec.filesystem("memory").pipe("/bucket/in/a.csv", b"a\n1\n")
    spec = SourceSpec(path=bucket, settle_seconds=60)

    assert paths(scan(spec, {}, now=time.time()).waiting) == ["a.csv"]
    with pytest.raises(NotReadyError, match="vanished"):
        take(spec, "absent.csv", copies)
    with pytest.raises(SnapshotError, match="path_outside"):
        take(spec, "../../a.csv", copies)


def test_remote_file_changed_while_it_is_taken_is_not_ready(
    bucket: str, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = fsspec.filesystem("memory")
    system.pipe("/bucket/in/a.csv", b"a\n1\n")
    replacing(monkeypatch, lambda: system.pipe("/bucket/in/a.csv", b"a\n2\n"))

    with pytest.raises(NotReadyError, match="changed_while_read"):
        take(SourceSpec(path=bucket), "a.csv", copies)


def test_smallest_value_orders_numbers_text_and_times() -> None:
    table = pa.table(
        {
            "n": [3, None, 2],
            "s": pa.array(["b", "a", None]).dictionary_encode(),
            "d": pa.array([2, 1, None], pa.date32()),
            "z": pa.nulls(3, pa.int64()),
        }
    )

    assert smallest_value(table, "n") == 2
    assert smallest_value(table, "s") == "a"
    assert smallest_value(table, "d") == 86_400_000_000
    assert smallest_value(table, "z") is None
    with pytest.raises(SnapshotError, match="missing_column"):
        smallest_value(table, "absent")


def test_stamp_of_a_local_file_holds_size_times_and_inode(inbox: Path) -> None:
    status = put(inbox, "a.csv").stat()

    assert local.stamp_of(status) == (
        f"8-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"
    )
