"""A model per block over plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from calmops_flows.learning.ask import ask
from calmops_flows.learning.block_rows import block_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from calmops_flows.learning.ask import Said
    from calmops_flows.learning.compiled.rows import Rows


class CompiledBlocks:
    """Each row is answered by the compiled model of its block.

    Parameters
    ----------
    block : str
        Column of the ids.
    parts : mapping of str to compiled model
        By block id.
    fallback : sequence of compiled models
        For other blocks, and rows without an id.
    classes : ndarray or None
        Labels of all of them, sorted; None for regressors.
    has_probabilities : bool
        Whether the whole gives any.
    """

    def __init__(
        self,
        block: str,
        parts: Mapping[str, Any],
        fallback: list[Any],
        *,
        classes: NDArray[Any] | None,
        has_probabilities: bool,
    ) -> None:
        self._block = block
        self._parts = parts
        self._fallback = fallback
        self._classes = classes
        self._has_probabilities = has_probabilities

    def both(self, rows: Rows) -> Said:
        """Answer rows.

        Parameters
        ----------
        rows : Rows
            With the block column.

        Returns
        -------
        values : ndarray of shape (n,)
            Labels or numbers.
        probabilities : ndarray of shape (n, n_classes) or None
            Where the models give any.
        """
        if self._classes is None:
            return self._numbers(rows), None
        codes = np.empty(len(rows), dtype=np.intp)
        shares = np.empty((len(rows), len(self._classes)))
        for models, places, mine in self._groups(rows):
            said = [answer(model, mine) for model in models]
            shares[places] = self._mean([model.classes_ for model in models], said)
            if len(models) == 1:
                codes[places] = np.searchsorted(self._classes, said[0][0])
            else:
                codes[places] = shares[places].argmax(axis=1)
        return self._classes[codes], shares if self._has_probabilities else None

    def _numbers(self, rows: Rows) -> NDArray[np.float64]:
        values = np.empty(len(rows))
        for models, places, mine in self._groups(rows):
            values[places] = np.mean([answer(model, mine)[0] for model in models], axis=0)
        return values

    def _groups(self, rows: Rows) -> Iterator[tuple[list[Any], list[int], Rows]]:
        places: dict[str | None, list[int]] = {}
        for place, block in enumerate(block_ids(rows.columns[self._block])):
            places.setdefault(block if block in self._parts else None, []).append(place)
        for block, mine in places.items():
            models = self._fallback if block is None else [self._parts[block]]
            yield models, mine, rows if len(places) == 1 else rows.take(mine)

    def _mean(self, known: list[NDArray[Any]], said: list[Said]) -> NDArray[np.float64]:
        """Return the mean probabilities; a model without any is sure of what it says."""
        n = len(said[0][0])
        every = np.asarray(self._classes)
        shares = np.zeros((n, len(every)))
        for classes, (values, probabilities) in zip(known, said, strict=True):
            if probabilities is None:
                shares[np.arange(n), np.searchsorted(every, values)] += 1.0
            else:
                shares[:, np.searchsorted(every, classes)] += probabilities
        return shares / len(said)


def answer(model: Any, rows: Rows) -> Said:
    """Ask a compiled model for values and probabilities, at once where it can tell both."""
    if hasattr(model, "both"):
        said: Said = model.both(rows)
        return said
    return ask(model, rows, getattr(model, "classes_", None))
