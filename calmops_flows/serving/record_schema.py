"""What a record of one pipeline looks like, as JSON Schema in the OpenAPI document."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from calmops_flows.data.kinds import KEY

if TYPE_CHECKING:
    from calmops_flows.data.contract import ColumnContract, Contract

_NAME = "Record"
_RECORD = {"$ref": f"#/components/schemas/{_NAME}"}
_TYPES = {
    "bool": ["boolean", "integer", "null"],
    "int": ["number", "boolean", "null"],
    "float": ["number", "boolean", "null"],
    "string": ["string", "null"],
    "category": ["string", "null"],
    "date": ["string", "null"],
    "timestamp": ["string", "null"],
    "null": ["string", "number", "boolean", "null"],
    KEY: ["string", "number", "boolean", "null"],
}
_SAID = {
    "bool": "True or false; also 0 and 1.",
    "int": "A whole number.",
    "float": "A number.",
    "string": "Text.",
    "category": "Text.",
    "date": "A date in ISO 8601.",
    "timestamp": "A moment in ISO 8601; one without a zone is taken as UTC.",
    "null": "No value was seen in training.",
    KEY: "Names the row, for labels that come later.",
}


def record_schema(contract: Contract, block_column: str | None = None) -> dict[str, Any]:
    """Describe a record of a pipeline.

    Parameters
    ----------
    contract : Contract
        The pipeline's.
    block_column : str, optional
        Column of block ids, which may be sent as numbers.

    Returns
    -------
    dict
        JSON Schema of an object; whoever keeps to it is answered.

    Examples
    --------
    >>> from calmops_flows.data.contract import ColumnContract, Contract
    >>> contract = Contract((ColumnContract("x", "int", minimum=0, maximum=9),), None)
    >>> record_schema(contract)["properties"]["x"]["description"]
    'A whole number. Seen: 0 to 9.'
    """
    columns = [column for column in contract.columns if column.name != contract.target]
    return {
        "type": "object",
        "properties": {c.name: _column(c, is_block=c.name == block_column) for c in columns},
        "required": [column.name for column in columns if column.required],
    }


def _column(column: ColumnContract, *, is_block: bool) -> dict[str, Any]:
    said = [_SAID[column.type]]
    if column.minimum is not None and column.maximum is not None:
        said.append(f"Seen: {column.minimum:g} to {column.maximum:g}.")
    schema: dict[str, Any] = {"type": _TYPES[KEY if is_block else column.type]}
    if column.categories:
        schema["examples"] = list(column.categories[:10])
    return {**schema, "description": " ".join(said)}


def with_records(document: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Say in a document what the records of its only pipeline hold.

    Parameters
    ----------
    document : dict
        From `openapi.naming`; it stays as it is.
    record : dict
        From `record_schema`.

    Returns
    -------
    dict
        A copy in which every form that takes records refers to one schema.
    """
    changed = copy.deepcopy(document)
    changed.setdefault("components", {}).setdefault("schemas", {})[_NAME] = record
    for path in changed["paths"].values():
        body = path.get("post", {}).get("requestBody", {}).get("content", {})
        if "application/json" in body:
            body["application/json"]["schema"] = _referring(body["application/json"]["schema"])
    return changed


def _referring(schema: Any) -> Any:
    """Put the reference in the place of objects that are records."""
    if isinstance(schema, list):
        return [_referring(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("title") == "record":
        return _RECORD
    return {key: _referring(value) for key, value in schema.items()}
