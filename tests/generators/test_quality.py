"""Measures of generated rows against values by hand, and at both ends of their scale."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from calmops_flows.errors import SpecError, UntestableError
from calmops_flows.generators.quality import measure
from calmops_flows.generators.quality.disclosure import disclosure
from calmops_flows.generators.quality.efficacy import efficacy
from calmops_flows.generators.quality.marginals import compare_columns, compare_pairs
from calmops_flows.generators.quality.propensity import detection_auc, propensity
from calmops_flows.generators.quality.samples import read_samples


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def normal(n_rows: int, seed: int, *, shift: float = 0.0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    X = generator.normal(shift, 1, (n_rows, 4))
    return pd.DataFrame(X, columns=list("abcd")).assign(y=(X[:, 0] + X[:, 1] > 0).astype(int))


def test_columns_by_hand() -> None:
    real = pd.DataFrame({"n": [1.0, 2.0, 3.0, 4.0], "c": ["x", "x", "y", None]})
    new = pd.DataFrame({"n": [3.0, 4.0, 5.0, np.nan], "c": ["x", "y", "y", "y"]})

    number, category = compare_columns(read_samples([real, new]))

    # F_real(2) = 1/2, F_new(2) = 0; means 2.5 and 4; sd sqrt(5)/2 and sqrt(2/3)
    assert (number.measure, number.distance, number.missing) == ("ks", 0.5, 0.25)
    assert number.mean_shift == pytest.approx(1.5 / np.sqrt(1.25))
    assert number.spread == pytest.approx(np.sqrt(2 / 3) / np.sqrt(1.25))
    # two of three real values are x, one of four generated ones
    assert category.distance == pytest.approx(2 / 3 - 1 / 4)
    assert category.missing == -0.25


def test_pairs_by_hand() -> None:
    real = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [1.0, 2, 3, 4], "c": ["x", "x", "y", "y"]})
    new = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [4.0, 3, 2, 1], "c": ["x", "x", "y", "y"]})

    found = {(one.left, one.right): one for one in compare_pairs(read_samples([real, new]))}

    assert found["a", "b"].error == pytest.approx(2.0)
    assert found["a", "c"].error == 0.0
    # each value of b meets the other category
    assert found["b", "c"].error == 1.0
    assert found["b", "c"].measure == "contingency"


def test_pmse_by_hand() -> None:
    # 3 of 10 real and 6 of 10 generated rows are x: scores 6/9 for x, 4/11 for y
    real = pd.DataFrame({"c": ["x"] * 3 + ["y"] * 7})
    new = pd.DataFrame({"c": ["x"] * 6 + ["y"] * 4})
    pmse = (9 * (6 / 9 - 0.5) ** 2 + 11 * (4 / 11 - 0.5) ** 2) / 20

    found = propensity(read_samples([real, new]))

    # one parameter besides the constant: expected 1 * 0.5^2 * 0.5 / 20
    assert found.pmse == pytest.approx(pmse, rel=1e-4)
    assert found.standardised == pytest.approx(pmse / (0.125 / 20), rel=1e-4)


def test_standardised_pmse_of_rows_drawn_from_the_real_ones_is_one() -> None:
    found = [
        propensity(
            read_samples([normal(300, 1), normal(300, 1).sample(300, replace=True, random_state=n)])
        ).standardised
        for n in range(60)
    ]

    # chi square with 5 degrees of freedom over 5: standard error sqrt(2 / 5 / 60)
    assert np.mean(found) == pytest.approx(1.0, abs=3 * np.sqrt(2 / 5 / 60))


@pytest.mark.parametrize(("shift", "low", "high"), [(0.0, 0.45, 0.55), (3.0, 0.99, 1.0)])
def test_detection_tells_chance_from_difference(shift: float, low: float, high: float) -> None:
    samples = read_samples([normal(600, 1), normal(600, 2, shift=shift)])

    assert low <= detection_auc(samples, rng()) <= high


def test_efficacy_falls_when_the_relation_is_lost() -> None:
    good, lost = normal(800, 2), normal(800, 2).assign(y=rng().integers(0, 2, 800))

    kept = efficacy(read_samples([normal(800, 1), good, normal(800, 3)]), "y", rng())
    gone = efficacy(read_samples([normal(800, 1), lost, normal(800, 3)]), "y", rng())

    assert kept.metric == "roc_auc"
    assert kept.real > 0.97
    assert abs(kept.loss) < 0.02
    assert gone.loss > 0.3


def test_efficacy_of_numbers_and_of_several_classes() -> None:
    parts = [
        normal(400, seed).assign(z=lambda t: t["a"] * 2, k=lambda t: np.digitize(t["b"], [-1, 1]))
        for seed in (1, 2, 3)
    ]
    parts = [part.assign(k=part["k"].map({0: "lo", 1: "mid", 2: "hi"})) for part in parts]

    assert efficacy(read_samples(parts), "z", rng()).metric == "r2"
    assert efficacy(read_samples(parts), "k", rng()).metric == "balanced_accuracy"


def test_efficacy_of_one_class_is_untestable() -> None:
    parts = [normal(100, seed) for seed in (1, 2, 3)]

    with pytest.raises(UntestableError, match="generated rows with a 'y' are 100 with 1"):
        efficacy(read_samples([parts[0], parts[1].assign(y=1), parts[2]]), "y", rng())


def test_copies_by_hand() -> None:
    real = pd.DataFrame({"a": [1, 1, 2, 3, 4, 5], "b": list("xxyyzz")})
    held = pd.DataFrame({"a": [1, 9, 9], "b": list("xxy")})
    new = pd.DataFrame({"a": [1, 2, 2, 9, 7], "b": list("xyyyy")})

    copies = disclosure(real, new, held, rng=rng()).copies

    # learnt: (1, x), (2, y), (2, y); held out: (1, x), (9, y), and twice as many rows were learnt
    assert (copies.learnt, copies.by_chance, copies.beyond_chance) == (3, 4.0, 0.0)


def test_copies_are_found_out_and_fresh_rows_are_not() -> None:
    real, held, fresh = normal(400, 1), normal(400, 2), normal(400, 3)

    copied = disclosure(real, real, held, sensitive="d", rng=rng())
    safe = disclosure(real, fresh, held, sensitive="d", rng=rng())

    assert (copied.copies.learnt, copied.copies.beyond_chance) == (400, 400.0)
    assert copied.closeness is not None
    assert (copied.closeness.learnt, copied.closeness.share_closer) == (0.0, 1.0)
    assert copied.closeness.membership_auc == 1.0
    assert copied.attribute is not None
    assert copied.attribute.learnt == 1.0
    assert copied.attribute.risk > 0.8
    assert safe.closeness is not None
    assert safe.closeness.share_closer == pytest.approx(0.5, abs=0.08)
    assert safe.closeness.membership_auc == pytest.approx(0.5, abs=0.06)
    assert safe.attribute is not None
    assert abs(safe.attribute.risk) < 0.08


def test_without_holdout_nothing_is_claimed() -> None:
    found = measure(normal(80, 1), normal(80, 2), target="y")

    assert found.fidelity.efficacy is None
    assert found.fidelity.no_efficacy == "no real rows were held out to test on"
    assert found.disclosure.closeness is None
    assert found.disclosure.copies.beyond_chance is None
    assert "nothing tells closeness from chance" in found.to_html()
    assert (
        "80 generated rows beside 80 real ones that were learnt and 0 held out" in found.to_html()
    )


def test_report_is_json_and_an_inert_page() -> None:
    frames = [normal(80, seed).rename(columns={"a": "<b>a"}) for seed in (1, 2, 3)]

    found = measure(*frames, target="y")

    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["fidelity"]["correlation_error"] == found.fidelity.correlation_error
    assert told["disclosure"]["attribute"]["risk"] == found.disclosure.attribute.risk  # type: ignore[union-attr]
    page = found.to_html()
    assert "&lt;b&gt;a" in page
    assert "<b>a" not in page
    assert len(page) < 50_000


def test_other_columns_are_refused() -> None:
    with pytest.raises(SpecError, match="different columns: d, y"):
        measure(normal(50, 1), normal(50, 2)[["a", "b", "c"]])
    with pytest.raises(SpecError, match="no column 'nothing'"):
        measure(normal(50, 1), normal(50, 2), target="nothing")
