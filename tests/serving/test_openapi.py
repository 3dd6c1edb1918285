"""The server against its own OpenAPI document, and against bodies that nobody would send."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.served import RECORD, Client, error

ROOT = Path(__file__).parents[2]
# The document says which forms there are, not which columns a pipeline has: most rows that fit it
# are refused by the contract. And schemathesis asks for methods whose 405 comes from the protocol.
APART = "positive_data_acceptance,unsupported_method"
JSON_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
SCALARS = JSON_SCALARS | st.sampled_from([float("inf"), -float("inf")])  # Python writes these too
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["a", "b", "c", "y", "", "é", "\ud800"])
RECORDS = st.lists(st.dictionaries(NAMES, VALUES, max_size=5), max_size=4)
FORMS = st.sampled_from(["dataframe_records", "inputs", "instances", "dataframe_split", "params"])


def test_server_keeps_what_its_openapi_document_says(server: Client, tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [
            command,
            "run",
            f"{server.http.base_url}/openapi.json",
            "--phases=coverage,fuzzing",
            "--max-examples=5",
            f"--exclude-checks={APART}",
            "--seed=7",
            "--no-color",
        ],
        cwd=tmp_path,  # it keeps what it found beside its work
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert done.returncode == 0, done.stdout
    assert "Tested: 10" in done.stdout


FEW = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def test_document_tells_the_columns_of_the_only_pipeline(server: Client) -> None:
    document = server.get("/openapi.json")
    record = document["components"]["schemas"]["Record"]
    paths = document["paths"]

    assert list(record["properties"]) == record["required"] == ["a", "b", "c"]
    assert record["properties"]["a"]["type"] == ["number", "boolean", "null"]
    assert record["properties"]["c"]["examples"] == ["x", "y", "z"]
    for path in ("/invocations", "/pipelines/{name}/invocations", "/predict/{name}"):
        body = paths[path]["post"]["requestBody"]["content"]["application/json"]
        assert "#/components/schemas/Record" in json.dumps(body)
    jsonschema.validate(RECORD, record)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**RECORD, "c": 7}, record)


@FEW
@given(values=st.fixed_dictionaries(dict.fromkeys(RECORD, JSON_SCALARS)))
def test_record_that_fits_the_document_is_answered(server: Client, values: Any) -> None:
    record = server.get("/openapi.json")["components"]["schemas"]["Record"]
    response = server.predict(values)

    if response.status_code == 200:
        jsonschema.validate(values, record)
    else:
        assert not jsonschema.Draft202012Validator(record).is_valid(values) or is_beyond(values)


def is_beyond(values: dict[str, Any]) -> bool:
    """Tell whether a value fits its type, but not into 64 bits or UTF-8."""
    return any(
        (isinstance(value, int) and abs(value) >= 2**63)
        or (isinstance(value, str) and not value.isascii())
        for value in values.values()
    )


def answered(server: Client, content: bytes, media: str = "application/json") -> None:
    """Ask, and see that the answer is one, or an error that is the client's."""
    response = server.http.post("/invocations", content=content, headers={"Content-Type": media})
    if response.status_code != 200:
        assert error(response)[0] in {400, 413, 415, 422}
        return
    body = response.json()
    assert body["model"]["version"] == 1
    assert set(body["predictions"]) <= {0, 1}


@FEW
@given(body=st.dictionaries(FORMS, RECORDS | VALUES, min_size=1, max_size=2))
def test_any_json_is_answered_or_refused(server: Client, body: Any) -> None:
    answered(server, json.dumps(body).encode())


@FEW
@given(values=st.fixed_dictionaries(dict.fromkeys(RECORD, SCALARS)))
def test_any_value_in_a_column_is_answered_or_refused(server: Client, values: Any) -> None:
    answered(server, json.dumps({"dataframe_records": [RECORD, values]}).encode())


@FEW
@given(content=st.binary(max_size=200), media=st.sampled_from(["application/json", "text/csv"]))
def test_any_bytes_are_answered_or_refused(server: Client, content: bytes, media: str) -> None:
    answered(server, content, media)


@FEW
@given(place=st.integers(0, 200), byte=st.integers(0, 255))
def test_a_changed_byte_is_answered_or_refused(server: Client, place: int, byte: int) -> None:
    content = bytearray(json.dumps({"dataframe_records": [RECORD] * 3}).encode())
    content[place % len(content)] = byte

    answered(server, bytes(content))


EXAMPLES = re.findall(
    r"```sh\n(.*?)```", (ROOT / "docs" / "serving.md").read_text(encoding="utf-8"), re.DOTALL
)


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_of_the_documentation_run(server: Client, example: str) -> None:
    assert shutil.which("curl"), "the examples need curl"
    done = subprocess.run(
        ["bash", "-c", example],
        env={"URL": str(server.http.base_url), "PATH": "/usr/bin:/bin:/usr/local/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    said = json.loads(done.stdout)
    assert said["predictions"][0] == 1, said
    assert said["warnings"] == []


def test_documentation_has_examples() -> None:
    assert len(EXAMPLES) == 5
