"""Each form of the protocol gets the same predictions, with what else an answer holds."""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest

from calmops_flows.learning.predict import predict
from calmops_flows.serving.model import load_served
from tests.serving.served import RECORD, Client, error, rows

TWO = [RECORD, {"a": -1.0, "b": -2.0, "c": "y"}]
ROWS = [list(record.values()) for record in TWO]
FORMS: dict[str, Any] = {
    "records": {"dataframe_records": TWO},
    "split": {"dataframe_split": {"columns": ["c", "b", "a"], "data": [r[::-1] for r in ROWS]}},
    "split without names": {"dataframe_split": {"index": [7, 8], "data": ROWS}},
    "inputs by column": {"inputs": {name: [r[name] for r in TWO] for name in RECORD}},
    "inputs by row": {"inputs": ROWS},
    "instances": {"instances": TWO},
    "instances without names": {"instances": ROWS},
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_same_predictions(server: Client, form: str) -> None:
    response = server.post("/invocations", FORMS[form])

    assert response.status_code == 200, response.text
    assert response.json()["predictions"] == [1, 0]


def test_csv_gives_the_same_predictions(server: Client) -> None:
    text = "c,a,b\nx,0.5,1.5\ny,-1,-2\n"

    response = server.http.post(
        "/pipelines/stream/invocations",
        content=text,
        headers={"Content-Type": "text/csv; charset=utf-8"},
    )

    assert response.json()["predictions"] == [1, 0]


def test_historical_route_takes_a_record_or_several(server: Client) -> None:
    one = server.post("/predict/stream", RECORD)
    two = server.post("/predict/stream", TWO)

    assert (one.json()["predictions"], two.json()["predictions"]) == ([1], [1, 0])


def test_number_that_is_no_json_is_named(server: Client) -> None:
    said = server.http.post(
        "/invocations",
        content='{"inputs": [[NaN, 1, "x"]]}',
        headers={"Content-Type": "application/json"},
    )

    assert "NaN is none of its values; send null" in said.json()["message"]


def test_historical_route_pins_versions_and_gives_probabilities(server: Client) -> None:
    said = server.post("/predict/stream?version=1&probabilities=true", RECORD)
    unknown = server.post("/predict/stream?version=99", RECORD)

    assert len(said.json()["probabilities"][0]) == len(said.json()["classes"])
    assert (unknown.status_code, unknown.json()["error_code"]) == (404, "no_such_version")


def test_answers_are_those_of_the_model_on_the_training_rows(server: Client) -> None:
    frame = rows(2, 300).drop(columns="y")
    served = load_served(server.store, "stream", 1)

    said = server.predict(*frame.to_dict("records"), probabilities=True).json()

    own = predict(served.estimator, pa.Table.from_pandas(frame), served.contract)
    assert own.probabilities is not None
    assert said["predictions"] == own.values.tolist()
    assert said["probabilities"] == own.probabilities.tolist()
    assert said["classes"] == [0, 1]


def test_answer_names_the_model_and_the_request(server: Client) -> None:
    response = server.post(
        "/invocations", {"dataframe_records": [RECORD]}, headers={"X-Request-ID": "mine-7"}
    )

    body = response.json()
    assert set(body) == {"predictions", "model", "warnings", "request_id"}
    assert body["model"]["pipeline"] == "stream"
    assert re.fullmatch("[0-9a-f]{64}", body["model"]["digest"])
    assert response.headers["X-Model-Version"] == str(body["model"]["version"]) == "1"
    assert response.headers["X-Request-ID"] == body["request_id"] == "mine-7"
    assert body["warnings"] == []


def test_probabilities_may_be_asked_for_in_the_body(server: Client) -> None:
    body = {"dataframe_records": [RECORD], "params": {"probabilities": True}}

    said = server.post("/invocations", body).json()

    assert sum(said["probabilities"][0]) == pytest.approx(1)


def test_extra_columns_and_unseen_categories_are_warned_of(server: Client) -> None:
    said = server.predict({**RECORD, "c": "secret", "z": 1}).json()

    assert said["predictions"] == [1]
    assert said["warnings"][0] == "1 extra columns ignored: 'z'"
    assert "categories that the contract does not know" in said["warnings"][1]
    assert "secret" not in str(said["warnings"])


def test_target_in_a_request_is_not_looked_at(server: Client) -> None:
    assert server.predict({**RECORD, "y": "whatever"}).json()["warnings"] == []


def test_missing_values_are_imputed_like_in_training(server: Client) -> None:
    response = server.predict({"a": None, "b": 9, "c": None})

    assert response.json()["predictions"] == [1]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"dataframe_records": [{"a": 1, "z": 0}]}, 422, "missing_columns"),
        ({"dataframe_records": [{**RECORD, "a": "high"}]}, 422, "column_type"),
        ({"dataframe_records": [{**RECORD, "a": [1]}]}, 422, "column_type"),
        ({"dataframe_records": [{**RECORD, "a": {"b": 1}}]}, 422, "column_type"),
        ({"dataframe_records": [{**RECORD, "a": 10**30}]}, 422, "column_type"),
        ({"dataframe_records": [RECORD, {**RECORD, "a": "1"}]}, 422, "column_type"),
        ({"dataframe_records": [{**RECORD, "c": 3}]}, 422, "column_type"),
        ({"instances": [[1, 2]]}, 422, "missing_columns"),
        ({"dataframe_records": []}, 400, "no_rows"),
        ({"dataframe_records": [1]}, 400, "malformed_body"),
        ({"dataframe_records": RECORD}, 400, "malformed_body"),
        ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, 400, "malformed_body"),
        ({"dataframe_split": {"columns": ["a", "a"], "data": []}}, 400, "malformed_body"),
        ({"dataframe_split": {"data": [[1], [1, 2]]}}, 400, "malformed_body"),
        ({"inputs": {"a": [1], "b": [1, 2]}}, 400, "malformed_body"),
        ({"inputs": {"a": [1], "b": 2}}, 400, "malformed_body"),
        ({"inputs": [], "instances": []}, 400, "malformed_body"),
        ({"rows": []}, 400, "malformed_body"),
        ({"inputs": [], "more": 1}, 400, "malformed_body"),
        ({"inputs": [], "params": []}, 400, "malformed_body"),
        ({}, 400, "malformed_body"),
        ([RECORD], 400, "malformed_body"),
        ("text", 400, "malformed_body"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_form(
    server: Client, body: Any, status: int, code: str
) -> None:
    assert error(server.post("/invocations", body)) == (status, code)


def test_missing_columns_are_all_listed(server: Client) -> None:
    response = server.predict({"c": "x"})

    assert response.json()["details"] == {"missing": ["a", "b"]}
    assert "2 required columns are missing: 'a', 'b'" in response.json()["message"]


@pytest.mark.parametrize(
    ("content", "media", "status", "code"),
    [
        ("{", "application/json", 400, "malformed_json"),
        ("", "application/json", 400, "malformed_json"),
        (b"\xff\xfe\x00", "application/json", 400, "malformed_json"),
        ('{"inputs": [[NaN, 1, "x"]]}', "application/json", 400, "malformed_json"),
        ("[" * 100_000, "application/json", 400, "too_deep"),
        ('{"a":' * 100_000, "application/json", 400, "too_deep"),
        ('{"inputs": [[' + "9" * 5000 + ', 1, "x"]]}', "application/json", 400, "malformed_json"),
        ("a,b,c\n1,2\n", "text/csv", 400, "malformed_csv"),
        ("", "text/csv", 400, "malformed_csv"),
        (b"\x80,b\n1,2\n", "text/csv", 400, "malformed_csv"),
        ("a,b,c,a\n1,2,x,1\n", "text/csv", 400, "malformed_csv"),
        ("a,b,c\nhigh,2,x\n", "text/csv", 422, "column_type"),
        ("a,b,c\n", "text/csv", 400, "no_rows"),
        ("{}", "application/xml", 415, "unsupported_media_type"),
        ("{}", "", 415, "unsupported_media_type"),
    ],
)
def test_bytes_that_cannot_be_read_are_refused_in_one_form(
    server: Client, content: str | bytes, media: str, status: int, code: str
) -> None:
    response = server.http.post(
        "/invocations", content=content, headers={"Content-Type": media} if media else {}
    )

    assert error(response) == (status, code)


@pytest.mark.parametrize("body", [[], {}, 3, [3], "text"])
def test_historical_route_refuses_what_holds_no_record(server: Client, body: Any) -> None:
    assert error(server.post("/predict/stream", body))[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/pipelines/other/invocations", 404, "no_such_pipeline"),
        ("POST", "/invocations?version=9", 404, "no_such_version"),
        ("POST", "/invocations?version=x", 422, "bad_parameter"),
        ("GET", "/nowhere", 404, "no_such_path"),
        ("GET", "/invocations", 405, "method_not_allowed"),
        ("GET", "/pipelines/other/schema", 404, "no_such_pipeline"),
    ],
)
def test_paths_that_are_not_there_are_refused_in_one_form(
    server: Client, method: str, path: str, status: int, code: str
) -> None:
    body = {"dataframe_records": [RECORD]} if method == "POST" else None

    assert error(server.http.request(method, path, json=body)) == (status, code)


HOSTILE = {
    "path": "../../etc/passwd",
    "forged line": "a\n2013-01-01 INFO calmops: forged",
    "terminal": "\x1b[31mx",
    "markup": "<b>x</b>",
    "long": "x" * 5000,
    "null": "no\x00pe",
    "reversed": "\u202egnirts",
    "sql": "'; DROP TABLE pipelines; --",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_name_in_a_path_is_refused_inert(
    server: Client, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    with caplog.at_level(logging.DEBUG, logger="calmops_flows"):
        response = server.http.get(f"/pipelines/{quote(HOSTILE[kind], safe='')}/schema")

    status, code = error(response)
    told = response.text + "".join(caplog.messages)
    assert (status, code.startswith("no_such_")) == (404, True)
    assert response.headers["content-type"] == "application/json"
    assert told.isprintable()
    assert len(told) < 2000


def test_compressed_bodies_are_refused(server: Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    assert error(server.http.post("/invocations", content=b"x", headers=headers)) == (
        415,
        "unsupported_encoding",
    )


def test_few_plain_rows_are_answered_compiled_and_others_by_the_ordinary_path(
    server: Client,
) -> None:
    def counted(path: str) -> float:
        found = re.search(
            rf'calmops_answers_total{{path="{path}",pipeline="stream"}} (.*)',
            server.http.get("/metrics").text,
        )
        return float(found.group(1)) if found else 0.0

    before = counted("compiled"), counted("ordinary")

    short = server.predict(RECORD, {"a": -5, "b": None, "c": "new"})
    long = server.predict({**RECORD, "a": True})

    assert short.json()["predictions"] == [1, 0]
    assert short.json()["warnings"] == [
        "categories that the contract does not know in 1 columns: 'c' (1 levels, 1 rows)"
    ]
    assert "now true and false" in long.json()["warnings"][0]
    assert counted("compiled") - before[0] == counted("ordinary") - before[1] == 1


def test_pages_of_facts(server: Client) -> None:
    schema = server.get("/pipelines/stream/schema")
    (pipeline,) = server.get("/pipelines")["pipelines"]
    text = server.http.get("/metrics").text

    assert [c["name"] for c in schema["columns"]] == ["a", "b", "c"]
    assert schema["columns"][2]["categories"] == ["x", "y", "z"]
    assert (schema["target"], schema["classes"]) == ("y", [0, 1])
    assert (pipeline["status"], pipeline["version"], pipeline["reason"]) == ("ok", 1, None)
    assert server.get("/health/ready") == {"status": "ok", "pipelines": {"stream": "ok"}}
    assert server.get("/ping")["status"] == server.get("/health/live")["status"] == "ok"
    assert server.get("/version")["version"]
    assert 'calmops_model_version{pipeline="stream"} 1.0' in text
    assert pipeline["path"] == "compiled"
    assert 'calmops_compiled{pipeline="stream"} 1.0' in text
    assert 'calmops_requests_total{route="/health/live",status="200"}' in text
