"""A layer of molecules at every visit, a few hundred features at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from calmops_flows.generators.clinic.layers.rna_seq import RnaSeq

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calmops_flows.generators.clinic.batches import Deviations
    from calmops_flows.generators.clinic.disease import Acting
    from calmops_flows.generators.clinic.layers import Features, Layer
    from calmops_flows.generators.clinic.seeds import Seeds

CHUNK = 500  # features drawn together: memory stays near that of the result


@dataclass(frozen=True, slots=True)
class Molecules:
    """A layer as measured, and the truth behind it.

    Parameters
    ----------
    values : DataFrame of shape (n_rows, n_features)
        As measured.
    levels : dict of str to ndarray of shape (n_rows,)
        True log2 abundances of the features that were asked for.
    depths : ndarray of shape (n_rows,)
        How deep each sample was measured, 1 on average.
    """

    values: pd.DataFrame
    levels: dict[str, NDArray[np.float64]]
    depths: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Samples:
    """Who is measured: the patient of each row, and how many patients there are."""

    patient: NDArray[np.intp]
    n_patients: int

    def scores(
        self, n_columns: int, stability: float, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw normal scores whose correlation between a patient's visits is `stability`."""
        own = rng.standard_normal((len(self.patient), n_columns))
        if len(self.patient) == self.n_patients or not stability:
            return own
        kept = rng.standard_normal((self.n_patients, n_columns))[self.patient]
        return np.asarray(np.sqrt(stability) * kept + np.sqrt(1.0 - stability) * own)


def draw_layer(
    name: str,
    layer: Layer,
    features: Features,
    samples: Samples,
    acting: Sequence[Acting],
    batches: Sequence[tuple[Deviations, NDArray[np.intp]]],
    wanted: frozenset[str],
    rng: Seeds,
) -> Molecules:
    """Draw a layer.

    Parameters
    ----------
    name : str
        Of the layer.
    layer, features : Layer, Features
        What is measured, with its drawn parameters.
    samples : Samples
        Who is measured.
    acting : sequence of Acting
        Effects of the disease on this layer.
    batches : sequence of (Deviations, ndarray of shape (n_rows,))
        What batches do, and the batch of each row.
    wanted : frozenset of str
        Features whose true levels are asked for.
    rng : callable
        The generator of random numbers of each part by name.

    Returns
    -------
    Molecules
        Values, and the truth.
    """
    draw, n_rows = rng("layer", name, "values"), len(samples.patient)
    depths = layer.depths(n_rows, rng("layer", name, "depths"))
    common = samples.scores(len(layer.modules), layer.stability, rng("layer", name, "modules"))
    found = np.empty((n_rows, layer.n_features), order="F")
    levels: dict[str, NDArray[np.float64]] = {}
    for first in range(0, layer.n_features, CHUNK):
        part = features.part(first, first + CHUNK)
        scores = samples.scores(len(part.names), layer.stability, draw)
        level = layer.levels(_with_modules(scores, common, part, layer), part)
        for effect in acting:
            level = effect.apply(level, first, part.mean, part.sd, is_log2=True)
        levels |= {one: level[:, i].copy() for i, one in enumerate(part.names) if one in wanted}
        for deviations, codes in batches:
            level = deviations.apply(level, first, codes, part.mean, part.sd)
        found[:, first : first + CHUNK] = layer.measured(level, depths, draw)
    values = pd.DataFrame(found, columns=pd.Index(features.names), copy=False)
    if isinstance(layer, RnaSeq):
        values = values.astype(np.int64)
    return Molecules(values, levels, depths)


def _with_modules(
    scores: NDArray[np.float64], common: NDArray[np.float64], part: Features, layer: Layer
) -> NDArray[np.float64]:
    """Let a feature of a module share the module's score: correlation r of any two."""
    for number in np.unique(part.module[part.module > 0]):
        own, r = part.module == number, layer.modules[number - 1].correlation
        shared = common[:, number - 1 : number]
        scores[:, own] = np.sqrt(r) * shared + np.sqrt(1.0 - r) * scores[:, own]
    return scores
