"""Generated beside real data: figures that scipy also gives, small pages, inert names."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from calmops_flows.compared import GeneratedComparison
from calmops_flows.errors import SpecError
from calmops_flows.reports.comparison import compare, plain
from calmops_flows.reports.comparison_page import comparison_document, snapshots_document
from calmops_flows.reports.shares import shares
from calmops_flows.reports.snapshots import judge, plain_snapshots, truth_of
from calmops_flows.store.encoding import plain as jsonable

HOSTILE = '<script>alert("1")</script>'


def table(n_rows: int = 600, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.normal(50, 10, n_rows),
            "city": rng.choice(["Bonn", "Trier"], n_rows, p=[0.7, 0.3]),
            "born": pd.to_datetime("1950-01-01")
            + pd.to_timedelta(rng.integers(0, 9_000, n_rows), "D"),
            "ok": rng.random(n_rows) < 0.5,
        }
    )
    return frame.assign(weight=frame["age"] + rng.normal(0, 5, n_rows))


def by_name(found: GeneratedComparison) -> dict[str, Any]:
    return {one.name: one for one in found.columns}


def test_distances_are_those_of_scipy_and_of_the_hand() -> None:
    real, generated = table(), table(seed=1)
    generated["age"] += 4.0
    generated["city"] = ["Bonn"] * 300 + ["Trier"] * 300

    columns = by_name(compare(real, generated))

    assert columns["age"].distance == pytest.approx(
        ks_2samp(real["age"], generated["age"]).statistic
    )
    share = float((real["city"] == "Bonn").mean())
    assert columns["city"].distance == pytest.approx(abs(share - 0.5))
    days = (real["born"].astype("int64"), generated["born"].astype("int64"))
    assert columns["born"].distance == pytest.approx(ks_2samp(*days).statistic)
    assert columns["age"].is_different is True
    assert columns["city"].is_different is True
    assert columns["born"].is_different is False
    assert columns["ok"].test == "tvd"


def test_equal_tables_are_alike_and_different_columns_come_first() -> None:
    real = table()

    same = compare(real, real.copy())
    other = compare(real, real.assign(weight=real["weight"] * 3))

    assert same.verdict.is_drift is False
    assert all(one.is_different is False for one in same.columns)
    assert same.mean_pair_difference == 0.0
    assert other.columns[0].name == "weight"
    assert other.verdict.drifted == ("weight",)


def test_pairs_show_a_correlation_that_was_lost() -> None:
    real = table()
    generated = real.assign(weight=np.random.default_rng(5).permutation(real["weight"]))

    (pair,) = compare(real, generated).pairs

    assert pair.columns == ("age", "weight")
    assert pair.real == pytest.approx(np.corrcoef(real["age"], real["weight"])[0, 1])
    assert pair.real > 0.8
    assert abs(pair.generated) < 0.15


def test_missing_values_ranges_and_columns_of_one_side_are_told() -> None:
    real, generated = table(), table(seed=1).drop(columns="ok").assign(extra=1)
    real.loc[:59, "age"] = np.nan
    real["gone"], generated["gone"] = np.nan, np.nan

    found = compare(real, generated)

    column = by_name(found)["age"]
    assert column.missing == (0.1, 0.0)
    assert column.extent[0] == f"{real['age'].min():.5g} to {real['age'].max():.5g}"
    assert by_name(found)["city"].extent == ("2 categories", "2 categories")
    assert by_name(found)["born"].extent[0].startswith("1950-")
    assert found.only == (("ok",), ("extra",))
    assert by_name(found)["gone"].is_different is not True
    page = comparison_document(found).to_html()
    assert "gone" in page
    assert "10.0% | 0.0%" in page


def test_shares_of_each_side_add_up() -> None:
    many = pd.Series([f"c{i % 30}" for i in range(900)])
    few = pd.Series(["c1", "c2", "new"] * 100)

    levels = shares(many, few)
    numbers = shares(table()["age"], table(seed=1)["age"])

    assert levels.labels[-1] == "(other)"
    assert len(levels.labels) == 9
    for found in (levels, numbers):
        assert sum(found.real) == pytest.approx(1.0)
        assert sum(found.generated) == pytest.approx(1.0)
    assert len(numbers.labels) == len(numbers.real) + 1


class Tags(HTMLParser):
    """Collect tags, and count what could run or load something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href", "onload"}]


def test_wide_page_is_small_and_hostile_names_are_inert() -> None:
    rng = np.random.default_rng(0)
    real = pd.DataFrame(rng.normal(size=(300, 150)), columns=[f"x{i}" for i in range(150)])
    real.insert(0, HOSTILE, [HOSTILE, "b"] * 150)  # drawn: among equals the first come first

    page = comparison_document(compare(real, real.copy())).to_html()

    tags = Tags()
    tags.feed(page)
    assert len(page.encode()) < 300_000
    assert "script" not in tags.tags
    assert tags.loads == []
    assert tags.tags.count("svg") == 60
    assert tags.tags.count("rect") == 4
    assert "&lt;script&gt;" in page
    assert 'content="width=device-width"' in page


def test_hostile_names_are_inert_beside_verdicts() -> None:
    reference, moved = table(), table(seed=2).assign(age=lambda rows: rows["age"] + 10)
    both = [frame.rename(columns={"age": HOSTILE}) for frame in (reference, moved)]

    page = snapshots_document(judge(both[0], [(HOSTILE, both[1])]), HOSTILE).to_html()

    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.tags
    assert tags.tags.count("rect") == 1


def test_values_are_json() -> None:
    real = table()
    real["gone"] = np.nan

    text = json.dumps(jsonable(plain(compare(real, real.copy()))), allow_nan=False)

    assert json.loads(text)["rows"] == {"real": 600, "generated": 600}


def test_verdicts_stand_beside_the_truth() -> None:
    reference = table()
    moved = table(seed=2).assign(age=lambda rows: rows["age"] + 10)
    faint = table(seed=3)
    faint["weight"] = faint["weight"].where(faint.index > 0, 50.0)
    log = pd.DataFrame({"period": [2, 2, 3, 3, 9], "column": ["age", "age", "weight", None, "age"]})
    names = {1: "one", 2: "two", 3: "three"}

    judged = judge(
        reference, [("one", table(seed=1)), ("two", moved), ("three", faint)], truth_of(log, names)
    )

    assert [one.truth for one in judged] == [{}, {"age": 2}, {"weight": 1}]
    assert [one.found for one in judged] == [(), ("age",), ()]
    assert [one.missed for one in judged] == [(), (), ("weight",)]
    assert [one.unasked for one in judged] == [(), (), ()]
    page = snapshots_document(judged, "reference.csv").to_html()
    assert "Of 2 columns that were changed in a snapshot 1 were named" in page
    colours = [page.count(colour) for colour in ("#228833", "#cc3311", "#cc9900")]
    assert colours == [1, 1, 0]
    assert plain_snapshots(judged)[1]["found"] == ["age"]


def test_column_that_moves_by_itself_is_told_apart_from_the_truth() -> None:
    moved = table(seed=2).assign(age=lambda rows: rows["age"] + 10)

    (known,) = judge(table(), [("a", moved)], {"a": {"city": 3}})
    (unknown,) = judge(table(), [("a", moved)])

    assert (known.unasked, known.missed) == (("age",), ("city",))
    assert unknown.truth is None
    blind = snapshots_document([unknown], "r").to_html()
    assert "What was put into them is not known." in blind
    assert "not changed" not in blind
    assert [blind.count(colour) for colour in ("#4477aa", "#cc9900")] == [1, 0]
    assert "not changed" in snapshots_document([known], "r").to_html()


def test_wrong_use_is_refused() -> None:
    real = table()

    with pytest.raises(SpecError, match="no column in common"):
        compare(real, pd.DataFrame({"q": [1]}))
    with pytest.raises(SpecError, match="both tables need rows"):
        compare(real, real[:0])
    with pytest.raises(SpecError, match="no snapshot to judge"):
        judge(real, [])
    with pytest.raises(SpecError, match="'a' has no column in common"):
        judge(real, [("a", pd.DataFrame({"q": [1]}))])
    with pytest.raises(SpecError, match="has a column 'column'"):
        truth_of(pd.DataFrame({"period": [1]}), {})
