"""The user's own functions: copied when a spec is applied, run from that copy alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calmops_flows.errors import ModelError, SnapshotError, SpecError
from calmops_flows.learning.user_code import (
    Reference,
    call_user,
    check_source,
    load_function,
    parse_reference,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from calmops_flows.spec import PipelineSpec
    from calmops_flows.steps.run import SnapshotRun
    from calmops_flows.store.artifacts import ArtifactStore

MAX_BYTES = 2**20
TARGET = "target"  # the column that holds y where the spec names no target
_ONE = frozenset({1})
_CUSTOM = frozenset({1, 5})  # a context, or the historical arguments


def references(spec: PipelineSpec) -> Iterator[tuple[str, Reference, frozenset[int]]]:
    """Yield field, place and numbers of arguments of each function that a spec names.

    Raises
    ------
    SpecError
        If one is named in another form than module:function or path.py:function.
    """
    named: list[tuple[str, str | None, frozenset[int]]] = []
    if spec.preprocess is not None:
        named.append(("preprocess.function", spec.preprocess.function, _ONE))
        named.append(("preprocess.later", spec.preprocess.later, _ONE))
    if spec.retrain.custom is not None:
        named.extend((f"retrain.custom.{f}", text, _CUSTOM) for f, text in spec.retrain.custom)
    for field, text, n_arguments in named:
        if text is not None:
            try:
                yield field, parse_reference(text), n_arguments
            except SpecError as err:
                raise SpecError(f"{field}: {err}") from err


def check_code(spec: PipelineSpec, trusted: frozenset[str]) -> None:
    """Check that every function is there, without running a file.

    Raises
    ------
    SpecError
        If a file cannot be read or defines no such function, or a module is not trusted.
    """
    for field, reference, n_arguments in references(spec):
        try:
            if not reference.is_file:
                load_function(reference, None, trusted=trusted)
            elif (source := _read(reference, spec)) is not None:
                check_source(reference, source.decode("utf-8"), n_arguments)
        except (SpecError, UnicodeDecodeError) as err:
            raise SpecError(f"{field}: {err}") from err


def with_code(spec: PipelineSpec, artifacts: ArtifactStore) -> PipelineSpec:
    """Return the spec with the digest of each file of code, which is kept as an artifact.

    An edit takes effect when the spec is applied again, as a revision of its own. A file that
    is not here (the spec was changed on another machine) stays what it was.
    """
    digests = {}
    for _, reference, _ in references(spec):
        if reference.is_file:
            source = _read(reference, spec)
            kept = spec.code.get(reference.place)
            digests[reference.place] = artifacts.put(source) if source is not None else kept
    update: dict[str, Any] = {"code": {k: v for k, v in digests.items() if v is not None}}
    if spec.preprocess is not None and spec.target is None and not spec.prediction_only:
        update["target"] = TARGET
    return spec.model_copy(update=update)


def function_of(run: SnapshotRun, text: str) -> tuple[Reference, Callable[..., Any]]:
    """Load a function for a run: a file from its kept copy, its bytes verified first.

    Raises
    ------
    ModelError
        If there is no copy, or loading it raised.
    SpecError
        If it is not there or not trusted.
    """
    reference = parse_reference(text)
    source = None
    if reference.is_file:
        digest = run.spec.code.get(reference.place)
        if digest is None:
            raise ModelError(f"there is no copy of {reference.place!r}; apply the spec again")
        source = run.store.artifacts.get(digest).decode("utf-8")
    return reference, load_function(reference, source, trusted=run.store.settings.trusted)


def preprocess(run: SnapshotRun, table: pa.Table) -> pa.Table:
    """Hand a file's rows to the user's function, and take features and target back.

    Raises
    ------
    SnapshotError
        ``preprocess``: it raised (with file and line), or returned something else than a frame
        and a target of its length.
    """
    import pandas as pd
    import pyarrow as pa

    spec = run.spec.preprocess
    if spec is None:
        return table
    text = spec.later if spec.later is not None and run.contract is not None else spec.function
    try:
        reference, function = function_of(run, text)
        found = call_user(reference, function, table.to_pandas())
    except (ModelError, SpecError) as err:
        raise SnapshotError("preprocess", str(err)) from err
    if not isinstance(found, tuple) or len(found) != 2 or not isinstance(found[0], pd.DataFrame):
        raise SnapshotError("preprocess", f"{text} must return (DataFrame, target)")
    X, y = found
    frame = X.reset_index(drop=True)
    if y is not None:
        if len(y) != len(X):
            raise SnapshotError("preprocess", f"{text} returned {len(X)} rows, {len(y)} targets")
        frame = frame.assign(**{run.spec.target or TARGET: pd.Series(y).reset_index(drop=True)})
    frame.columns = [str(name) for name in frame.columns]
    try:
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    except pa.ArrowException as err:
        raise SnapshotError("preprocess", f"{text} returned columns of mixed types: {err}") from err


def _read(reference: Reference, spec: PipelineSpec) -> bytes | None:
    """Read a file of code; None if it is not here but was applied before."""
    file = Path(reference.place)
    try:
        if file.stat().st_size > MAX_BYTES:
            raise SpecError(f"{reference.place} is larger than {MAX_BYTES} bytes")
        return file.read_bytes()
    except OSError as err:
        if reference.place in spec.code:
            return None
        raise SpecError(f"cannot read {reference.place!r}: {err.strerror or err}") from err
