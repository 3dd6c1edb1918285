"""From a question to its answer: read, check against the contract, predict."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import ModelError
from calmops_flows.learning.predict import predict
from calmops_flows.serving.payload import read_payload
from calmops_flows.serving.problems import RequestError, to_json
from calmops_flows.serving.rows import to_table

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from calmops_flows.evaluation.predictions import Predictions
    from calmops_flows.serving.limits import Limits
    from calmops_flows.serving.model import Served
    from calmops_flows.serving.payload import Payload

COMPILED, ORDINARY = "compiled", "ordinary"


@dataclass(frozen=True, slots=True)
class Question:
    """The body of a request and what was asked besides."""

    content: bytes
    media: str
    request_id: str
    wants_probabilities: bool = False
    is_bare: bool = False
    gives_ids: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a response, and what was predicted.

    ``path`` is ``compiled`` or ``ordinary``; the rows are there where they are to be logged.
    """

    content: bytes
    served: Served
    said: Predictions
    path: str
    table: pa.Table | None = None
    ids: tuple[str, ...] = ()


def answer(question: Question, served: Served, limits: Limits) -> Answer:
    """Predict the rows of a request.

    Raises
    ------
    RequestError
        400, 413, 415 or 422 for what the request got wrong, 500 if the model fails.
    """
    payload = _payload(question, served, limits)
    return _worded(question, served, _predicted(payload, served, question), payload)


def short_answer(question: Question, served: Served, limits: Limits) -> Answer | None:
    """Do the same within milliseconds, or return None where that cannot be promised.

    Raises
    ------
    RequestError
        As `answer` does.
    """
    is_brief = served.quick is not None and served.quick.is_brief
    if not is_brief or question.media != "application/json":
        return None
    payload = _payload(question, served, limits)
    found = _short(payload, served, question)
    return None if found is None else _worded(question, served, found, payload)


def _payload(question: Question, served: Served, limits: Limits) -> Payload:
    payload = read_payload(
        question.content, question.media, served.contract, is_bare=question.is_bare
    )
    if payload.n_rows > limits.rows:
        raise RequestError(
            413, "too_many_rows", f"{payload.n_rows} rows are over the limit of {limits.rows}"
        )
    if payload.n_rows == 0:
        raise RequestError(400, "no_rows", "the request holds no rows")
    return payload


def _worded(question: Question, served: Served, found: _Predicted, payload: Payload) -> Answer:
    said, warnings = found.said, found.warnings
    wants = question.wants_probabilities or payload.params.get("probabilities") is True
    body: dict[str, Any] = {"predictions": plain(said.values)}
    if wants:
        body |= _probabilities(said)
        if said.probabilities is None:
            warnings = (*warnings, "the model gives no probabilities")
    ids: tuple[str, ...] = ()
    if question.gives_ids and found.table is not None:
        ids = row_ids(found.table, served.key_column)
    body |= {
        **({"ids": ids} if ids else {}),
        "model": {
            "pipeline": served.pipeline,
            "version": served.version,
            "digest": served.digest,
        },
        "warnings": warnings,
        "request_id": question.request_id,
    }
    return Answer(to_json(body), served, said, found.path, found.table, ids)


@dataclass(frozen=True, slots=True)
class _Predicted:
    said: Predictions
    warnings: tuple[str, ...]
    path: str
    table: pa.Table | None


def _short(payload: Payload, served: Served, question: Question) -> _Predicted | None:
    told = None if served.quick is None else served.quick.answer(payload)
    if told is None:
        return None
    table = _table(payload, served)[0] if question.gives_ids else None
    return _Predicted(*told, COMPILED, table)


def _table(payload: Payload, served: Served) -> tuple[pa.Table, tuple[str, ...]]:
    return to_table(payload, served.contract, block_column=served.block_column)


def _predicted(payload: Payload, served: Served, question: Question) -> _Predicted:
    found = _short(payload, served, question)
    if found is not None:
        return found
    table, warnings = _table(payload, served)
    try:
        said = predict(served.estimator, table, served.contract)
    except ModelError as err:
        raise RequestError(
            500,
            "model_failed",
            f"version {served.version} of {served.pipeline!r} cannot predict these rows; the "
            "server's log says why",
        ) from err
    return _Predicted(said, warnings, ORDINARY, table)


def row_ids(table: pa.Table, key: str | None) -> tuple[str, ...]:
    """Return the client's keys where it gave them, else ids that nobody else gives out."""
    fresh = uuid.uuid4().hex
    own = [f"{fresh}-{row}" for row in range(table.num_rows)]
    if key not in table.column_names:
        return tuple(own)
    given = table.column(key).to_pylist()
    return tuple(mine if name is None else name for name, mine in zip(given, own, strict=True))


def _probabilities(said: Predictions) -> dict[str, Any]:
    if said.probabilities is None:
        return {"probabilities": None, "classes": None}
    classes = None if said.classes is None else plain(np.asarray(said.classes))
    return {"probabilities": plain(said.probabilities), "classes": classes}


def plain(values: NDArray[Any]) -> list[Any]:
    """Return an array as lists of Python values in which NaN and infinities are None.

    Examples
    --------
    >>> plain(np.array([1.5, float("nan")]))
    [1.5, None]
    """
    values = np.asarray(values)
    if values.dtype.kind == "f":
        odd = ~np.isfinite(values)
        if odd.any():
            values = values.astype(object)
            values[odd] = None
    listed: list[Any] = values.tolist()
    return listed
