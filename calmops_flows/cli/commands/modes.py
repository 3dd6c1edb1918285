"""``calmops modes``."""

from __future__ import annotations

from typing import get_args

from calmops_flows.cli.options import Json


def modes(json: Json = False) -> None:
    """List the retraining modes, and which of them this version has."""
    from calmops_flows.cli.output import emit_json, say_table
    from calmops_flows.learning.retraining import RETRAINERS
    from calmops_flows.spec import HISTORICAL_MODES, RetrainingMode

    numbers = {name: number for number, name in HISTORICAL_MODES.items()}
    rows = [(mode, numbers.get(mode), mode in RETRAINERS) for mode in get_args(RetrainingMode)]
    if json:
        keys = ("mode", "number", "is_available")
        emit_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    words = {True: "yes", False: "not yet"}
    say_table(
        ("mode", "number", "in this version"), [(name, n, words[is_]) for name, n, is_ in rows]
    )
