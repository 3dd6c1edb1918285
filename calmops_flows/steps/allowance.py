"""How many fits the budget still allows, and whether a champion knows what is known by now."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from calmops_flows.records import Role, Rule, SnapshotState
from calmops_flows.steps.recipes import reach, recipes
from calmops_flows.store.tables import model_versions, outcomes, snapshots

if TYPE_CHECKING:
    from calmops_flows.steps.evaluate import Champion
    from calmops_flows.steps.recipes import Recipe, Rounds
    from calmops_flows.steps.run import SnapshotRun

GROWTH = 1.25  # less new knowledge than a quarter is left to drift and performance


def fits_allowed(run: SnapshotRun) -> int | None:
    """Count the models that may still be fitted for this snapshot, None without a budget.

    Every version that was ever numbered counts, candidates that were turned away among them;
    what is not spent stays for later snapshots.
    """
    budget = run.spec.retrain.budget
    if budget is None:
        return None
    fitted = select(func.max(model_versions.c.version)).where(
        model_versions.c.pipeline == run.spec.name
    )
    seen = (
        select(func.count())
        .select_from(outcomes.join(snapshots, outcomes.c.snapshot_id == snapshots.c.id))
        .where(outcomes.c.pipeline == run.spec.name, snapshots.c.role == Role.DATA)
    )
    with run.store.database.read() as connection:
        n_fits = connection.execute(fitted).scalar() or 0
        n_snapshots = connection.execute(seen).scalar_one() + 1
    return max(0, math.floor(budget * n_snapshots + 1e-9) - n_fits)


def within(rounds: Rounds, n_fits: int | None) -> Rounds:
    """Return the first recipes of the rounds, at most so many.

    Examples
    --------
    >>> from calmops_flows.steps.recipes import Recipe
    >>> rounds = ((Recipe("window"),), (Recipe("full"), Recipe("stacking")))
    >>> [[recipe.mode for recipe in tried] for tried in within(rounds, 2)]
    [['window'], ['full']]
    """
    if n_fits is None:
        return rounds
    found: list[tuple[Recipe, ...]] = []
    for together in rounds:
        found.append(together[: max(0, n_fits - sum(map(len, found)))])
    return tuple(together for together in found if together)


def knows_enough(run: SnapshotRun, champion: Champion, *, n_labelled: int) -> Rule | None:
    """Compare the rows that the champion learnt with those that a refresh would learn now.

    Returns
    -------
    Rule or None
        Broken when a refresh would learn a quarter more; None where more snapshots are no more
        rows, as in mode ``full`` on the new data, and for blocks, which have a past each.
    """
    if run.block_column is not None:
        return None
    limit = reach(recipes(run.spec)[0][0].spec(run.spec).retrain, n_labelled)
    if limit is None:
        return None
    retained = select(func.coalesce(func.sum(snapshots.c.rows), 0)).where(
        snapshots.c.pipeline == run.spec.name,
        snapshots.c.role == Role.DATA,
        snapshots.c.state == SnapshotState.PROCESSED,
        snapshots.c.superseded_by.is_(None),
        snapshots.c.data_digest.is_not(None),
        snapshots.c.id != run.snapshot.id,
    )
    with run.store.database.read() as connection:
        n_known = int(connection.execute(retained).scalar_one()) + n_labelled
    learnt = int(champion.manifest["rows"])
    could = int(min(limit, n_known))
    note = f"a refresh would learn {could} rows, the champion learnt {learnt}"
    return Rule("knows enough", learnt, could / GROWTH, learnt * GROWTH > could, note)
