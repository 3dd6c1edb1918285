"""Where data comes from and goes to: source, user code, labels, predictions."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from calmops_flows.spec.base import PASSWORD, Part

Format = Literal[
    "auto", "csv", "tsv", "txt", "parquet", "feather", "arff", "json", "jsonl", "xls", "xlsx"
]


def _plain(path: str) -> str:
    """Refuse what is no place, and secrets: a spec is stored, shown and audited."""
    if not path.strip() or any(ord(c) < 32 for c in path):
        raise ValueError("must be a folder or URL without control characters")
    if PASSWORD.search(path):
        raise ValueError(
            "must not hold a password; give it to the file system's own settings (environment, "
            "credentials file)"
        )
    return path


Place = Annotated[str, AfterValidator(_plain)]


class SourceSpec(Part):
    """Where snapshots arrive."""

    path: Place
    """Directory or fsspec URL (`s3://bucket/folder`) that is watched."""
    pattern: str = "*"
    """Glob that a file's path relative to the source must match."""
    format: Format = "auto"
    """File format; `auto` chooses by suffix."""
    read_options: dict[str, Any] = Field(default_factory=dict)
    """Options of the reader: `delimiter`, `encoding`, `decimal`, `sheet`, `date_format`."""
    order: str = "name"
    """Processing order: `name`, `modified`, or `column:NAME` (smallest value of that column)."""
    settle_seconds: float = Field(2.0, ge=0)
    """A file is taken when size and mtime have not changed for so long."""
    duplicates: Literal["skip", "process"] = "skip"
    """What to do with a file whose bytes were seen before."""

    @field_validator("order")
    @classmethod
    def _order_is_known(cls, order: str) -> str:
        if order in {"name", "modified"} or re.match(r"^column:.+$", order):
            return order
        raise ValueError("must be name, modified or column:NAME")


class PreprocessSpec(Part):
    """User code that turns a frame into features and target."""

    function: str
    """`module:function` or `path.py:function`, `(DataFrame) -> (X, y)`."""
    later: str | None = None
    """Another function for all files after the first."""


class LabelsSpec(Part):
    """Labels that come later, in files of their own."""

    path: Place
    """Folder or URL of the label files."""
    key: str
    """Column that joins them to the rows."""
    pattern: str = "*"
    """Glob of the label files."""
    target: str | None = None
    """Column of the label; default: the pipeline's target."""
    wait: bool = True
    """Whether training waits for them."""


class PredictionsSpec(Part):
    """Where predictions are written besides the store."""

    path: Place
    """Folder or URL."""
    probabilities: bool = False
    """Write class probabilities too."""
