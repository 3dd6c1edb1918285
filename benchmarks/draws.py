"""Made-up tables for the drift benchmarks: without a change, and with one.

Needs numpy and pyarrow only: the peers' own environments draw the same tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

Draw = Callable[[np.random.Generator, int], pa.Table]
SIZES = (5, 10, 20, 50, 100, 200, 500)
RHO = 0.5


def words(codes: NDArray[np.int64]) -> pa.Array:
    levels = pa.array([f"w{i}" for i in range(int(codes.max(initial=0)) + 1)])
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), levels)


def normal(columns: int = 40, categories: int = 10) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> pa.Table:
        data: dict[str, object] = {f"x{i}": rng.normal(size=n) for i in range(columns)}
        for i in range(categories):
            data[f"c{i}"] = words(rng.integers(0, 5 + 5 * i, n))
        return pa.table(data)

    return draw


def correlated(rng: np.random.Generator, n: int) -> pa.Table:
    common = rng.normal(size=n)
    return pa.table({f"x{i}": 0.9 * common + 0.44 * rng.normal(size=n) for i in range(50)})


def heavy(rng: np.random.Generator, n: int) -> pa.Table:
    draws = (
        lambda: rng.standard_cauchy(n),
        lambda: rng.lognormal(0, 2, n),
        lambda: rng.standard_t(3, n),
    )
    return pa.table({f"x{i}": draws[i % 3]() for i in range(50)})


def tied(rng: np.random.Generator, n: int) -> pa.Table:
    draws = (
        lambda: rng.poisson(1.0, n).astype(float),
        lambda: (rng.random(n) < 0.02).astype(float),
        lambda: np.rint(rng.normal(0, 30, n)),
        lambda: np.where(rng.random(n) < 0.97, 0.0, rng.lognormal(size=n)),
        lambda: rng.integers(0, 3, n).astype(float),
    )
    return pa.table({f"x{i}": draws[i % 5]() for i in range(50)})


def categories(rng: np.random.Generator, n: int) -> pa.Table:
    flat = {f"c{i}": words(rng.integers(0, SIZES[i % 7], n)) for i in range(25)}
    steep = {f"z{i}": words(np.minimum(rng.zipf(1.5, n), SIZES[i % 7])) for i in range(25)}
    return pa.table({**flat, **steep})


def missing(rng: np.random.Generator, n: int) -> pa.Table:
    x = {f"x{i}": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)) for i in range(40)}
    c = {
        f"c{i}": pa.array(rng.integers(0, 8, n), mask=rng.random(n) < 0.2).cast(pa.string())
        for i in range(10)
    }
    return pa.table({**x, **c})


def serial(rng: np.random.Generator, n: int) -> pa.Table:
    noise = rng.normal(size=(n, 50))
    for t in range(1, n):
        noise[t] = RHO * noise[t - 1] + math.sqrt(1 - RHO**2) * noise[t]
    return pa.table({f"x{i}": noise[:, i].copy() for i in range(50)})


def dependent(rng: np.random.Generator, n: int) -> pa.Table:
    """Draw as `normal` does, the first five columns correlated with rho 0.7."""
    table = normal()(rng, n)
    common = rng.normal(size=n)
    for i in range(5):
        x = math.sqrt(0.7) * common + math.sqrt(0.3) * rng.normal(size=n)
        table = table.set_column(i, f"x{i}", pa.array(x))
    return table


def with_column(name: str, column: Callable[[np.random.Generator, int], object]) -> Draw:
    """Draw as `normal` does, but for one column."""
    base = normal()

    def draw(rng: np.random.Generator, n: int) -> pa.Table:
        table = base(rng, n)
        place = table.column_names.index(name) if name in table.column_names else None
        array = column(rng, n)
        array = array if isinstance(array, pa.Array) else pa.array(array, from_pandas=False)
        if place is None:
            return table.append_column(name, array)
        return table.set_column(place, name, array)

    return draw


def batch(n: int, columns: int, *, seed: int, drifted: bool = False) -> pa.Table:
    """Draw four numeric columns for each categorical one; a tenth of them may have drifted."""
    rng = np.random.default_rng(seed)
    data: dict[str, object] = {}
    for i in range(columns):
        moved = drifted and i % 10 == 0
        if i % 5 == 4:
            codes = pa.array(rng.integers(0, 5 + i % 40, n).astype(np.int32))
            levels = pa.array([f"w{k}" for k in range(45)])
            data[f"c{i}"] = pa.DictionaryArray.from_arrays(codes, levels).cast(pa.string())
        else:
            data[f"x{i}"] = rng.normal(0.3 * moved, 1.0, n)
    return pa.table(data)
