"""Synthesizers of SDV, for users who have installed it themselves."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from calmops_flows.errors import MissingExtraError, SpecError
from calmops_flows.generators.synthesis.base import Method
from calmops_flows.generators.synthesis.free import Matched

if TYPE_CHECKING:
    from calmops_flows.generators.synthesis.columns import Floats, Table

ROWS, OLDEST = "rows", 2  # SDV wants a name for the table
Synthesizer = Literal["GaussianCopula", "CTGAN", "TVAE", "CopulaGAN"]


class Sdv(Method):
    """A synthesizer of SDV 2, which you install yourself: its licence (BUSL-1.1) limits its use.

    It gets numbers as they are, dates as numbers, and categories as texts, so that it guesses
    nothing from names or formats.
    """

    WARNING: ClassVar[str | None] = (
        "SDV draws random numbers of its own: random_state does not reach it, and its neural "
        "synthesizers give other rows at each run"
    )
    synthesizer: Synthesizer = "GaussianCopula"
    """Which one."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What it is created with, for example epochs."""

    def learn(self, table: Table, rng: np.random.Generator, given: tuple[int, ...] = ()) -> Matched:
        """Fit the synthesizer.

        Raises
        ------
        MissingExtraError
            If SDV 2 is not installed.
        SpecError
            If the synthesizer does not take the options.
        """
        del rng, given
        single_table, Metadata, refused = _sdv()
        kinds = {
            one.name: {"sdtype": "categorical" if one.is_category else "numerical"}
            for one in table.columns
        }
        about = Metadata.load_from_dict({"columns": kinds}, single_table_name=ROWS)
        try:
            model = getattr(single_table, f"{self.synthesizer}Synthesizer")(about, **self.options)
        except (TypeError, ValueError, AttributeError, refused) as err:
            raise SpecError(f"sdv: {self.synthesizer} refuses these options: {err}") from err
        model.fit({ROWS: _shown(table)})
        return Matched(table, Sampler(table, model))


def _sdv() -> tuple[Any, Any, type[Exception]]:
    """Return what is used of SDV."""
    try:
        found = metadata.version("sdv")
        from sdv import single_table
        from sdv.errors import SynthesizerInputError
        from sdv.metadata import Metadata
    except (ImportError, metadata.PackageNotFoundError) as err:
        raise MissingExtraError(
            "the method sdv needs SDV 2, which is in no extra because its licence (BUSL-1.1) "
            "limits production use; read it, then: pip install 'sdv>=2'"
        ) from err
    if int(found.partition(".")[0]) < OLDEST:
        raise MissingExtraError(f"the method sdv needs SDV {OLDEST} or later, found {found}")
    return single_table, Metadata, SynthesizerInputError


def _shown(table: Table) -> pd.DataFrame:
    """Return numbers as they are, dates as numbers, and levels as texts: SDV guesses nothing."""
    columns = {}
    for number, one in enumerate(table.columns):
        values: Any = table.values[:, number]
        if one.is_category:
            values = [None if np.isnan(code) else str(int(code)) for code in values]
        columns[one.name] = values
    return pd.DataFrame(columns)


@dataclass(frozen=True, slots=True)
class Sampler:
    """A fitted synthesizer."""

    table: Table
    model: Any

    def draw(self, n_rows: int, rng: np.random.Generator) -> Floats:
        """Draw rows."""
        del rng
        frame = self.model.sample(n_rows)[ROWS]
        return np.column_stack(
            [frame[one.name].to_numpy(dtype=float, na_value=np.nan) for one in self.table.columns]
        )
