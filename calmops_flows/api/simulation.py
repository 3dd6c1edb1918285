"""Simulate drift, and see what the detectors say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from calmops_flows.compared import Pages, Preview
    from calmops_flows.detectors.policy import DriftPolicy
    from calmops_flows.simulated import Simulated
    from calmops_flows.steps.simulation import Choices, Suggestion


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
    """Draw snapshots, inject drift, and set the verdicts beside the truth.

    The first snapshot is the reference of all others. A tree fitted on its first half predicts
    the others, and a streaming detector watches its errors. Nothing is stored.

    Parameters
    ----------
    source : str
        A generator (``"sea"``), or a ready scenario that needs no other data
        (``"clinical_batch_effect"``); see `simulation_choices`.
    params : mapping of str to Any, optional
        Parameters of the generator.
    plan : mapping or sequence of mappings, optional
        Injections, as `calmops_flows.generators.inject` takes them, without ``rows``: profiles
        count from the first row of the snapshot ``begins``.
    n_snapshots : int, default 12
        From 2 to 60.
    n_rows : int, default 500
        Rows of a snapshot, from 50 to 10,000; all cells together at most 2,000,000.
    begins : int, default 5
        The first snapshot that is changed, from 2 on.
    random_state : int, default 0
        The same seed gives the same simulation.
    policy : DriftPolicy, optional
        Default: alpha 0.05 over all columns and tests of one snapshot.

    Returns
    -------
    Simulated
        Truth and verdict by snapshot and column, and the commands that make the same data.

    Raises
    ------
    SpecError
        If a name, size or parameter is not valid, or the plan does not fit the data.

    Examples
    --------
    >>> step = {"kind": "shift", "columns": ["x0"], "magnitude": 1.0}
    >>> found = simulate("sea", plan=step, n_snapshots=4, begins=3)
    >>> [snapshot.outcome for snapshot in found.snapshots]
    ['reference', 'quiet', 'found', 'found']
    """
    from calmops_flows.steps.simulation import simulate as draw_and_judge

    return draw_and_judge(
        source,
        params=params,
        plan=plan,
        n_snapshots=n_snapshots,
        n_rows=n_rows,
        begins=begins,
        random_state=random_state,
        policy=policy,
    )


def preview_comparison(
    source: str,
    against: int | str,
    *,
    params: Mapping[str, Any] | None = None,
    plan: object = None,
    n_snapshots: int = 12,
    n_rows: int = 500,
    begins: int = 5,
    random_state: int = 0,
) -> Preview:
    """Compare the first snapshot of a simulation with a later one, or with rows like its own.

    Parameters
    ----------
    source : str
        As in `simulate`; the same arguments draw the same snapshots.
    against : int or str
        The number of a later snapshot; or a method of `calmops_flows.generators.synthesize`
        (``"cart"``), which learns the first snapshot and draws as many rows.
    params, plan, n_snapshots, n_rows, begins, random_state
        As in `simulate`.

    Returns
    -------
    Preview
        The comparison, and its report as a page and as JSON.

    Raises
    ------
    SpecError
        If there is no such snapshot or method, or an argument is not valid.

    Examples
    --------
    >>> step = {"kind": "shift", "columns": ["x0"], "magnitude": 1.0}
    >>> preview_comparison("sea", 5, plan=step).comparison.verdict.drifted
    ('x0',)
    """
    from calmops_flows.steps.simulation import preview

    return preview(
        source,
        against,
        params=params,
        plan=plan,
        n_snapshots=n_snapshots,
        n_rows=n_rows,
        begins=begins,
        random_state=random_state,
    )


def report_simulation(found: Simulated) -> Pages:
    """Return the report on all snapshots of a simulation, as a page and as JSON."""
    from calmops_flows.steps.simulation import snapshot_pages

    return snapshot_pages(found)


def simulation_choices() -> Choices:
    """Return the generators, scenarios and injectors that a simulation can use."""
    from calmops_flows.steps.simulation import choices

    return choices()


def suggest_injection(
    source: str, kind: str, *, params: Mapping[str, Any] | None = None, column: str | None = None
) -> Suggestion:
    """Return parameters of an injector that fit a source.

    Parameters
    ----------
    source : str
        A generator or a ready scenario.
    kind : str
        An injector.
    params : mapping of str to Any, optional
        Parameters of the generator.
    column : str, optional
        The column to act on; default the first that fits.

    Raises
    ------
    SpecError
        If a name or parameter is not valid, or the source has no column that fits.

    Examples
    --------
    >>> suggest_injection("sea", "shift", column="x1").params
    {'columns': ['x1'], 'magnitude': 0.5}
    """
    from calmops_flows.steps.simulation import suggest

    return suggest(source, kind, params=params, column=column)
