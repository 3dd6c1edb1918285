"""A first spec from a look at a folder of data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from calmops_flows.data.kinds import contract_type
from calmops_flows.data.readers import READERS
from calmops_flows.data.source import natural_key
from calmops_flows.data.table import read_table
from calmops_flows.errors import SnapshotError, SpecError
from calmops_flows.learning.columns import infer_task
from calmops_flows.logs import inert
from calmops_flows.spec import NAME_PATTERN, parse_spec

if TYPE_CHECKING:
    import pyarrow as pa

TARGETS = ("target", "label", "y", "class", "outcome")
MAX_TRIES = 3
_PACKED = (".gz", ".zip")
_MODELS = {
    "classification": "sklearn.ensemble.HistGradientBoostingClassifier",
    "regression": "sklearn.ensemble.HistGradientBoostingRegressor",
}
_TEMPLATE = """\
# Drafted from {file} ({rows:,} rows of {files} files).
# Columns: {columns}
# All fields and their meaning: calmops schema
name: {name}
{kind}
target: {target}         # {guess}
task: {task}
source:
  path: {path}           # new files in this folder are processed in order
  pattern: {pattern}
  format: auto           # by suffix
model:                   # any scikit-learn estimator; text and dates are encoded for it
  class: {model}
  params: {params}
{parts}"""
_JUDGED = """\
drift:
  alpha: 0.05            # chance of any false alarm per snapshot
retrain:
  when: drift            # or performance, always, never, every:N
  mode: auto             # the last 5,000 rows or more, else all; or full, window ...: calmops modes
evaluation:
  holdout: 0.2           # newest rows, which judge and do not train
  thresholds: {{}}         # for example {{{metric}: {bound}}}
"""
_BLOCK = """\
block:
  column: {block}         # files are split by it; a block is known by its id and rows
  eval_blocks: []        # blocks that only judge; none: the newest rows of each block
  fallback: global       # who predicts for an unknown block; or ensemble
"""
_UNITS = """\
block:
  column: {block}         # files are split by it, and each block is learnt from in turn
"""
_IPIP = """\
ipip:
  minority_fraction: 0.75 # of the minority rows, in each partition
  majority_share: 0.55    # of a partition's rows are of the majority
  metric: balanced_accuracy
  validation_share: 0.2   # of each unit, which decides what is kept
"""


@dataclass(frozen=True, slots=True)
class _KindText:
    """What a draft says about one kind of pipeline.

    ``parts`` always stand there, ``block_part`` when a block column is named; ``model``
    replaces the usual one.
    """

    line: str
    parts: str
    block_part: str
    needs_block: bool = False
    model: tuple[str, str] | None = None


KINDS = {
    "stream": _KindText("kind: stream             # every file is a snapshot", _JUDGED, ""),
    "block": _KindText(
        "kind: block              # every block of a file is a snapshot, with a model of its own",
        _JUDGED,
        _BLOCK,
        needs_block=True,
    ),
    "ipip": _KindText(
        "kind: ipip               # an ensemble of ensembles for rare classes; always learns",
        _IPIP,
        _UNITS,
        model=("sklearn.ensemble.RandomForestClassifier", "{n_estimators: 20}"),
    ),
}
_STANZA = """\
  - name: {name}
    entrypoint: calmops_flows/flows/{kind}_flow.py:{kind}
    parameters:
      pipeline: {name}
    work_pool:
      name: calmops
    schedules:
      - interval: 300
        slug: safety-net
    triggers:
      - type: event
        enabled: true
        match:
          prefect.resource.id: calmops.snapshot.{name}
        expect:
          - calmops.snapshot.arrived
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it was found."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Look:
    """What a folder holds, by its first file that can be read."""

    folder: Path
    file: str
    files: int
    suffix: str
    table: pa.Table
    columns: tuple[Column, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A spec as text, with the guesses it rests on."""

    name: str
    target: str
    task: str
    kind: str
    text: str
    stanza: str


def look(folder: str) -> Look:
    """Read the first file of a folder.

    Raises
    ------
    SpecError
        If there is no such folder, or no file in it that can be read.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise SpecError(f"there is no folder {folder!r}")
    names = [path.relative_to(root).as_posix() for path in root.rglob("*") if _is_data(path)]
    failures: list[str] = []
    for name in sorted(names, key=natural_key)[:MAX_TRIES]:
        try:
            batch = read_table(root / name, name=name)
        except SnapshotError as err:
            failures.append(f"{name!r}: {err}")
            continue
        columns = tuple(
            Column(field.name, contract_type(field.type) or "unknown")
            for field in batch.table.schema
        )
        warnings = (*failures, *batch.warnings)
        return Look(root, name, len(names), _suffix(name), batch.table, columns, warnings)
    reasons = "; ".join(failures) or f"none of the formats {', '.join(sorted(READERS))}"
    raise SpecError(f"no file in {folder!r} can be read: {reasons}")


def _is_data(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and _suffix(path.name)[1:] in READERS


def _suffix(name: str) -> str:
    path = Path(name.lower())
    return Path(path.stem).suffix if path.suffix in _PACKED else path.suffix


def draft(
    found: Look,
    *,
    name: str | None,
    target: str | None,
    kind: str | None = None,
    block: str | None = None,
) -> Draft:
    """Write a spec for what was found.

    Parameters
    ----------
    found : Look
        What the folder holds.
    name, target : str or None
        Name of the pipeline and column to predict; default: guesses.
    kind : str or None
        A key of `KINDS`; default: ``block`` when there is a block column, else ``stream``.
    block : str or None
        Column that splits the files.

    Raises
    ------
    SpecError
        If the name is not one, there is no such kind or column, or kind and block do
        not go together.
    """
    names = [column.name for column in found.columns]
    kind = kind or ("stream" if block is None else "block")
    words = _words(kind, block, names, found.file)
    chosen, guess = _target([name for name in names if name != block], target, found.file)
    task = infer_task(found.table.column(names.index(chosen)), "auto")
    pipeline = name or _name(found.folder)
    is_class = task == "classification"
    model, params = words.model or (_MODELS[task], "{}")
    parts = (words.parts + (words.block_part if block else "")).format(
        metric="balanced_accuracy" if is_class else "rmse",
        bound="0.7" if is_class else "10.0",
        block=_scalar(block or ""),
    )
    text = _TEMPLATE.format(
        file=inert(found.file),
        rows=found.table.num_rows,
        files=found.files,
        columns=_columns(found.columns),
        name=_scalar(pipeline),
        target=_scalar(chosen),
        guess=guess,
        task=task,
        path=_scalar(str(found.folder.resolve())),
        pattern=_scalar(f"*{Path(found.file).suffix}"),
        model=model,
        params=params,
        kind=words.line,
        parts=parts,
    )
    parse_spec(yaml.safe_load(text), where="the draft")
    stanza = _STANZA.format(name=pipeline, kind=kind)
    return Draft(pipeline, chosen, task, kind, text, stanza)


def _words(kind: str, block: str | None, names: list[str], file: str) -> _KindText:
    """Return what to say about a kind, if its block column is there."""
    if kind not in KINDS:
        raise SpecError(f"kind must be one of {sorted(KINDS)}, got {kind!r}")
    words = KINDS[kind]
    if words.needs_block and block is None:
        raise SpecError(f"kind {kind!r} needs the column that splits the files: --block COLUMN")
    if block is not None and not words.block_part:
        raise SpecError(f"kind {kind!r} does not split its files; leave --block {block!r} out")
    if block is not None and block not in names:
        raise _no_column(block, names, file)
    return words


def _no_column(wanted: str, names: list[str], file: str) -> SpecError:
    shown = ", ".join(repr(name) for name in names[:10])
    return SpecError(f"{file!r} has no column {wanted!r}; its first are {shown}")


def _target(names: list[str], wanted: str | None, file: str) -> tuple[str, str]:
    if wanted is not None:
        if wanted not in names:
            raise _no_column(wanted, names, file)
        return wanted, "the column to predict"
    usual = next((name for name in names if name.lower() in TARGETS), None)
    if usual is not None:
        return usual, "a guess, by its name"
    return names[-1], "a guess: the last column"


def _name(folder: Path) -> str:
    """Make a name of the folder's."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("-._")[:64]
    return plain if re.fullmatch(NAME_PATTERN, plain) else "pipeline"


def _columns(columns: tuple[Column, ...]) -> str:
    shown = ", ".join(f"{inert(column.name)[:40]} ({column.type})" for column in columns[:30])
    return shown if len(columns) <= 30 else f"{shown}, and {len(columns) - 30} more"


def _scalar(value: str) -> str:
    """Write a string as YAML on one line."""
    text = yaml.safe_dump(value, default_style='"', width=2**20)
    return text.strip() if not re.fullmatch(r"[A-Za-z][\w./-]*", value) else value
