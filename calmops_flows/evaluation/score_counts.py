"""Counts over all rows that curves and matrices are drawn from, a few kilobytes per snapshot."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.errors import UntestableError
from calmops_flows.evaluation.case import Case, label_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.evaluation.metrics import Task
    from calmops_flows.evaluation.predictions import Predictions

N_BINS = 100
MOST_LABELS = 12
OTHERS = "all others"
_RESIDUAL_BINS = 40
_SLICES = 20


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """Rows of a class, and of all others, by the probability that the model gave it.

    Both have `N_BINS` bins of equal width from 0 to 1.
    """

    label: str
    positives: tuple[int, ...]
    negatives: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of similar predictions: their mean, and quantiles of truth less prediction."""

    predicted: float
    n_rows: int
    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class ScoreCounts:
    """What one model said of all labelled rows of one snapshot, counted.

    Attributes
    ----------
    task : str
        Classification or regression.
    n_rows : int
        Rows counted.
    labels : tuple of str
        The commonest labels; the last stands for all others where there are more than 12.
    confusion : tuple of tuple of int
        Rows by true label, then by predicted one.
    classes : tuple of ClassCounts
        The positive class of two, else each of ``labels`` that the model knows.
    edges, residuals : tuple
        Histogram of truth less prediction; the outer bins hold what lies beyond.
    slices : tuple of Slice
        Residuals by prediction, in slices of equal numbers of rows.
    """

    task: str
    n_rows: int
    labels: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    classes: tuple[ClassCounts, ...] = ()
    edges: tuple[float, ...] = ()
    residuals: tuple[int, ...] = ()
    slices: tuple[Slice, ...] = ()

    def to_json(self) -> str:
        """Return the counts as text."""
        return json.dumps(asdict(self), separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> ScoreCounts:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError, TypeError, KeyError
            If it is something else.
        """
        values: dict[str, Any] = json.loads(text)
        return cls(
            task=values["task"],
            n_rows=int(values["n_rows"]),
            labels=tuple(values["labels"]),
            confusion=tuple(tuple(row) for row in values["confusion"]),
            classes=tuple(
                ClassCounts(one["label"], tuple(one["positives"]), tuple(one["negatives"]))
                for one in values["classes"]
            ),
            edges=tuple(values["edges"]),
            residuals=tuple(values["residuals"]),
            slices=tuple(Slice(**one) for one in values["slices"]),
        )


def count_scores(task: Task, truth: NDArray[Any], predictions: Predictions) -> ScoreCounts | None:
    """Count truth against predictions, over all rows.

    Parameters
    ----------
    task : {"classification", "regression"}
        What was predicted.
    truth : ndarray of shape (n,)
        True labels or numbers, none missing.
    predictions : Predictions
        Of the same rows.

    Returns
    -------
    ScoreCounts or None
        None for a regression with numbers that are not finite.

    Examples
    --------
    >>> from calmops_flows.evaluation import Predictions
    >>> said = Predictions(np.array(["no", "yes", "no", "yes"]))
    >>> count_scores("classification", np.array(["no", "yes", "yes", "yes"]), said).confusion
    ((1, 0), (1, 2))
    """
    case = Case(truth, predictions)
    if task == "regression":
        return _of_numbers(case)
    true, said, n_labels = case.coded
    names = _names(case, n_labels)
    kept, shown = _commonest(np.bincount(true, minlength=n_labels), names)
    size = len(shown)
    cells = np.bincount(kept[true] * size + kept[said], minlength=size * size)
    return ScoreCounts(
        task,
        len(truth),
        labels=tuple(shown),
        confusion=tuple(tuple(row) for row in cells.reshape(size, size).tolist()),
        classes=_classes(case, shown),
    )


def _names(case: Case, n_labels: int) -> list[str]:
    """Return the text of each label code."""
    found: dict[int, str] = {}
    true, said, _ = case.coded
    for codes, values in ((true, case.truth), (said, case.predictions.values)):
        firsts, places = np.unique(codes, return_index=True)
        found.update({int(c): str(values[p]) for c, p in zip(firsts, places, strict=True)})
    unseen = [str(c) for c in case.predictions.classes or () if str(c) not in found.values()]
    return [found.get(code) or (unseen.pop(0) if unseen else "?") for code in range(n_labels)]


def _commonest(counts: NDArray[np.int64], names: list[str]) -> tuple[NDArray[np.int64], list[str]]:
    """Return the place of each label among those shown, and their names."""
    if len(names) <= MOST_LABELS:
        return np.arange(len(names)), names
    chosen = np.sort(np.argsort(-counts, kind="stable")[: MOST_LABELS - 1])
    places = np.full(len(names), MOST_LABELS - 1)
    places[chosen] = np.arange(len(chosen))
    return places, [*(names[i] for i in chosen), OTHERS]


def _classes(case: Case, shown: list[str]) -> tuple[ClassCounts, ...]:
    try:
        probabilities = case.probabilities
    except UntestableError:
        return ()
    known = [str(label) for label in label_array(case.predictions.classes or ())]
    columns = [1] if len(known) == 2 else [i for i, name in enumerate(known) if name in shown]
    bins = np.clip((probabilities * N_BINS).astype(np.int64), 0, N_BINS - 1)
    found = []
    for column in columns:
        is_it = case.true_columns == column
        positives, negatives = (
            np.bincount(bins[rows, column], minlength=N_BINS).tolist() for rows in (is_it, ~is_it)
        )
        found.append(ClassCounts(known[column], tuple(positives), tuple(negatives)))
    return tuple(found)


def _of_numbers(case: Case) -> ScoreCounts | None:
    try:
        truth, said = case.numbers
    except UntestableError:
        return None
    residuals = truth - said
    low, high = np.quantile(residuals, [0.005, 0.995])
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _RESIDUAL_BINS + 1)
    counts, _ = np.histogram(np.clip(residuals, low, high), edges)
    order = np.argsort(said, kind="stable")
    parts = [part for part in np.array_split(order, _SLICES) if len(part)]
    slices = tuple(
        Slice(
            float(said[part].mean()),
            len(part),
            *(float(q) for q in np.quantile(residuals[part], [0.05, 0.5, 0.95])),
        )
        for part in parts
    )
    return ScoreCounts(
        "regression",
        len(truth),
        edges=tuple(edges.tolist()),
        residuals=tuple(counts.tolist()),
        slices=slices,
    )
