"""``calmops calibrate``."""

from __future__ import annotations

import json as as_json
from typing import TYPE_CHECKING, Annotated

import typer

from calmops_flows.cli.options import Json, Name

if TYPE_CHECKING:
    from calmops_flows.steps.calibrate import Calibration
    from calmops_flows.steps.propose import Rate

RATE_HEADERS = ("verdicts between", "alarms", "of", "rate", "95 % interval")
COLUMN_HEADERS = ("column", "test", "alarms", "of", "median effect", "9th decile", "largest")
SHOWN = 20


def calibrate(
    name: Name,
    splits: Annotated[int, typer.Option(min=20, help="Random splits to try.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the splits.")] = 0,
    json: Json = False,
) -> None:
    """Measure the alarm rate on the pipeline's own data, and propose floors and policy.

    Nothing is changed.
    """
    import numpy as np

    from calmops_flows.cli.output import emit_json, tell
    from calmops_flows.steps.calibrate import calibrate as measure
    from calmops_flows.store.store import open_store

    def advance(done: int, total: int) -> None:
        if done % 50 == 0 or done == total:
            tell(f"[{done}/{total}] verdicts")

    rng = np.random.default_rng(seed)
    with open_store(create=False) as store:
        found = measure(store, name, n_splits=splits, rng=rng, on_progress=advance)
    if json:
        emit_json(found.to_dict())
    else:
        _say(found)


def _say(found: Calibration) -> None:
    from calmops_flows.cli.output import say, say_table

    say(f"Alarms of the verdict of {found.pipeline}, whose alpha is {found.alpha:g}:")
    rates = (
        ("random halves of one snapshot", found.random_splits),
        ("neighbouring stretches of one snapshot", found.ordered_splits),
        ("snapshots that followed one another", found.between_snapshots),
    )
    say_table(RATE_HEADERS, [_rate_row(text, rate) for text, rate in rates])
    if found.columns:
        say()
        say(f"Natural variation over {found.snapshots} snapshots, the most restless columns first:")
        rows = [
            (c.name, c.detector, c.alarms, c.pairs, c.median, c.ninth_decile, c.largest)
            for c in found.columns[:SHOWN]
        ]
        say_table(COLUMN_HEADERS, rows)
        if len(found.columns) > SHOWN:
            say(f"... and {len(found.columns) - SHOWN} more; see --json")
    say()
    for proposal in found.proposals:
        value = as_json.dumps(proposal.value)
        say(f"Consider {proposal.setting} = {value}: {proposal.reason}.")
    if not found.proposals:
        say("Nothing speaks for another setting.")
    for note in found.notes:
        say(f"Note: {note}.")


def _rate_row(text: str, rate: Rate) -> tuple[object, ...]:
    lower, upper = rate.bounds
    interval = f"{lower:.3f} to {upper:.3f}" if rate.trials else None
    return text, rate.alarms, rate.trials, rate.value, interval
