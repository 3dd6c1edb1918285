"""The kinds of pipeline: how a file becomes units, and who learns from a unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from calmops_flows.spec import PipelineSpec
from calmops_flows.steps.trainers import BlockTrainer, IpipTrainer, Trainer


@dataclass(frozen=True, slots=True)
class Kind:
    """What makes a pipeline one of its kind.

    ``block_column`` names the column that splits a file into units; None: a file is one.
    """

    block_column: Callable[[PipelineSpec], str | None]
    trainer: Trainer


def _whole(spec: PipelineSpec) -> str | None:  # noqa: ARG001 - the table's form
    return None


def _by_block(spec: PipelineSpec) -> str | None:
    return spec.block.column if spec.block else None


KINDS: dict[str, Kind] = {
    "stream": Kind(_whole, Trainer()),
    "block": Kind(_by_block, BlockTrainer()),
    "ipip": Kind(_by_block, IpipTrainer()),
}


def block_column(spec: PipelineSpec) -> str | None:
    """Return the column that splits the files of a pipeline, None if they stay whole."""
    return KINDS[spec.kind].block_column(spec)


def splits(spec: PipelineSpec) -> bool:
    """Tell whether the files of a pipeline are split into blocks."""
    return block_column(spec) is not None
