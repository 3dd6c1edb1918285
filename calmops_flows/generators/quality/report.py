"""Fidelity and disclosure of generated rows as one record, JSON and a page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.generators.quality.disclosure import Disclosure, disclosure
from calmops_flows.generators.quality.fidelity import Fidelity, fidelity
from calmops_flows.reports.document import Document, Section, Table

if TYPE_CHECKING:
    import pandas as pd

WORST = 20
"""Pairs on the page."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How like real rows generated rows are, and what they give away.

    Parameters
    ----------
    fidelity : Fidelity
        How like real rows they are.
    disclosure : Disclosure
        What they give away.
    rows : tuple of int
        Learnt, held-out and generated rows.
    """

    fidelity: Fidelity
    disclosure: Disclosure
    rows: tuple[int, int, int]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, with what is computed from others."""
        found = asdict(self)
        like, gives = self.fidelity, self.disclosure
        found["fidelity"] |= {
            "correlation_error": like.correlation_error,
            "contingency_error": like.contingency_error,
        }
        found["disclosure"]["copies"]["beyond_chance"] = gives.copies.beyond_chance
        if like.efficacy is not None:
            found["fidelity"]["efficacy"]["loss"] = like.efficacy.loss
        if gives.attribute is not None:
            found["disclosure"]["attribute"]["risk"] = gives.attribute.risk
        return found

    def in_short(self) -> dict[str, float | None]:
        """Return the figures to look at first; None for what could not be measured."""
        like, gives = self.fidelity, self.disclosure
        return {
            "correlation_error": like.correlation_error,
            "contingency_error": like.contingency_error,
            "detection_auc": like.detection_auc,
            "efficacy_loss": None if like.efficacy is None else like.efficacy.loss,
            "copies": gives.copies.learnt,
            "copies_beyond_chance": gives.copies.beyond_chance,
            "membership_auc": None if gives.closeness is None else gives.closeness.membership_auc,
        }

    def to_html(self, *, title: str = "Generated rows beside real ones") -> str:
        """Return one page that needs nothing else."""
        parts = (_overview(self), _privacy(self.disclosure), _columns(self.fidelity))
        return Document(title, (*parts, _pairs(self.fidelity))).to_html()


def measure(
    real: pd.DataFrame,
    generated: pd.DataFrame,
    holdout: pd.DataFrame | None = None,
    *,
    target: str | None = None,
    sensitive: str | None = None,
    random_state: int = 0,
) -> Quality:
    """Measure how like real rows generated rows are, and what they give away.

    Parameters
    ----------
    real : DataFrame
        Rows that the method learnt.
    generated : DataFrame
        Its rows, with the same columns.
    holdout : DataFrame, optional
        Real rows that it did not learn. Efficacy, closeness, membership and attributes need them.
    target : str, optional
        What models shall predict.
    sensitive : str, optional
        What an intruder wants to know; default: the target.
    random_state : int, default 0
        Seed.

    Raises
    ------
    SpecError
        If the tables have different columns, or a named one is none of them.
    """
    first, second = (
        np.random.default_rng(s) for s in np.random.SeedSequence(random_state).spawn(2)
    )
    return Quality(
        fidelity(real, generated, holdout, target=target, rng=first),
        disclosure(real, generated, holdout, sensitive=sensitive or target, rng=second),
        (len(real), 0 if holdout is None else len(holdout), len(generated)),
    )


_LIKE = (
    "Detection: boosted trees tell generated from real rows, out of fold. pMSE: the same by "
    "logistic regression, in units of what chance gives."
)
_SAID = (
    "KS: largest difference of the two distribution functions; TVD: half the summed difference of "
    "the shares. Missing: share of missing values, generated less real. Mean shift: in standard "
    "deviations of the real rows. Spread: standard deviation over that of the real rows."
)


def _overview(quality: Quality) -> Section:
    like = quality.fidelity
    rows = [
        ("mean error of correlations", _number(like.correlation_error), "0"),
        ("mean distance of pairs with a category", _number(like.contingency_error), "0"),
        ("standardised pMSE", _number(like.propensity.standardised), "1"),
        (
            f"detection AUC (against {like.detected_against} rows)",
            _number(like.detection_auc),
            "0.5",
        ),
    ]
    if like.efficacy is not None:
        score = like.efficacy
        rows += [
            (f"{score.metric} of {score.target}, real rows learnt", _number(score.real), ""),
            (
                f"{score.metric} of {score.target}, generated rows learnt",
                _number(score.generated),
                "",
            ),
        ]
    learnt, held, generated = quality.rows
    said = f"{generated} generated rows beside {learnt} real ones that were learnt"
    said = f"{said} and {held} held out."
    parts: tuple[str | Table, ...] = (said, Table(("measure", "value", "best"), tuple(rows)), _LIKE)
    if like.no_efficacy is not None:
        parts = (*parts, f"Not tested with a model: {like.no_efficacy}.")
    return Section("Fidelity", parts)


def _privacy(gives: Disclosure) -> Section:
    rows = [("copies of learnt rows", str(gives.copies.learnt), "as by chance")]
    if gives.copies.by_chance is not None:
        rows.append(("copies expected by chance", f"{gives.copies.by_chance:.1f}", ""))
    if gives.closeness is not None:
        near = gives.closeness
        rows += [
            ("share closer to learnt than to held-out rows", _number(near.share_closer), "0.5"),
            ("membership inference AUC", _number(near.membership_auc), "0.5"),
        ]
    if gives.attribute is not None:
        known = gives.attribute
        rows += [
            (f"{known.name} found out, learnt rows", _number(known.learnt), ""),
            (f"{known.name} found out, held-out rows", _number(known.holdout), ""),
        ]
    parts: tuple[str | Table, ...] = (Table(("measure", "value", "safe"), tuple(rows)),)
    if gives.closeness is None:
        parts = (*parts, "No rows were held out, so nothing tells closeness from chance.")
    return Section("Privacy", parts)


def _columns(like: Fidelity) -> Section:
    headers = ("column", "measure", "distance", "missing", "mean shift (sd)", "spread")
    rows = tuple(
        (
            one.name,
            one.measure.upper(),
            _number(one.distance),
            f"{one.missing:+.3f}",
            _number(one.mean_shift),
            _number(one.spread),
        )
        for one in sorted(like.marginals, key=lambda one: -one.distance)
    )
    return Section("Columns", (Table(headers, rows), _SAID))


def _pairs(like: Fidelity) -> Section:
    worst = sorted(like.pairs, key=lambda pair: -pair.error)[:WORST]
    rows = tuple((one.left, one.right, one.measure, _number(one.error)) for one in worst)
    text = f"The {len(worst)} of {len(like.pairs)} pairs that differ most."
    return Section("Pairs", (text, Table(("column", "column", "measure", "error"), rows)))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
