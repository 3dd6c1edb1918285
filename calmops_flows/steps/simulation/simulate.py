"""Draw snapshots, change them, and let the detectors judge."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from calmops_flows.data.frame import read_frame
from calmops_flows.detectors.decision import check
from calmops_flows.detectors.policy import DriftPolicy
from calmops_flows.generators.values import declared
from calmops_flows.profiles import profile
from calmops_flows.simulated import Simulated, SimulatedSnapshot
from calmops_flows.steps.simulation.change import changed_parts, parse, to_yaml
from calmops_flows.steps.simulation.errors import Errors, watcher
from calmops_flows.steps.simulation.source import Size, draw, scenarios

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from calmops_flows.steps.simulation.change import Part

STREAM, DRIFTED, PLAN = "stream.parquet", "drifted.parquet", "plan.yaml"


def simulate(
    source: str,
    *,
    params: Mapping[str, Any] | None = None,
    plan: object = None,
    n_snapshots: int = 12,
    n_rows: int = 500,
    begins: int = 5,
    random_state: int = 0,
    policy: DriftPolicy | None = None,
) -> Simulated:
    """Do what `calmops_flows.api.simulate` documents."""
    given = {"n_snapshots": n_snapshots, "n_rows": n_rows, "begins": begins}
    size = declared(Size, {**given, "random_state": random_state}, where="simulation")
    drawn = draw(source, params or {}, size)
    steps = parse(plan, drawn, size)
    parts = changed_parts(drawn, steps, size)
    found = _judged(parts, drawn.target, size, policy or DriftPolicy())
    # A plan for one file of all rows; the files of a scenario, and changes of a schema, have none.
    has_twin = source not in scenarios() and not any(step.injector().WHOLE for step in steps)
    text = to_yaml(steps) if has_twin else ""
    kinds = ", ".join(step.kind for step in steps) or "nothing injected"
    about = f"{n_snapshots} snapshots of {n_rows} rows of {source}: {kinds}"
    return Simulated(found, _commands(source, params or {}, size, text), text, about)


def _judged(
    parts: list[Part], target: str, size: Size, policy: DriftPolicy
) -> tuple[SimulatedSnapshot, ...]:
    tables = [_table(part) for part in parts]
    reference = profile(tables[0], key="0")
    model = watcher(tables[0], target, random_state=size.random_state)
    found = []
    for number, (part, table) in enumerate(zip(parts, tables, strict=True), start=1):
        is_first = number == 1
        report = None
        errors = Errors(None, None, "the model was fitted on it")
        if not is_first:
            report = check(reference, profile(table, key=str(number)), policy)
            errors = Errors(None, None, model) if isinstance(model, str) else model.take(table)
        found.append(
            SimulatedSnapshot(
                number,
                table.num_rows,
                part.changed,
                part.is_changed,
                report,
                errors.mean,
                errors.is_rise,
                errors.is_refused,
                errors.note,
            )
        )
    return tuple(found)


def _table(part: Part) -> pa.Table:
    return read_frame(part.rows).table


def _commands(source: str, params: Mapping[str, Any], size: Size, plan: str) -> tuple[str, ...]:
    seed = f"--seed {size.random_state}"
    if source in scenarios():
        sizes = f"--periods {size.n_snapshots} --rows {size.n_rows}"
        return (f"calmops generate scenario {source} --out {source} {sizes} {seed}",)
    given = "".join(f" --param {shlex.quote(f'{key}={_value(params[key])}')}" for key in params)
    rows = size.n_snapshots * size.n_rows
    lines = [f"calmops generate synthetic {source} {rows} --out {STREAM}{given} {seed}"]
    if plan:
        lines.append(f"calmops generate inject {STREAM} {PLAN} --out {DRIFTED} {seed}")
    return tuple(lines)


def _value(value: object) -> str:
    import yaml

    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.removesuffix("...\n").strip()
