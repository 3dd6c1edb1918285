"""Synthesizers of SDV, for users who have installed it themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from calmops_flows.errors import MissingExtraError
from calmops_flows.generators.synthesis.base import Method
from calmops_flows.generators.synthesis.free import Matched

if TYPE_CHECKING:
    from calmops_flows.generators.synthesis.columns import Floats, Table

Synthesizer = Literal["GaussianCopula", "CTGAN", "TVAE", "CopulaGAN"]


class Sdv(Method):
    """A synthesizer of SDV, which you install yourself: its licence (BUSL-1.1) limits its use.

    SDV seeds its sampling in its own way, so `random_state` does not reach it.
    """

    synthesizer: Synthesizer = "GaussianCopula"
    """Which one."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What it is created with, for example epochs."""

    def learn(self, table: Table, rng: np.random.Generator, given: tuple[int, ...] = ()) -> Matched:
        """Fit the synthesizer.

        Raises
        ------
        MissingExtraError
            If SDV is not installed.
        """
        del rng, given
        try:
            from sdv import single_table
            from sdv.metadata import Metadata
        except ImportError as err:
            raise MissingExtraError(
                "the method sdv needs SDV, which is in no extra because its licence (BUSL-1.1) "
                "limits production use; read it, then: pip install sdv"
            ) from err
        frame = table.decode(table.values)[[column.name for column in table.columns]]
        kind = getattr(single_table, f"{self.synthesizer}Synthesizer")
        model = kind(Metadata.detect_from_dataframe(frame), **self.options)
        model.fit(frame)
        return Matched(table, Sampler(table, model))


@dataclass(frozen=True, slots=True)
class Sampler:
    """A fitted synthesizer."""

    table: Table
    model: Any

    def draw(self, n_rows: int, rng: np.random.Generator) -> Floats:
        """Draw rows."""
        del rng
        frame = self.model.sample(n_rows)
        return np.column_stack([one.encode(frame[one.name]) for one in self.table.columns])
