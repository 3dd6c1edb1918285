from __future__ import annotations

from pathlib import Path

import pytest

from calmops_flows.spec import read_spec
from tests.cli.conftest import Calmops, write_csv


def test_draft_runs_as_it_is(calmops: Calmops, folder: Path) -> None:
    done = calmops("init", "data", "--name", "drafted", "--out", "draft.yaml")

    spec = read_spec("draft.yaml")
    assert (done.code, spec.name, spec.target) == (0, "drafted", "label")
    assert (spec.task, spec.source.path) == ("classification", str(folder / "data"))
    assert calmops("apply", "draft.yaml").code == 0


def test_draft_tells_types_guess_and_the_stanza_for_prefect(calmops: Calmops, folder: Path) -> None:
    done = calmops("init", "data")

    text = (folder / "data.yaml").read_text()
    assert "# Columns: a (float), b (float), label (string)" in text
    assert "a guess, by its name" in text
    assert "pipeline: data" in done.out


def test_named_target_of_numbers_is_a_regression(calmops: Calmops, folder: Path) -> None:
    done = calmops("init", "data", "--target", "b", "--json")

    assert (done.json["target"], done.json["task"]) == ("b", "regression")
    assert "Regressor" in (folder / "data.yaml").read_text()


def test_last_column_is_guessed_without_a_usual_name(calmops: Calmops, folder: Path) -> None:
    for file in (folder / "data").iterdir():
        file.write_text(file.read_text().replace("label", "late"))

    assert calmops("init", "data", "--json").json["target"] == "late"


def test_existing_file_is_not_overwritten(calmops: Calmops, folder: Path) -> None:
    done = calmops("init", "data", "--out", "small.yaml")

    assert done.code == 2
    assert "is there already" in done.err
    assert (folder / "small.yaml").read_text().strip().startswith("name: small")


def test_unknown_target_names_the_columns(calmops: Calmops, folder: Path) -> None:
    done = calmops("init", "data", "--target", "nosuch")

    assert done.code == 2
    assert "'a', 'b', 'label'" in done.err


def test_folder_without_data_says_what_can_be_read(calmops: Calmops, folder: Path) -> None:
    (folder / "empty").mkdir()

    done = calmops("init", "empty")

    assert done.code == 2
    assert "parquet" in done.err


def test_unreadable_first_file_is_told_and_the_next_one_used(
    calmops: Calmops, folder: Path
) -> None:
    (folder / "data" / "a.csv").write_text("")

    done = calmops("init", "data")

    assert done.code == 0
    assert "'a.csv'" in done.out


@pytest.mark.parametrize("name", ["x\ny", "../x", "a b"])
def test_name_that_is_none_is_refused(calmops: Calmops, folder: Path, name: str) -> None:
    done = calmops("init", "data", "--name", name, "--out", "draft.yaml")

    assert done.code == 2
    assert not (folder / "draft.yaml").exists()


def test_hostile_columns_and_files_cannot_break_the_yaml(calmops: Calmops, folder: Path) -> None:
    for file in (folder / "data").iterdir():
        file.unlink()
    file = folder / "data" / "x\nkind: ipip #.csv"
    write_csv(file, shift=0.0)
    file.write_text(file.read_text().replace("a,b,label", '"a\nkind: ipip",b,"y: [#"'))

    done = calmops("init", "data", "--out", "draft.yaml")

    assert done.code == 0
    assert (read_spec("draft.yaml").kind, read_spec("draft.yaml").target) == ("stream", "y: [#")


@pytest.mark.parametrize(
    ("options", "kind", "column"),
    [
        (("--block", "a"), "block", "a"),
        (("--kind", "ipip"), "ipip", None),
        (("--kind", "ipip", "--block", "a"), "ipip", "a"),
    ],
)
def test_draft_of_another_kind_applies_and_names_its_flow(
    calmops: Calmops, folder: Path, options: tuple[str, ...], kind: str, column: str | None
) -> None:
    done = calmops("init", "data", "--out", "draft.yaml", *options)

    spec = read_spec("draft.yaml")
    assert (spec.kind, spec.block.column if spec.block else None) == (kind, column)
    assert f"calmops_flows/flows/{kind}_flow.py:{kind}" in done.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--kind", "block"), "--block COLUMN"),
        (("--kind", "stream", "--block", "a"), "does not split"),
        (("--block", "nosuch"), "'a', 'b', 'label'"),
        (("--kind", "batch"), "['block', 'ipip', 'stream']"),
    ],
)
def test_kind_and_block_column_must_go_together(
    calmops: Calmops, folder: Path, options: tuple[str, ...], said: str
) -> None:
    done = calmops("init", "data", *options)

    assert done.code == 2
    assert said in done.err
