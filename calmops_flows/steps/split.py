"""Split a file into blocks, and give them its place in the ledger."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from calmops_flows.data.blocks import Block, block_digest, label_blocks, split_blocks
from calmops_flows.data.conform import conform
from calmops_flows.data.contract import Contract, learn
from calmops_flows.errors import SnapshotError
from calmops_flows.steps.ingest import keep_copy, read_file
from calmops_flows.steps.keys import complete, declared_types, read_keys, row_keys
from calmops_flows.steps.run import SnapshotRun
from calmops_flows.steps.runner import StepCalls
from calmops_flows.store.blocks import FoundBlock, replace_by_blocks

if TYPE_CHECKING:
    import pyarrow as pa

    from calmops_flows.spec import PipelineSpec

logger = logging.getLogger(__name__)


def split_file(run: SnapshotRun, calls: StepCalls, column: str, token: str) -> None:
    """Read a file once, keep the rows of each block, and enter the blocks.

    The first file that can be split gives the contract, learnt from all its rows: the
    identity of a block is a digest of rows in the contract's types.

    Raises
    ------
    SnapshotError
        If the file cannot be read, breaks the contract, or has rows without block id;
        it is set aside as a whole then, and the ledger knows none of its blocks.
    NotReadyError
        If it changed since the ledger saw it.
    """
    contract, found = calls("split", lambda: _split(run, column))
    replace_by_blocks(
        run.store.database,
        run.snapshot,
        token,
        found,
        contract=contract.to_json() if run.contract is None else None,
        process_duplicates=run.spec.source.duplicates == "process",
        now=run.now,
    )


def _split(run: SnapshotRun, column: str) -> tuple[Contract, list[FoundBlock]]:
    declared = declared_types(run.spec)
    types = {**declared, **run.contract.types} if run.contract else declared
    batch = read_file(run, {**types, column: "string"})
    for warning in batch.warnings:
        logger.warning("%r: %s", run.snapshot.label, warning)
    table = label_blocks(batch.table, column)
    if table.num_rows == 0:
        raise SnapshotError("empty_file", "expected rows, found none")
    keys = read_keys(table, run.spec)
    if keys is not None:
        row_keys(keys)
    contract = run.contract or _without_levels(
        learn(table, target=run.spec.target, declared={**declared, column: "string"}), column
    )
    whole = complete(contract, table, run.spec)
    return contract, [_keep(run, block, whole) for block in split_blocks(table, column)]


def _keep(run: SnapshotRun, block: Block, contract: Contract) -> FoundBlock:
    try:
        rows = conform(block.table, contract, needs_target=run.spec.needs_target).table
    except SnapshotError as err:
        raise SnapshotError(err.reason, f"block {block.id!r}: {err.detail}") from err
    rows = _without_empty_target(rows, run.spec)
    return FoundBlock(block.id, block_digest(block.id, rows), keep_copy(run, rows))


def _without_empty_target(rows: pa.Table, spec: PipelineSpec) -> pa.Table:
    """Leave out a target whose values come later: the rows are the same before and after."""
    name = spec.target or ""
    is_there = spec.labels is not None and name in rows.column_names
    if is_there and rows.column(name).null_count == rows.num_rows:
        return rows.drop_columns([name])
    return rows


def _without_levels(contract: Contract, column: str) -> Contract:
    """Forget the ids of the first file: every later one would be an unseen category."""
    columns = (replace(c, categories=None) if c.name == column else c for c in contract.columns)
    return replace(contract, columns=tuple(columns))
