"""Print how like real rows synthetic ones are, how near they come to single rows, and the time.

Two tables: adult-like mixed data (5,000 x 15, drawn here) and flights (20,000 rows); as many fresh
real rows tell what chance gives. Each figure is the worst of the seeds (times: the median). Beside
them py-synthpop's default, in an environment of its own, with two seeds fewer.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.figures import Figure, show
from benchmarks.peer_tools.environments import ask
from calmops_flows.demo.flights import data_folder, read_months
from calmops_flows.generators import synthesize
from calmops_flows.generators.quality.disclosure import disclosure
from calmops_flows.generators.quality.efficacy import efficacy
from calmops_flows.generators.quality.marginals import compare_columns, compare_pairs
from calmops_flows.generators.quality.propensity import detection_auc
from calmops_flows.generators.quality.samples import read_samples, thinned

if TYPE_CHECKING:
    from collections.abc import Iterator

PEER = "py-synthpop"
PEER_SECONDS = 600.0
ROWS = {"adult": 5_000, "flights": 20_000}
TARGETS = {"adult": "income", "flights": "late"}
CHECKED = 10_000  # rows from which detection and efficacy learn
# standard deviation off by at most, detection AUC
BARS = {"cart": (0.05, 0.65), "rf": (0.08, 0.70), "lgbm": (0.08, 0.70)}


@dataclass(frozen=True, slots=True)
class Measures:
    """What was found for one table and one seed."""

    spread: float
    correlation: float
    detection: float
    loss: float
    copies: float
    copies_by_chance: float
    membership: float


def adult(n_rows: int, seed: int) -> pd.DataFrame:
    """Draw a table like the census extract Adult: mixed types, gaps, heavy tails, rare levels."""
    rng = np.random.default_rng(seed)
    age = np.clip(np.round(17 + rng.gamma(3.0, 7.5, n_rows)), 17, 90)
    sex = np.where(rng.random(n_rows) < 0.67, "Male", "Female")
    years = np.clip(np.round(rng.normal(10, 2.5, n_rows)), 1, 16)
    ever = rng.random(n_rows) < 1 / (1 + np.exp(-(age - 30) / 6))
    marital = np.where(
        ever, np.where(rng.random(n_rows) < 0.8, "Married", "Divorced"), "Never-married"
    )
    spouse = np.where(sex == "Male", "Husband", "Wife")
    alone = np.where(rng.random(n_rows) < 0.4, "Own-child", "Not-in-family")
    manual = rng.choice(["Craft", "Sales", "Admin", "Service", "Farming"], n_rows)
    office = rng.choice(["Prof", "Exec"], n_rows)
    occupation = np.where(years + rng.normal(0, 2, n_rows) > 12, office, manual).astype(object)
    classes = ["Private", "Self", "Gov", "Local", "Unpaid"]
    work = rng.choice(classes, n_rows, p=[0.7, 0.12, 0.1, 0.075, 0.005]).astype(object)
    race = rng.choice(["White", "Black", "Asian", "Other"], n_rows, p=[0.85, 0.09, 0.04, 0.02])
    far = (race == "Asian") & (rng.random(n_rows) < 0.6)
    country = rng.choice(["US", "MX", "DE", "CA"], n_rows, p=[0.93, 0.04, 0.02, 0.01])
    country = np.where(far, rng.choice(["PH", "IN", "CN"], n_rows), country)
    free = rng.normal(41 + 3 * (sex == "Male"), 11, n_rows)
    hours = np.clip(np.round(np.where(rng.random(n_rows) < 0.47, 40, free)), 1, 99)
    score = -8.4 + 0.05 * np.minimum(age, 60) + 0.33 * years + 0.03 * hours
    score += 1.4 * (marital == "Married") + 0.8 * (occupation == "Exec")
    rich = rng.random(n_rows) < 1 / (1 + np.exp(-score))
    gain = np.round(np.exp(rng.normal(8.3, 0.7, n_rows)))
    loss = np.round(rng.normal(1880, 200, n_rows))
    work[rng.random(n_rows) < 0.03 + 0.05 * (age > 60)] = None
    occupation[rng.random(n_rows) < 0.05] = None
    return pd.DataFrame(
        {
            "age": age.astype(int),
            "workclass": work,
            "fnlwgt": np.round(np.exp(rng.normal(12, 0.5, n_rows))).astype(int),
            "education": [f"level-{int(one)}" for one in years],
            "education_num": years.astype(int),
            "marital": marital,
            "occupation": occupation,
            "relationship": np.where(marital == "Married", spouse, alone),
            "race": race,
            "sex": sex,
            "capital_gain": np.where(rng.random(n_rows) < 0.05 + 0.12 * rich, gain, 0).astype(int),
            "capital_loss": np.where(rng.random(n_rows) < 0.03 + 0.04 * rich, loss, 0).astype(int),
            "hours": hours.astype(int),
            "country": country,
            "income": np.where(rich, ">50K", "<=50K"),
        }
    )


def tables() -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Return for each table the rows to learn, and as many fresh ones."""
    n_rows = ROWS["flights"]
    year = pd.concat([month.rows for month in read_months(data_folder())], ignore_index=True)
    drawn = year.sample(2 * n_rows, random_state=0).reset_index(drop=True)
    return {
        "adult": (adult(ROWS["adult"], 0), adult(ROWS["adult"], 1)),
        "flights": (drawn[:n_rows], drawn[n_rows:].reset_index(drop=True)),
    }


def measured(
    name: str, real: pd.DataFrame, new: pd.DataFrame, fresh: pd.DataFrame, seed: int
) -> Measures:
    rng = np.random.default_rng(seed)
    samples = read_samples([real, new])
    spread = [one.spread for one in compare_columns(samples) if one.spread is not None]
    pairs = [one.error for one in compare_pairs(samples) if one.measure == "correlation"]
    few = [thinned(frame, CHECKED, rng) for frame in (real, new, fresh)]
    found = disclosure(real, new, fresh, rng=rng)
    assert found.copies.by_chance is not None
    assert found.closeness is not None
    return Measures(
        spread=max(abs(one - 1) for one in spread),
        correlation=statistics.fmean(pairs),
        # against the rows that were learnt and fresh ones: the easier to tell counts
        detection=max(detection_auc(read_samples([few[n], few[1]]), rng) for n in (0, 2)),
        loss=efficacy(read_samples(few), TARGETS[name], rng).loss,
        copies=found.copies.learnt,
        copies_by_chance=found.copies.by_chance,
        membership=found.closeness.membership_auc,
    )


def figures(name: str, method: str, all_seeds: list[Measures], seconds: float) -> Iterator[Figure]:
    """Return the figures of one method on one table, with the bars that it has."""
    spread, detection = BARS.get(method, (None, None))
    is_cart = method == "cart"
    worst = {key: max(getattr(one, key) for one in all_seeds) for key in Measures.__slots__}
    beyond = max(one.copies - one.copies_by_chance for one in all_seeds)
    label = f"{name}, {method}:"
    yield Figure(f"{label} standard deviation off by at most", worst["spread"], "", spread)
    bar = 0.03 if is_cart else None
    yield Figure(f"{label} mean error of correlations", worst["correlation"], "", bar)
    yield Figure(f"{label} detection AUC", worst["detection"], "", detection)
    yield Figure(f"{label} real less synthetic score on fresh rows", worst["loss"], "", bar)
    yield Figure(f"{label} copies", worst["copies"], "")
    yield Figure(f"{label} copies beyond chance", max(beyond, 0.0), "", 0.0 if is_cart else None)
    yield Figure(f"{label} membership inference AUC", worst["membership"], "")
    limit = 5.0 if is_cart and name == "adult" else None
    yield Figure(f"{label} CPU time", seconds, "s", limit)


def own(
    name: str, method: str, real: pd.DataFrame, fresh: pd.DataFrame, seeds: int
) -> list[Figure]:
    found, seconds = [], []
    for seed in range(seeds):
        started = time.process_time()
        new = synthesize(real, len(real), method=method, random_state=seed).data
        seconds.append(time.process_time() - started)
        found.append(measured(name, real, new, fresh, seed))
    return list(figures(name, method, found, statistics.median(seconds)))


def peer(name: str, real: pd.DataFrame, fresh: pd.DataFrame, seeds: int) -> list[Figure]:
    """Return the figures of py-synthpop, none if it cannot do it."""
    found, seconds = [], []
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "real.csv", Path(folder) / "new.csv"
        real.to_csv(source, index=False)
        for seed in range(max(1, seeds - 2)):
            took = ask(PEER, "synthesize", source, target, seed, seconds=PEER_SECONDS)
            if took is None:
                return []
            seconds.append(float(took))
            new = pd.read_csv(target).astype(real.dtypes.to_dict())
            found.append(measured(name, real, new[list(real.columns)], fresh, seed))
    return list(figures(name, PEER, found, statistics.median(seconds)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="*", default=["cart", "rf", "lgbm", "copula", "gmm"])
    parser.add_argument("--tables", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--no-peer", action="store_true")
    chosen = parser.parse_args()
    found: list[Figure] = []
    for name, (real, fresh) in tables().items():
        if name not in chosen.tables:
            continue
        chance = [one.error for one in compare_pairs(read_samples([real, fresh]))]
        print(f"{name}: mean error of pairs of fresh real rows {statistics.fmean(chance):.3f}")
        for method in chosen.methods:
            found += own(name, method, real, fresh, chosen.seeds)
            print(*found[-8:], sep="\n", flush=True)
        if not chosen.no_peer:
            beside = peer(name, real, fresh, chosen.seeds)
            print(*beside, sep="\n", flush=True)
            found += beside
    show(*found)


if __name__ == "__main__":
    main()
