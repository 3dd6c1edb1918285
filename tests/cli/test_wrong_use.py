"""Wrong use: exit 2, one clear line, and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import SPEC, Calmops
from tests.read.seed import files

HOSTILE = ["../../etc/passwd", "/etc/passwd", "a\nb", "\x1b[31mx", "..", "x" * 300, "no\x00pe", ""]


@pytest.fixture
def canary(folder: Path, calmops_home: Path) -> Path:
    """Give the folder above everything that a command might write to."""
    return folder


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "command", ["run", "apply", "status", "show", "history", "explain", "deploy"]
)
def test_hostile_name_is_refused_in_one_line(
    calmops: Calmops, canary: Path, calmops_home: Path, command: str, name: str
) -> None:
    before = files(canary)

    done = calmops(command, name)

    assert done.code == 2
    assert (len(done.err.splitlines()), done.out) == (1, "")
    assert "\x1b" not in done.err
    assert files(canary) == before
    assert not calmops_home.exists()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_deletes_nothing(
    calmops: Calmops, canary: Path, calmops_home: Path, name: str
) -> None:
    calmops("apply", "small.yaml")
    before, store = files(canary), files(calmops_home)

    done = calmops("delete", "--yes", "--", name)

    assert done.code == 2
    assert files(canary) == before
    assert files(calmops_home).keys() == store.keys()
    assert [p["name"] for p in calmops("list", "--json").json] == ["small"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SPEC + "colour: red\n", "colour"),
        (SPEC.replace("target: label", "target: [1]"), "target"),
        (SPEC.replace("name: small", "name: ../small"), "name"),
        (SPEC.replace("sklearn.linear_model.LogisticRegression", "os.system"), "os.system"),
        (SPEC + "evaluation: {thresholds: {accurracy: 0.9}}\n", "accurracy"),
        (SPEC + "kind: block\n", "needs the part block"),
        (SPEC + "drift: {alpha: 7}\n", "drift.alpha"),
        ("- a list", "expected a mapping"),
        ("{", "cannot read a spec"),
        ("", "expected a mapping"),
        ("!!python/object/apply:os.system ['true']", "cannot read a spec"),
    ],
)
@pytest.mark.parametrize("command", ["apply", "run"])
def test_wrong_spec_is_refused_in_one_line(
    calmops: Calmops, canary: Path, calmops_home: Path, command: str, text: str, words: str
) -> None:
    (canary / "wrong.yaml").write_text(text)
    before = files(canary)

    done = calmops(command, "wrong.yaml")

    assert done.code == 2
    assert (len(done.err.splitlines()), done.out) == (1, "")
    assert words in done.err
    assert files(canary) == before
    assert not calmops_home.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("nosuch",),
        ("list", "--nosuch"),
        ("history",),
        ("history", "x", "--last", "many"),
        ("history", "x", "--last", "0"),
        ("demo", "--months", "13"),
        ("drift", "missing.csv", "missing.csv"),
        ("drift", "data/m1.csv", "data/m2.csv", "--alpha", "7"),
        ("init", "nowhere"),
    ],
)
def test_wrong_arguments_exit_2(calmops: Calmops, canary: Path, arguments: tuple[str, ...]) -> None:
    before = files(canary)

    done = calmops(*arguments)

    assert done.code == 2
    assert done.err
    assert "Traceback" not in done.err
    assert files(canary) == before


def test_wrong_setting_is_named(calmops: Calmops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALMOPS_LEASE_SECONDS", "soon")

    done = calmops("list")

    assert done.code == 2
    assert "CALMOPS_LEASE_SECONDS" in done.err


def test_unknown_pipeline_gets_near_names(calmops: Calmops, folder: Path) -> None:
    calmops("apply", "small.yaml")

    done = calmops("status", "smal")

    assert done.code == 2
    assert "did you mean 'small'?" in done.err


def test_broken_database_fails_with_one_line(calmops: Calmops, calmops_home: Path) -> None:
    calmops_home.mkdir(parents=True)
    (calmops_home / "calmops.db").write_bytes(b"no database" * 1000)

    done = calmops("list")

    assert done.code == 1
    assert len(done.err.splitlines()) == 1


def test_deploy_without_a_server_says_how_to_start_one(
    calmops: Calmops, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(folder))
    calmops("apply", "small.yaml")

    done = calmops("deploy", "small")

    assert done.code == 2
    assert "prefect server start" in done.err
