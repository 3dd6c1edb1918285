"""A feed: what a source gets, one snapshot after another, each a function of its number."""

from __future__ import annotations

import hashlib
import io
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import Field, model_validator

from calmops_flows.errors import SpecError
from calmops_flows.generators.scenario.build import build, parse_scenario, ready
from calmops_flows.generators.scenario.plan import Scenario
from calmops_flows.generators.synthetic.stream import generate
from calmops_flows.generators.values import declared, member
from calmops_flows.spec.base import Part

if TYPE_CHECKING:
    import pandas as pd


MOST_ROWS = 20_000_000


class Stream(Part):
    """A synthetic stream that is cut into snapshots of equal size."""

    name: str
    """A generator; see ``calmops generate list``."""
    rows: int = Field(ge=1, le=10_000_000)
    """Rows of a snapshot."""
    periods: int = Field(ge=1, le=100_000)
    """Snapshots; then the feed has ended."""
    params: dict[str, Any] = Field(default_factory=dict)
    """What `generate` takes besides: the generator's parameters, drift, classes, extras.

    Positions count rows of the whole stream; a float is a share of it."""

    @model_validator(mode="after")
    def _fits(self) -> Stream:
        if self.rows * self.periods > MOST_ROWS:
            raise ValueError(
                f"{self.periods:,} snapshots of {self.rows:,} rows are more than the "
                f"{MOST_ROWS:,} rows of a feed, which draws its whole stream for each run"
            )
        return self

    def snapshots(self, seed: int) -> tuple[pd.DataFrame, ...]:
        """Return the rows of all snapshots: parts of one stream."""
        whole = generate(self.name, self.rows * self.periods, random_state=seed, **self.params)
        frame = whole.frame()
        return tuple(
            frame[start : start + self.rows].reset_index(drop=True)
            for start in range(0, len(frame), self.rows)
        )


class Feed(Part):
    """What is written, where, and from which seed."""

    name: str = Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Name of the deployment that feeds."""
    folder: str
    """The source's folder; relative to the file that says so."""
    stream: Stream | None = None
    scenario: str | dict[str, Any] | None = None
    """Name of a ready scenario, or one of its own; its pipeline is not used."""
    random_state: int = 0
    format: Literal["csv", "parquet"] = "csv"

    @model_validator(mode="after")
    def _one(self) -> Feed:
        if (self.stream is None) == (self.scenario is None):
            raise ValueError("give either a stream or a scenario")
        if "://" in self.folder:
            raise ValueError("a feed writes into a local folder")
        return self

    def digest(self) -> str:
        """Return what tells feeds apart whose snapshots differ."""
        values = self.model_dump(mode="json", exclude={"name", "folder"})
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def periods(self) -> int:
        """Return how many snapshots there are.

        Raises
        ------
        SpecError
            If the scenario is not valid.
        """
        return self._scenario().periods if self.stream is None else self.stream.periods

    def file_name(self, number: int) -> str:
        """Return the name of a snapshot; names ascend as numbers do."""
        return f"period-{number:06}.{self.format}"

    def content(self, number: int) -> bytes:
        """Return the bytes of a snapshot, from 1; the same at every call.

        Raises
        ------
        SpecError
            If generator, parameters or scenario are not valid.
        """
        rows = self._drawn[number - 1]
        if self.format == "csv":
            return rows.to_csv(index=False).encode()
        buffer = io.BytesIO()
        rows.to_parquet(buffer, index=False)
        return buffer.getvalue()

    @cached_property
    def _drawn(self) -> tuple[pd.DataFrame, ...]:
        """All snapshots, drawn once: what comes late depends on what came before."""
        if self.stream is not None:
            return self.stream.snapshots(self.random_state)
        built = build(self._scenario(), random_state=self.random_state)
        return tuple(period.rows for period in built)

    def _scenario(self) -> Scenario:
        named = isinstance(self.scenario, str)
        found = (
            member(ready(), self.scenario, what="scenario")
            if named
            else parse_scenario(self.scenario)
        )
        if found.base is not None:
            raise SpecError(
                f"scenario {found.name!r} starts from real data, which a feed cannot draw; write "
                "it at once with `calmops generate scenario`"
            )
        return found


def read_feed(file: str | Path) -> Feed:
    """Read a feed from YAML; its folder becomes absolute.

    Raises
    ------
    SpecError
        If the file cannot be read, or does not say something valid.
    """
    path = Path(file).expanduser().absolute()
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as err:
        raise SpecError(f"cannot read the feed {str(path)!r}: {err}") from err
    feed = declared(Feed, values, where=str(path))
    feed.periods()
    folder = str(path.parent / Path(feed.folder).expanduser())
    return feed.model_copy(update={"folder": folder})
