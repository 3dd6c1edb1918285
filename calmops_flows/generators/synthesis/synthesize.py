"""``synthesize``: new rows like those of a real table."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import SpecError
from calmops_flows.generators.injection.inject import inject
from calmops_flows.generators.injection.tables import as_frame, as_given
from calmops_flows.generators.synthesis import METHODS
from calmops_flows.generators.synthesis.columns import read_columns
from calmops_flows.generators.synthesis.plan import Plan, given_columns
from calmops_flows.generators.synthesis.redraw import draw_rows
from calmops_flows.generators.synthesis.rules import read_rules
from calmops_flows.generators.values import declared, member

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from calmops_flows.generators.quality.report import Quality
    from calmops_flows.generators.synthesis import Method


@dataclass(frozen=True, slots=True)
class Synthesized:
    """New rows, and where they came from.

    Parameters
    ----------
    data : DataFrame or pyarrow.Table
        The new rows, with the columns and types that were given.
    metadata : mapping of str to Any
        Method, parameters, seed, rows, copies that were drawn again, and notes.
    learnt : DataFrame
        The rows that the method saw.
    holdout : DataFrame
        The rows that it did not see; empty if none were kept away.
    log : DataFrame or None
        Every cell that injected drift changed; None without such drift.
    """

    data: Any
    metadata: Mapping[str, Any]
    learnt: pd.DataFrame = field(repr=False)
    holdout: pd.DataFrame = field(repr=False)
    log: pd.DataFrame | None = field(default=None, repr=False)

    def report(self, *, target: str | None = None, sensitive: str | None = None) -> Quality:
        """Measure how like the real rows the new ones are, and what they give away.

        Parameters
        ----------
        target : str, optional
            What a model trained on the new rows shall predict of the rows kept away.
        sensitive : str, optional
            What an intruder who knows the other columns wants to learn; default: the target.

        Raises
        ------
        SpecError
            If one of them is no column.
        """
        from calmops_flows.generators.quality.report import measure

        holdout = self.holdout if len(self.holdout) else None
        return measure(
            self.learnt, as_frame(self.data), holdout, target=target, sensitive=sensitive
        )


def synthesize(
    data: pd.DataFrame | pa.Table,
    n_samples: int,
    *,
    method: str = "cart",
    random_state: int,
    holdout: float = 0.0,
    plan: object = None,
    **params: Any,
) -> Synthesized:
    """Draw new rows like those of a real table.

    Parameters
    ----------
    data : DataFrame or pyarrow.Table of shape (n_rows, n_columns)
        Real rows; numbers, categories, dates and gaps. Texts that differ in most rows (names,
        keys) are replaced by running numbers.
    n_samples : int
        How many new rows.
    method : str, default "cart"
        A key of `METHODS`.
    random_state : int
        Seed; the same seed gives the same rows.
    holdout : float, default 0.0
        Share of the rows that the method never sees, so that the report can compare.
    plan : Plan or mapping, optional
        What the rows must satisfy: conditions, balance, where, bounds, dependencies, block, time,
        and drift to inject.
    **params : Any
        Parameters of the method.

    Returns
    -------
    Synthesized
        The rows, and where they came from.

    Raises
    ------
    SpecError
        If a parameter, the plan or the table is not valid.

    Examples
    --------
    >>> import pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> real = pd.DataFrame({"dose": rng.normal(5, 1, 500), "arm": rng.choice(["a", "b"], 500)})
    >>> new = synthesize(real, 300, random_state=0)
    >>> new.data.shape, sorted(new.data["arm"].unique())
    ((300, 2), ['a', 'b'])
    >>> bool(abs(new.data["dose"].mean() - real["dose"].mean()) < 0.1)
    True
    """
    made = declared(member(METHODS, method, what="method"), params, where=method)
    _check(n_samples, random_state, holdout)
    frame = as_frame(data).reset_index(drop=True)
    seeds = [np.random.default_rng(s) for s in np.random.SeedSequence(random_state).spawn(3)]
    kept = seeds[0].permutation(len(frame)) < round(holdout * len(frame))
    learnt, unseen = (frame[rows].reset_index(drop=True) for rows in (~kept, kept))
    wished = declared(Plan, plan or {}, where="plan")
    rules = read_rules(wished, learnt)
    table = read_columns(learnt.drop(columns=[one.name for one in rules.determined]))
    fixed = given_columns(wished, table, n_samples, seeds[2])
    model = made.learn(table, seeds[1], tuple(fixed))
    drawn = draw_rows(model, table, n_samples, seeds[2], fixed, rules=rules, copies=made.COPIES)
    metadata = {
        "method": method,
        "parameters": made.model_dump(mode="json"),
        "plan": wished.model_dump(mode="json", exclude_defaults=True),
        "random_state": random_state,
        "rows": n_samples,
        "learnt_rows": len(learnt),
        "holdout_rows": len(unseen),
        "redrawn_copies": drawn.n_redrawn,
        "notes": _notes(made, table.labels, drawn.n_copies),
    }
    if made.WARNING is not None:
        warnings.warn(made.WARNING, UserWarning, stacklevel=2)
    new = rules.complete(table.decode(drawn.values), list(frame.columns))
    log = None
    if wished.inject is not None:
        done = inject(new, wished.inject, random_state=random_state)
        new, log = done.data, done.log
    return Synthesized(as_given(new, data), metadata, learnt, unseen, log)


def _check(n_samples: int, random_state: int, holdout: float) -> None:
    if not isinstance(n_samples, int) or n_samples < 1:
        raise SpecError(f"n_samples must be a positive whole number, got {n_samples!r}")
    if not isinstance(random_state, int) or random_state < 0:
        raise SpecError(f"random_state must be a whole number from 0 on, got {random_state!r}")
    if not 0.0 <= holdout < 1.0:
        raise SpecError(f"holdout is a share of the rows, from 0 to below 1, got {holdout!r}")


def _notes(made: Method, labels: tuple[str, ...], n_copies: int) -> list[str]:
    found = [made.WARNING] if made.WARNING is not None else []
    found += [f"{name!r} names the rows; it got running numbers instead" for name in labels]
    if n_copies:
        found.append(f"{n_copies} rows copy a real row that is there once; nothing else was found")
    return found
