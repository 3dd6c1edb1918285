"""Plans of several injections, and the rows that each acts on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import yaml
from pydantic import Field, model_validator

from calmops_flows.errors import SpecError
from calmops_flows.generators.formula import evaluate
from calmops_flows.generators.injection import INJECTORS
from calmops_flows.generators.injection.base import Injector, require
from calmops_flows.generators.injection.tables import columns_of
from calmops_flows.generators.profile import Profile
from calmops_flows.generators.values import DateText, declared, member, without
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Rows(Part):
    """Which rows; every part that is given must hold. None given: all rows."""

    index: tuple[int, ...] | None = None
    """Row numbers, from 0."""
    start: int | None = Field(default=None, ge=0)
    """First row number."""
    stop: int | None = Field(default=None, ge=0)
    """One past the last row number."""
    column: str | None = None
    """Column of blocks or dates, for the parts below."""
    blocks: tuple[str | int, ...] | None = None
    """Ids of blocks."""
    since: DateText | None = None
    """First date."""
    until: DateText | None = None
    """One past the last date."""
    where: str | None = None
    """A formula that is true, for example ``age > 60 and group == 'b'``."""

    @model_validator(mode="after")
    def _fits(self) -> Rows:
        needs = self.blocks is not None or self.since is not None or self.until is not None
        if needs != (self.column is not None):
            raise ValueError("column belongs to blocks, since and until, and these need it")
        return self

    def of(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which rows of a table are meant.

        Raises
        ------
        SpecError
            If a column is not there, a row number lies outside, or nothing is left.
        """
        chosen = np.ones(len(frame), dtype=bool)
        if self.index is not None:
            chosen &= self._by_number(len(frame))
        numbers = np.arange(len(frame))
        chosen &= numbers >= (self.start or 0)
        chosen &= numbers < (len(frame) if self.stop is None else self.stop)
        if self.column is not None:
            require(frame, [self.column])
            chosen &= self._by_column(frame[self.column])
        if self.where is not None:
            holds = evaluate(self.where, columns_of(frame))
            if holds.dtype != np.bool_:
                raise SpecError(f"rows.where must be a condition, got {self.where!r}")
            chosen &= holds
        if len(frame) and not chosen.any():
            raise SpecError(f"no row fits {self.model_dump(exclude_none=True)}")
        return chosen

    def _by_number(self, n_rows: int) -> NDArray[np.bool_]:
        wanted = np.array(self.index, dtype=np.int64)
        if len(wanted) and (wanted.min() < 0 or wanted.max() >= n_rows):
            raise SpecError(f"rows.index names row {wanted.max()}, and there are {n_rows} rows")
        found = np.zeros(n_rows, dtype=bool)
        found[wanted] = True
        return found

    def _by_column(self, column: pd.Series) -> NDArray[np.bool_]:
        found = np.ones(len(column), dtype=bool)
        if self.blocks is not None:
            found &= column.isin(list(self.blocks)).to_numpy()
        if self.since is not None or self.until is not None:
            try:
                dates = pd.to_datetime(column)
                if self.since is not None:
                    found &= (dates >= pd.Timestamp(self.since)).to_numpy()
                if self.until is not None:
                    found &= (dates < pd.Timestamp(self.until)).to_numpy()
            except (ValueError, TypeError) as err:
                raise SpecError(f"rows: column {self.column!r} holds no dates: {err}") from err
        return found


class Step(Part):
    """One injection of a plan."""

    kind: str
    """An injector; see `INJECTORS`."""
    profile: Profile = Profile()
    """How its strength grows, counted over the rows that it acts on."""
    rows: Rows = Rows()
    """Which rows it acts on."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Parameters of the injector."""

    def injector(self) -> Injector:
        """Return the injector with its parameters.

        Raises
        ------
        SpecError
            If there is none of that name, a parameter is not valid, or it acts on whole tables
            and rows or a profile are given.
        """
        made = declared(member(INJECTORS, self.kind, what="injector"), self.params, where=self.kind)
        if made.WHOLE and (self.rows != Rows() or self.profile != Profile()):
            raise SpecError(f"{self.kind} changes whole tables; leave out rows and profile")
        return made


def parse_plan(plan: object) -> tuple[Step, ...]:
    """Read a plan: one step, several, ``{steps: [...]}``, or the path of a YAML file.

    Keys of a step that are no fields of `Step` are parameters of its injector.

    Raises
    ------
    SpecError
        If the file cannot be read or a step is not valid.
    """
    if isinstance(plan, str | Path):
        plan = _read(Path(plan))
    if isinstance(plan, Mapping) and "steps" in plan:
        if set(plan) != {"steps"}:
            raise SpecError(f"a plan holds `steps` only, got {sorted(map(str, plan))}")
        plan = plan["steps"]
    several = list(plan) if isinstance(plan, Sequence) else [plan]
    if not several:
        raise SpecError("the plan holds no step")
    return tuple(_step(values, number) for number, values in enumerate(several))


def _read(file: Path) -> object:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as err:
        raise SpecError(f"cannot read the plan {str(file)!r}: {err}") from err


def _step(values: object, number: int) -> Step:
    if isinstance(values, Step):
        return values
    where = f"step {number + 1} of the plan"
    if not isinstance(values, Mapping):
        raise SpecError(f"{where}: expected a mapping, got {type(values).__name__}")
    known = {"kind", "profile", "rows", "params"}
    loose = without(values, *known)
    if loose and "params" in values:
        raise SpecError(f"{where}: parameters stand beside `params`: {', '.join(map(str, loose))}")
    fields = {key: value for key, value in values.items() if key in known}
    return declared(Step, {"params": loose, **fields}, where=where)
