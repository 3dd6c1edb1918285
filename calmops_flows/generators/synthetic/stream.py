"""``generate``: a synthetic stream with its drifts, blocks and disturbances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from calmops_flows.errors import SpecError
from calmops_flows.generators.synthetic import CONCEPTS
from calmops_flows.generators.synthetic.balance import Classes, wanted_classes
from calmops_flows.generators.synthetic.draw import draw
from calmops_flows.generators.synthetic.drift import course, parse_drifts
from calmops_flows.generators.synthetic.extras import (
    Extras,
    add_features,
    disturb_target,
    remove_values,
)
from calmops_flows.generators.values import DateText, declared, member
from calmops_flows.spec.base import Part

TARGET, BLOCK = "target", "block"
MAX_ROWS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Generated:
    """A synthetic stream.

    Parameters
    ----------
    data : DataFrame of shape (n_rows, n_features)
        Features, and the columns of dates and blocks if there are any.
    target : Series of shape (n_rows,)
        Classes or numbers.
    change_points : tuple of int
        Rows at which something begins or ends to change, ascending.
    metadata : dict
        Generator, parameters, seed, drifts, blocks, and rows with wrong labels.
    """

    data: pd.DataFrame
    target: pd.Series
    change_points: tuple[int, ...]
    metadata: dict[str, Any]

    def frame(self) -> pd.DataFrame:
        """Return features and target in one table."""
        return self.data.assign(**{str(self.target.name): self.target})


class BlockPlan(Part):
    """One block of a stream, with what differs from the others."""

    id: str | int
    n_samples: int = Field(ge=1)
    params: dict[str, Any] = Field(default_factory=dict)
    """Parameters of the generator that differ in this block."""
    drift: Any = None
    """Drifts inside the block; positions count from its first row."""
    random_state: int | None = None
    """A seed of its own."""
    start: DateText | None = None
    """First date of the block, where the stream has dates."""


def generate(
    name: str,
    n_samples: int,
    *,
    random_state: int,
    drift: object = None,
    classes: Classes = None,
    blocks: Sequence[object] | None = None,
    extras: Mapping[str, Any] | Extras | None = None,
    **params: Any,
) -> Generated:
    """Draw a synthetic stream.

    Parameters
    ----------
    name : str
        A generator; see `CONCEPTS`.
    n_samples : int
        Rows, over all blocks.
    random_state : int
        Seed; the same seed gives the same stream.
    drift : mapping or sequence of mappings, optional
        Drifts as `StreamDrift` has them: kind, position, width, shape, period, to.
    classes : "balanced" or mapping of class to float, optional
        Let the classes take turns, or draw each row's class with these probabilities, in time
        order either way; ``{1: 0.02}`` is an imbalance ratio.
    blocks : sequence of mappings, optional
        One `BlockPlan` a block; their sizes add up to `n_samples`. Ids go to a column `block`.
    extras : mapping, optional
        What is laid over the stream; see `Extras`.
    **params : Any
        Parameters of the generator.

    Returns
    -------
    Generated
        Features, target, change points, metadata.

    Raises
    ------
    SpecError
        If a name, parameter, size or position is not valid; the message lists what is.

    Examples
    --------
    >>> stream = generate(
    ...     "sea", 1000, random_state=1, variant=0,
    ...     drift={"kind": "abrupt", "position": 500, "to": {"variant": 2}},
    ... )
    >>> stream.change_points, stream.data.shape
    ((500,), (1000, 3))
    """
    if not 1 <= n_samples <= MAX_ROWS:
        raise SpecError(f"n_samples must lie between 1 and {MAX_ROWS}, got {n_samples!r}")
    laid = declared(Extras, extras or {}, where="extras")
    common = _Common(name, drift, classes, laid, params)
    if blocks is None:
        return _stream(common, n_samples, random_state)
    plans = [declared(BlockPlan, block, where="blocks") for block in blocks]
    return _in_blocks(common, plans, n_samples, random_state)


@dataclass(frozen=True, slots=True)
class _Common:
    name: str
    drift: object
    classes: Classes
    extras: Extras
    params: Mapping[str, Any]


def _stream(common: _Common, n_rows: int, seed: int) -> Generated:
    rng = np.random.default_rng(seed)
    kind = member(CONCEPTS, common.name, what="generator")
    concept = declared(kind, common.params, where=common.name)
    drifts = parse_drifts(common.drift)
    way = course(concept, drifts, n_rows, rng)
    wanted = wanted_classes(concept, n_rows, common.classes, rng)
    columns, target = draw(way, wanted, rng)
    add_features(columns, common.extras, rng)
    target, wrong = disturb_target(target, common.extras.label_noise, concept.task, rng)
    data = remove_values(pd.DataFrame(columns), common.extras.missing, rng)
    if common.extras.dates is not None:
        dates = common.extras.dates.values(n_rows, rng)
        data.insert(0, str(dates.name), dates)
    metadata = {
        "generator": common.name,
        "task": concept.task,
        "parameters": concept.model_dump(mode="json"),
        "random_state": seed,
        "drifts": [drift.model_dump(mode="json") for drift in drifts],
        "wrong_labels": wrong.tolist() if concept.task == "classification" else [],
    }
    return Generated(data, pd.Series(target, name=TARGET), way.change_points, metadata)


def _in_blocks(common: _Common, plans: Sequence[BlockPlan], n_rows: int, seed: int) -> Generated:
    total = sum(plan.n_samples for plan in plans)
    if total != n_rows:
        raise SpecError(f"the blocks' sizes add up to {total}, and n_samples is {n_rows}")
    seeds = np.random.SeedSequence(seed).generate_state(max(1, len(plans)))
    parts, points, about, start = [], [], [], 0
    for plan, drawn in zip(plans, seeds, strict=True):
        own = int(drawn) if plan.random_state is None else plan.random_state
        part = _stream(_of_block(common, plan), plan.n_samples, own)
        parts.append(part)
        points += [start + point for point in part.change_points]
        about.append({"id": plan.id, "start": start, **part.metadata})
        start += plan.n_samples
    data = pd.concat([part.data for part in parts], ignore_index=True)
    data.insert(0, BLOCK, np.repeat([p.id for p in plans], [p.n_samples for p in plans]))
    target = pd.concat([part.target for part in parts], ignore_index=True)
    metadata = {"generator": common.name, "random_state": seed, "blocks": about}
    return Generated(data, target, tuple(points), metadata)


def _of_block(common: _Common, plan: BlockPlan) -> _Common:
    extras = common.extras
    if plan.start is not None:
        if extras.dates is None:
            raise SpecError(f"block {plan.id!r} has a start, and the stream has no dates")
        dates = extras.dates.model_copy(update={"start": plan.start})
        extras = extras.model_copy(update={"dates": dates})
    return _Common(
        common.name,
        common.drift if plan.drift is None else plan.drift,
        common.classes,
        extras,
        {**common.params, **plan.params},
    )
