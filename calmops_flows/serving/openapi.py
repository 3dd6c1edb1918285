"""What the OpenAPI document says of bodies and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from calmops_flows.serving.record_schema import record_schema, with_records

if TYPE_CHECKING:
    from calmops_flows.serving.slots import Slot

DESCRIPTION = (
    "Answers with the champion of each pipeline, in MLflow's scoring protocol. A promotion or "
    "rollback is followed without a restart."
)
_ROWS = {"type": "array", "items": {"type": "array", "items": {}}}
_RECORD = {"type": "object", "title": "record"}  # replaced where the columns are known
_RECORDS = {"type": "array", "items": _RECORD}
_PARAMS = {"type": "object", "properties": {"probabilities": {"type": "boolean"}}}
_SPLIT = {
    "type": "object",
    "properties": {
        "columns": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "index": {"type": "array", "items": {}},
        "data": _ROWS,
    },
    "required": ["data"],
    "additionalProperties": False,
}


def _form(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: schema, "params": _PARAMS},
        "required": [name],
        "additionalProperties": False,
    }


_FORMS = [
    _form("dataframe_split", _SPLIT),
    _form("dataframe_records", _RECORDS),
    _form("inputs", {"anyOf": [_RECORDS, _ROWS, {"type": "object"}]}),
    _form("instances", {"anyOf": [_RECORDS, _ROWS]}),
]
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"oneOf": _FORMS}},
            "text/csv": {"schema": {"type": "string"}},
        },
    }
}
BARE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"oneOf": [_RECORD, _RECORDS]}}},
    }
}
_ERROR = {
    "type": "object",
    "properties": {
        "error_code": {"type": "string"},
        "message": {"type": "string"},
        "details": {"type": "object"},
        "request_id": {"type": "string"},
    },
    "required": ["error_code", "message", "details", "request_id"],
    "additionalProperties": False,
}
_ANSWER = {
    "type": "object",
    "properties": {
        "predictions": {"type": "array", "items": {}},
        "probabilities": {
            "type": ["array", "null"],
            "items": {"type": "array", "items": {"type": ["number", "null"]}},
        },
        "classes": {"type": ["array", "null"], "items": {}},
        "ids": {"type": "array", "items": {"type": "string"}},
        "model": {
            "type": "object",
            "properties": {
                "pipeline": {"type": "string"},
                "version": {"type": "integer"},
                "digest": {"type": "string"},
            },
            "required": ["pipeline", "version", "digest"],
        },
        "warnings": {"type": "array", "items": {"type": "string"}},
        "request_id": {"type": "string"},
    },
    "required": ["predictions", "model", "warnings", "request_id"],
}


def _json(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _errors(**described: str) -> dict[int | str, dict[str, Any]]:
    return {int(status[1:]): _json(_ERROR, text) for status, text in described.items()}


_EVERYWHERE = _errors(
    _401="The token is missing or wrong.",
    _421="Another name than this server's.",
    _500="The server or the model failed.",
)
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        **_json(_ANSWER, "Predictions, one for each row."),
        "headers": {
            "X-Model-Version": {
                "description": "Version that answered.",
                "schema": {"type": "string"},
            }
        },
    },
    **_errors(
        _400="Not JSON or CSV, not one of the forms, or no rows.",
        _404="No such pipeline or version.",
        _408="The body came too slowly.",
        _413="Too many bytes or rows.",
        _415="Neither JSON nor CSV.",
        _422="The rows break the contract, or a parameter is odd.",
        _503="No model yet, the queue is full, or the time is up.",
    ),
    **_EVERYWHERE,
}
_OBJECT = _json({"type": "object"}, "An object of facts.")
FACTS: dict[int | str, dict[str, Any]] = {200: _OBJECT, **_EVERYWHERE}
HEALTH: dict[int | str, dict[str, Any]] = {
    200: _json({"type": "object"}, "ok, or degraded."),
    503: _json({"type": "object"}, "A pipeline has no model yet."),
    421: _EVERYWHERE[421],
}
NAMED: dict[int | str, dict[str, Any]] = {
    **FACTS,
    **_errors(_404="No such pipeline.", _422="A parameter is odd.", _503="No model yet."),
}
METRICS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Prometheus' text format.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    },
    **_EVERYWHERE,
}


def naming(document: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Name the pipelines of this server wherever a path asks for one."""
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter["schema"]["enum"] = names
    return document


def described(document: dict[str, Any], slots: list[Slot]) -> dict[str, Any]:
    """Add what records hold, where one pipeline's contract is known.

    Parameters
    ----------
    document : dict
        From `naming`.
    slots : list of Slot
        All pipelines of the server.

    Returns
    -------
    dict
        With the columns of the model that answers now, if there is but one.
    """
    served = slots[0].current if len(slots) == 1 else None
    if served is None:
        return document
    return with_records(document, record_schema(served.contract, served.block_column))
