"""A model that serves, loaded whole before anybody is answered with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from calmops_flows.data.contract import Contract
from calmops_flows.errors import NotFoundError
from calmops_flows.learning.serialise import unpickle_model, version_mismatches
from calmops_flows.records import VersionStatus
from calmops_flows.serving.quick import quicken
from calmops_flows.serving.trials import trials
from calmops_flows.steps.golden import check_golden
from calmops_flows.steps.kinds import block_column
from calmops_flows.steps.models import read_model
from calmops_flows.store import registry
from calmops_flows.store.pipelines import load_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from calmops_flows.serving.quick import Quick
    from calmops_flows.store.store import Store

    InTurn = Callable[[Callable[[], None]], None]


def at_once(work: Callable[[], None]) -> None:
    """Call a function now."""
    work()


@dataclass(frozen=True, slots=True)
class Served:
    """One version of a pipeline's model with all that an answer needs.

    Attributes
    ----------
    pipeline, kind : str
        Name and kind of the pipeline.
    version : int
        Number of the model version.
    digest : str
        sha256 of the model's artifact.
    task : str
        Classification or regression.
    contract : Contract
        Columns that a request brings.
    block_column : str or None
        The column that says whose rows these are.
    key_column : str or None
        The column that labels name rows by.
    estimator : estimator
        Fitted.
    notes : tuple of str
        What is odd about it, such as other versions of libraries.
    quick : Quick or None
        The short path of a few rows.
    quick_reason : str
        Why there is none; empty otherwise.
    """

    pipeline: str
    kind: str
    version: int
    digest: str
    task: str
    contract: Contract
    block_column: str | None
    key_column: str | None
    estimator: Any
    notes: tuple[str, ...]
    quick: Quick | None = None
    quick_reason: str = ""


def load_served(store: Store, name: str, number: int, in_turn: InTurn = at_once) -> Served:
    """Load one version of a pipeline's model, and see that it says what it once said.

    Its bytes are verified first, then the predictions of its golden rows.

    Parameters
    ----------
    store : Store
        Where it is.
    name : str
        The pipeline.
    number : int
        The version.
    in_turn : callable
        Calls a function while nobody else predicts.

    Raises
    ------
    NotFoundError
        If there is no such pipeline or version, or its model was removed.
    ArtifactError
        If an artifact cannot be read, or its bytes were changed.
    ModelError
        If the bytes are no model, or it predicts its golden rows otherwise than before.
    """
    state = load_state(store.database, name)
    version = registry.version(store.database, name, number)
    if version.status is VersionStatus.REMOVED:
        raise NotFoundError(f"the model of version {number} of pipeline {name!r} was removed")
    text = registry.contract_text(store.database, name, state.contract_version or 0)
    manifest = json.loads(store.artifacts.get(version.manifest))
    estimator = read_model(store.artifacts, version.artifact, load=unpickle_model)
    spec, contract = state.spec, Contract.from_json(text)
    prepared: list[tuple[Quick | None, str]] = []

    def check() -> None:
        golden = version.golden
        rows = golden and check_golden(store.artifacts, golden, estimator, contract)
        tried = trials(contract, rows or None)
        prepared.append(quicken(estimator, contract, tried, block_column=block_column(spec)))

    in_turn(check)
    ((quick, reason),) = prepared
    return Served(
        pipeline=name,
        kind=spec.kind,
        version=number,
        digest=version.artifact,
        task=manifest["task"],
        contract=contract,
        block_column=block_column(spec),
        key_column=spec.labels.key if spec.labels else None,
        estimator=estimator,
        notes=(
            *version_mismatches(manifest),
            *(() if version.golden else ("no golden rows were kept for this version",)),
        ),
        quick=quick,
        quick_reason=reason,
    )
