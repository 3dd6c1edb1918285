"""``calmops modes``."""

from __future__ import annotations

from calmops_flows.cli.options import Json

AUTO = (
    "The default: `window`; where its model is turned away, `full` on the new and on all kept "
    "rows, which must be shown to be better."
)


def modes(json: Json = False) -> None:
    """List the retraining modes: number in historical configurations, meaning, what they need."""
    from calmops_flows.cli.output import emit_json, say_table
    from calmops_flows.learning.retraining import RETRAINERS
    from calmops_flows.spec import HISTORICAL_MODES
    from calmops_flows.steps.validate import MODE_NEEDS

    numbers: dict[str, int] = {name: number for number, name in HISTORICAL_MODES.items()}
    rows = [
        (mode, numbers.get(mode), _meaning(function), MODE_NEEDS.get(mode))
        for mode, function in RETRAINERS.items()
    ]
    rows.append(("auto", None, AUTO, None))
    if json:
        keys = ("mode", "number", "meaning", "needs")
        emit_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    shown = [
        (mode, "" if number is None else number, meaning, f"{needs}()" if needs else "any model")
        for mode, number, meaning, needs in rows
    ]
    say_table(("mode", "number", "meaning", "needs"), shown)


def _meaning(function: object) -> str:
    """Return the first line of a docstring, on one line."""
    return " ".join((function.__doc__ or "").strip().split("\n\n")[0].split())
