from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from calmops_flows.cli.output import emit_json
from calmops_flows.store import open_store
from tests.cli.conftest import Calmops
from tests.read.seed import a_year

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.fixture
def seeded() -> None:
    with open_store() as store:
        a_year(store)


def errors(name: str, values: Any) -> list[str]:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return [error.message for error in Draft202012Validator(schema).iter_errors(values)]


def test_list_without_a_store_says_how_to_start_and_makes_none(
    calmops: Calmops, calmops_home: Path
) -> None:
    done = calmops("list")

    assert done.code == 0
    assert "calmops demo" in done.out
    assert calmops("list", "--json").json == []
    assert not calmops_home.exists()


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        ("list", ("list",)),
        ("status", ("status", "flights")),
        ("history", ("history", "flights")),
        ("explain", ("explain", "flights")),
        ("explain", ("explain", "flights", "m01.csv")),
        ("explain", ("explain", "flights", "m03.csv")),
        ("explain", ("explain", "flights", "m05.csv")),
        ("explain", ("explain", "flights", "copy.csv")),
    ],
)
def test_json_of_a_history_fits_its_schema(
    calmops: Calmops, schema: str, arguments: tuple[str, ...]
) -> None:
    done = calmops(*arguments, "--json")

    assert (done.code, done.err) == (0, "")
    assert errors(schema, done.json) == []


def test_json_of_a_real_run_fits_its_schema(calmops: Calmops, folder: Path) -> None:
    ran = calmops("run", "small.yaml", "--json").json

    assert errors("run", ran) == []
    for schema, arguments in (
        ("list", ["list"]),
        ("status", ["status", "small"]),
        ("history", ["history", "small"]),
        ("explain", ["explain", "small"]),
    ):
        assert errors(schema, calmops(*arguments, "--json").json) == []


def test_json_of_drift_fits_its_schema(calmops: Calmops, folder: Path) -> None:
    done = calmops("drift", "data/m1.csv", "data/m2.csv", "--json")

    assert errors("drift", done.json) == []
    assert done.json["is_drift"] is True


def test_schema_refuses_a_key_that_is_not_documented() -> None:
    assert errors("history", [{"snapshot": "a"}]) != []


@pytest.mark.usefixtures("seeded")
def test_history_is_the_outcome_as_the_design_writes_it(calmops: Calmops) -> None:
    third = calmops("history", "flights", "--json").json[2]

    assert third == {
        "snapshot": "m03.csv",
        "digest": "3" + "0" * 63,
        "state": "processed",
        "reason": "drift in temp",
        "decision": "promoted",
        "champion": 2,
        "challenger": 2,
        "metrics": {
            "champion": {"accuracy": 0.8, "balanced_accuracy": 0.7},
            "challenger": {"balanced_accuracy": 0.75},
        },
        "drift": {
            "is_drift": True,
            "alpha": 0.05,
            "columns": ["temp"],
            "untestable": {"wind": "all missing"},
        },
        "rows": 1000,
        "at": "2013-01-31T15:00:00.000000Z",
        "run_id": "run-1",
    }


@pytest.mark.usefixtures("seeded")
def test_history_can_be_cut_to_the_newest(calmops: Calmops) -> None:
    found = calmops("history", "flights", "--last", "2", "--json").json

    assert [outcome["snapshot"] for outcome in found] == ["m06.csv", "m07.csv"]


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list",), ["flights", "healthy", "balanced_accuracy"]),
        (("status", "flights"), ["version 2", "5 processed", "csv_cut", "Next: "]),
        (("show", "flights"), ["LogisticRegression", "temp", "candidate"]),
        (("history", "flights"), ["m04.csv", "rejected", "yes: temp"]),
        (("explain", "flights", "m03.csv"), ["promoted", "drift in temp", "--full"]),
        (("explain", "flights", "m03.csv", "--full"), ["drift in temp", "adjusted p 2e-09"]),
    ],
)
def test_people_read_what_they_asked_for(
    calmops: Calmops, arguments: tuple[str, ...], words: list[str]
) -> None:
    done = calmops(*arguments)

    assert done.code == 0
    assert [word for word in words if word not in done.out] == []


@pytest.mark.usefixtures("seeded")
def test_show_as_json_holds_spec_and_versions(calmops: Calmops) -> None:
    shown = calmops("show", "flights", "--json").json

    assert shown["spec"]["name"] == "flights"
    assert [version["version"] for version in shown["versions"]] == [1, 2, 3]


def test_numbers_that_json_lacks_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"a": math.nan, "b": [math.inf], "c": "\x9b[31m\n"})

    out = capsys.readouterr().out
    assert json.loads(out) == {"a": None, "b": [None], "c": "\x9b[31m\n"}
    assert out.isascii()


def test_modes_are_listed_with_what_they_mean(calmops: Calmops) -> None:
    found = {mode["mode"]: mode for mode in calmops("modes", "--json").json}

    assert found["full"]["number"] == 0
    assert "from scratch" in found["full"]["meaning"]
    assert found["auto"]["meaning"].startswith("The default")
    assert set(found) > {"incremental", "window", "stacking", "replay_mix", "recalibration"}
    assert "replay_mix" in calmops("modes").out


def test_schema_is_that_of_the_spec(calmops: Calmops, tmp_path: Path) -> None:
    from calmops_flows.spec import json_schema

    calmops("schema", "--out", str(tmp_path / "s.json"))

    assert json.loads((tmp_path / "s.json").read_text()) == json_schema()
    assert calmops("schema").json == json_schema()


@pytest.mark.usefixtures("seeded")
def test_delete_asks_a_person(calmops: Calmops) -> None:
    refused = calmops("delete", "flights")
    done = calmops("delete", "flights", "--yes", "--json")

    assert refused.code == 2
    assert "give --yes" in refused.err
    assert done.code == 0
    assert (done.json["name"], done.json["deleted"]) == ("flights", True)
    assert done.json["artifacts"]["problem"] is None
    assert calmops("list", "--json").json == []


@pytest.mark.usefixtures("seeded")
def test_delete_does_not_hang_on_a_silent_prefect_api(
    calmops: Calmops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")

    done = calmops("delete", "flights", "--yes")

    assert done.code == 0
    assert "Its deployment, if it has one, stays" in done.err
