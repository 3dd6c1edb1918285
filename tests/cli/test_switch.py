"""``calmops rollback`` and ``calmops promote``: what they print, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import update

from calmops_flows.store import open_store
from calmops_flows.store.tables import model_versions
from tests.cli.conftest import Calmops

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
KINDS = {
    "stream": "retrain: {when: always}\nevaluation: {promotion: {rule: always}}\n",
    "block": "kind: block\nblock: {column: site}\nretrain: {when: always}\n"
    "evaluation: {promotion: {rule: always}}\n",
    "ipip": "kind: ipip\n",
}


@pytest.fixture(params=KINDS)
def two(request: pytest.FixtureRequest, calmops: Calmops, folder: Path) -> str:
    """A pipeline of each kind of which version 1 is retired and version 2 serves."""
    for file in (folder / "data").iterdir():
        head, *lines = file.read_text().splitlines()
        file.write_text("\n".join([f"site,{head}", *(f"x,{line}" for line in lines), ""]))
    spec = folder / "small.yaml"
    text = spec.read_text()
    if request.param == "ipip":
        text = text.replace("linear_model.LogisticRegression", "tree.DecisionTreeClassifier")
    spec.write_text(text + KINDS[request.param])
    assert calmops("apply", "small.yaml").code == 0
    assert calmops("run", "small", "--json").code == 0
    versions = calmops("show", "small", "--json").json["versions"]
    assert [v["status"] for v in versions] == ["retired", "champion"]
    return "small"


def fits(values: Any) -> bool:
    schema = json.loads((SCHEMAS / "switch.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema).is_valid(values)


def test_rollback_and_promote_tell_as_json_who_serves(calmops: Calmops, two: str) -> None:
    back = calmops("rollback", two, "--json").json
    told = calmops("explain", two).out
    forth = calmops("promote", two, "2", "--json").json

    assert back == {"name": two, "kind": "rolled_back", "before": 2, "champion": 1}
    assert forth == {"name": two, "kind": "promoted", "before": 1, "champion": 2}
    assert "version 2 served then, and version 1 does now." in told
    assert "to take it back" not in told
    assert fits(back)
    assert fits(forth)
    assert not fits({**back, "kind": "other"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("promote", "small", "9"), "no version 9"),
        (("rollback", "small", "--to", "9"), "no version 9"),
        (("promote", "small", "2"), "serves already"),
        (("rollback", "small", "--to", "2"), "serves already"),
        (("promote", "small", "0"), "greater than or equal to 1"),
        (("promote", "nobody", "1"), "nobody"),
    ],
)
def test_wrong_use_changes_nothing(
    calmops: Calmops, two: str, arguments: tuple[str, ...], said: str
) -> None:
    done = calmops(*arguments, "--json")

    assert done.code in {1, 2}
    assert done.out == ""
    assert said in done.err
    assert calmops("status", two, "--json").json["champion"] is not None
    assert calmops("show", two, "--json").json["versions"][1]["status"] == "champion"


@pytest.mark.parametrize("command", [("promote", "small", "1"), ("rollback", "small", "--to", "1")])
def test_removed_version_does_not_serve(
    calmops: Calmops, two: str, command: tuple[str, ...]
) -> None:
    with open_store() as store, store.database.write("test.removed") as connection:
        connection.execute(
            update(model_versions).where(model_versions.c.version == 1).values(status="removed")
        )

    done = calmops(*command, "--json")

    assert (done.code, done.out) == (2, "")
    assert "version 1 of pipeline 'small' was removed" in done.err
    assert calmops("show", two, "--json").json["versions"][1]["status"] == "champion"
