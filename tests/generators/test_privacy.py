"""Protection: each way does what it says, and the report says what it does not do."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calmops_flows.errors import SpecError
from calmops_flows.generators.privacy import WAYS, k_anonymity, pseudonyms
from calmops_flows.generators.privacy.protect import protect

KEY = b"0123456789abcdef0123456789abcdef"
ENV = {"env": "PSEUDONYM_KEY"}


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setenv("PSEUDONYM_KEY", KEY.decode())
    return KEY


def patients(n_rows: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "patient": [f"p{i // 2}" for i in range(n_rows)],
            "age": rng.integers(18, 95, n_rows).astype(float),
            "born": pd.date_range("1950-01-01", periods=n_rows, freq="40D"),
            "city": rng.choice(
                ["Bonn", "Köln", "Trier", "Mainz"], n_rows, p=[0.6, 0.3, 0.08, 0.02]
            ),
            "income": rng.lognormal(10, 1, n_rows),
            "ill": rng.integers(0, 2, n_rows),
        }
    )


# Every way once, on the table above; `pseudonym` needs the key.
STEPS: dict[str, dict[str, Any]] = {
    "pseudonym": {"columns": ["patient"], "key": ENV, "prefix": "id-"},
    "bins": {"column": "age", "width": 10},
    "dates": {"columns": ["born"], "to": "year"},
    "hierarchy": {"column": "city", "groups": {"north": ["Bonn", "Köln"]}, "other": "south"},
    "top_code": {"column": "income", "high": 50_000},
    "drop": {"columns": ["patient", "born"]},
    "suppress": {"quasi_identifiers": ["city", "ill"], "k": 5},
    "shuffle": {"columns": ["income", "city"]},
}


def test_every_way_is_tried() -> None:
    assert set(STEPS) == set(WAYS)


@pytest.mark.parametrize("kind", sorted(STEPS))
def test_input_stays_other_columns_stay_and_the_report_is_honest(kind: str, key: bytes) -> None:
    before = patients()
    kept = before.copy()

    done = protect(before, {"steps": [{"kind": kind, **STEPS[kind]}]}, random_state=1)

    pd.testing.assert_frame_equal(before, kept)
    step = done.report.steps[0]
    assert step.protects
    assert step.leaves
    assert step.leaves in done.report.document().to_markdown()
    for name in set(done.data) - set(step.columns) if kind != "suppress" else ():
        pd.testing.assert_series_equal(done.data[name], before[name])
    json.dumps(done.report.to_dict(), allow_nan=False)


def test_pseudonym_is_the_hmac_of_domain_and_value() -> None:
    # By hand: HMAC-SHA-256 over the length-prefixed domain and the text of the value.
    expected = hmac.new(KEY, b"4:city:" + "Köln".encode(), hashlib.sha256).hexdigest()

    assert pseudonyms(["Köln"], KEY, domain="city", digits=64) == [expected]


@given(
    values=st.lists(st.one_of(st.text(max_size=8), st.integers()), unique_by=str, min_size=1),
    keys=st.lists(st.binary(min_size=16, max_size=40), min_size=2, max_size=2, unique=True),
)
@settings(max_examples=40, deadline=None)
def test_same_key_same_pseudonym_and_another_key_another(
    values: list[Any], keys: list[bytes]
) -> None:
    one, two = (pseudonyms(values, key, domain="d") for key in keys)

    assert one == pseudonyms(values, keys[0], domain="d")
    assert len(set(one)) == len(values)
    assert not set(one) & set(two)
    assert not set(one) & set(pseudonyms(values, keys[0], domain="e"))


def test_pseudonyms_join_tables_of_one_domain_and_only_these(key: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    step = {"kind": "pseudonym", "prefix": "P", "domain": "person"}
    one = pd.DataFrame({"patient": [1, 2, 2]})
    two = pd.DataFrame({"person": [2.0, np.nan, 9.0]})

    left = protect(one, {"steps": [{**step, "columns": ["patient"], "key": ENV}]}).data
    from_file = {"file": str(tmp_path / "key")}
    right = protect(two, {"steps": [{**step, "columns": ["person"], "key": from_file}]}).data

    assert left["patient"][1] == left["patient"][2] == right["person"][0]
    assert left["patient"][0] != left["patient"][1]
    assert right["person"].isna().tolist() == [False, True, False]
    assert all(name.startswith("P") and len(name) == 21 for name in left["patient"])


def test_key_is_in_no_report_and_no_message(key: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    done = protect(patients(), {"steps": [{"kind": "pseudonym", **STEPS["pseudonym"]}]})
    told = json.dumps(done.report.to_dict()) + done.report.document().to_html()
    secret = "my own secret, in the wrong place"
    said = []
    for wrong in (secret, {"value": secret}, {"env": secret}, None, {}):
        with pytest.raises(SpecError, match="a plan never holds a key") as caught:
            protect(
                patients(), {"steps": [{**STEPS["pseudonym"], "kind": "pseudonym", "key": wrong}]}
            )
        said.append(str(caught.value))
    monkeypatch.setenv("PSEUDONYM_KEY", "short")
    with pytest.raises(SpecError, match="has 5 bytes") as caught:
        protect(patients(), {"steps": [{"kind": "pseudonym", **STEPS["pseudonym"]}]})

    assert KEY.decode() not in told
    assert "variable PSEUDONYM_KEY" in told
    assert not any("secret" in one for one in said)
    assert "short" not in str(caught.value).replace("shorter", "")


def test_numbers_become_intervals_that_hold_them() -> None:
    data = pd.DataFrame({"a": [-1.0, 0.0, 9.99, 10.0, np.nan], "b": [1, 4, 5, 9, 100]})
    steps = [
        {"kind": "bins", "column": "a", "width": 10},
        {"kind": "bins", "column": "b", "edges": [4, 9]},
    ]

    after = protect(data, {"steps": steps}).data

    assert after["a"][:4].tolist() == ["[-10, 0)", "[0, 10)", "[0, 10)", "[10, 20)"]
    assert pd.isna(after["a"][4])
    assert after["b"].tolist() == ["< 4", "[4, 9)", "[4, 9)", ">= 9", ">= 9"]


@pytest.mark.parametrize(
    ("to", "first"),
    [("day", "2024-02-29"), ("month", "2024-02"), ("quarter", "2024Q1"), ("year", "2024")],
)
@pytest.mark.parametrize("as_text", [True, False])
def test_dates_become_periods(to: str, first: str, as_text: bool) -> None:
    texts = pd.Series(["2024-02-29T23:59:00", None, "2025-01-01"])
    data = pd.DataFrame({"d": texts if as_text else pd.to_datetime(texts, format="ISO8601")})

    after = protect(data, {"steps": [{"kind": "dates", "columns": ["d"], "to": to}]}).data

    assert after["d"][0] == first
    assert pd.isna(after["d"][1])


def test_extremes_become_bounds_and_categories_groups() -> None:
    data = pd.DataFrame({"n": [1, 50, 99], "g": ["x", "y", None]})
    steps = [
        {"kind": "top_code", "column": "n", "low": 10, "high": 90},
        {"kind": "hierarchy", "column": "g", "groups": {"all": ["x", "y"]}},
    ]

    done = protect(data, {"steps": steps})

    assert done.data["n"].tolist() == [10, 50, 90]
    assert done.data["n"].dtype == data["n"].dtype
    assert done.data["g"].tolist()[:2] == ["all", "all"]
    assert pd.isna(done.data["g"][2])
    assert done.report.steps[0].facts == {"cells cut": 2}


CELLS = st.one_of(st.none(), st.integers(0, 3))


Row = tuple[int | None, int | None, str]


def kept_rows(data: pd.DataFrame) -> list[Row]:
    """Return the quasi-identifiers of every row, with one sign for what is missing."""
    values = data[["a", "b", "c"]].astype(object)
    found: list[Row] = list(values.where(values.notna(), None).itertuples(index=False, name=None))
    return found


@given(
    rows=st.lists(st.tuples(CELLS, CELLS, st.sampled_from("abc")), min_size=1, max_size=40),
    k=st.integers(2, 8),
    what=st.sampled_from(["rows", "cells"]),
)
@settings(max_examples=80, deadline=None)
def test_suppression_always_reaches_k_or_says_that_it_cannot(
    rows: list[Row], k: int, what: str
) -> None:
    data = pd.DataFrame(rows, columns=["a", "b", "c"]).assign(row=range(len(rows)))
    sizes = Counter(rows)
    hidden = [row for row in rows if sizes[row] >= k]
    step = {"kind": "suppress", "quasi_identifiers": ["a", "b", "c"], "k": k, "what": what}
    # Without a group of k rows, emptied cells still make one of all rows.
    if len(rows) < k or (not hidden and what == "rows"):
        with pytest.raises(SpecError, match=r"k is|nothing would be left"):
            protect(data, {"steps": [step]})
        return

    after = protect(data, {"steps": [step]}).data

    groups = Counter(kept_rows(after))
    assert min(groups.values()) >= k
    assert k_anonymity(after, ["a", "b", "c"]).k == min(groups.values())
    # Who was hidden among k stays as he was; in rows mode nobody else stays.
    stayed = dict(zip(after["row"], kept_rows(after), strict=True))
    assert [stayed[i] for i, row in enumerate(rows) if sizes[row] >= k] == hidden
    assert what == "cells" or len(after) == len(hidden)


def test_anonymity_counts_by_hand() -> None:
    data = pd.DataFrame(
        {
            "zip": ["1", "1", "1", "2", "2", None, None],
            "ill": ["flu", "flu", "flu", "flu", "hiv", "flu", None],
        }
    )

    found = k_anonymity(data, ["zip"], sensitive=["ill"])

    assert (found.k, found.classes, found.unique_rows) == (2, 3, 0)
    assert found.diversity == {"ill": 1}
    assert k_anonymity(data[3:], ["zip"], sensitive=["ill"]).diversity == {"ill": 2}
    assert k_anonymity(data[:0], ["zip"], sensitive=["ill"]).k == 0


def test_shuffle_keeps_every_value_and_breaks_the_link() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=2_000)
    data = pd.DataFrame({"a": a, "b": a + rng.normal(size=2_000) * 0.1, "c": -a})
    step = {"kind": "shuffle", "columns": ["b", "c"]}

    apart = protect(data, {"steps": [step]}, random_state=0).data
    together = protect(data, {"steps": [{**step, "together": True}]}, random_state=0).data

    assert sorted(apart["b"]) == sorted(data["b"])
    assert abs(apart["a"].corr(apart["b"])) < 0.08
    assert abs(apart["b"].corr(apart["c"])) < 0.08
    assert together["b"].corr(together["c"]) < -0.98
    leaves = WAYS["shuffle"].LEAVES
    assert "not anonymous" in leaves
    assert "Every value is still in the table" in leaves


def test_shuffle_without_a_seed_is_never_the_same() -> None:
    step = {"kind": "shuffle", "columns": ["income"]}

    one, two = (protect(patients(), {"steps": [step]}).data["income"] for _ in range(2))

    assert not one.equals(two)


def test_check_compares_before_and_after() -> None:
    plan = {
        "steps": [
            {"kind": "bins", "column": "age", "width": 20},
            {"kind": "suppress", "quasi_identifiers": ["age", "city"], "k": 4},
        ],
        "check": {"quasi_identifiers": ["age", "city"], "sensitive": ["ill"], "k": 4},
    }

    report = protect(patients(), plan).report

    assert report.before is not None
    assert report.after is not None
    assert report.before.k == 1
    assert report.after.k >= 4
    assert report.rows_after < report.rows_before
    page = report.document().to_html()
    assert "fewest values of ill in a group (l)" in page


def test_page_of_a_hostile_table_is_inert(key: bytes) -> None:
    name = "<script>alert(1)</script>"
    data = pd.DataFrame({name: ["a", "a"]})
    plan = {
        "steps": [{"kind": "pseudonym", "columns": [name], "key": ENV}],
        "check": {"quasi_identifiers": [name]},
    }

    page = protect(data, plan).report.document().to_html()

    assert "<script" not in page
    assert "&lt;script&gt;" in page


SUPPRESS = {"kind": "suppress", "quasi_identifiers": ["city"], "k": 201}


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"steps": [SUPPRESS]}, "k is 201, and the table has 200 rows"),
        ({"check": {"quasi_identifiers": ["city"], "k": 201}}, "k 201, and the table has 200 rows"),
        ({"check": {"quasi_identifiers": ["income"], "k": 2}}, "smallest group has 1 rows; add"),
        (
            {"steps": [{"kind": "suppress", "quasi_identifiers": ["income"], "k": 2}]},
            "nothing would be left",
        ),
        ({"steps": [{"kind": "hide"}]}, "unknown way of protection 'hide'; valid: bins, dates"),
        ({"steps": [{"kind": "bins", "column": "age"}]}, "either width or edges"),
        ({"steps": [{"kind": "bins", "column": "age", "edges": [2, 1]}]}, "ascend"),
        ({"steps": [{"kind": "bins", "column": "city", "width": 1}]}, "must be numeric"),
        ({"steps": [{"kind": "bins", "column": "q", "width": 1}]}, "no column 'q'"),
        ({"steps": [{"kind": "dates", "columns": ["city"]}]}, "no date as 2026-01-31"),
        ({"steps": [{"kind": "dates", "columns": ["age"]}]}, "holds numbers"),
        (
            {"steps": [{"kind": "hierarchy", "column": "city", "groups": {"a": ["Bonn"]}}]},
            "hold categories of no group",
        ),
        (
            {"steps": [{"kind": "hierarchy", "column": "c", "groups": {"a": ["x"], "b": ["x"]}}]},
            "stands in two groups",
        ),
        ({"steps": [{"kind": "top_code", "column": "age"}]}, "give low, high or both"),
        ({"steps": [{"kind": "top_code", "column": "age", "low": 3, "high": 1}]}, "below high"),
        ({"steps": [{"kind": "shuffle", "columns": []}]}, "columns"),
        ({"steps": [{"kind": "pseudonym", "columns": ["city"], "key": {"env": "NO"}}]}, "not set"),
        (
            {"steps": [{"kind": "pseudonym", "columns": ["city"], "key": {"file": "no/key"}}]},
            "cannot read the key",
        ),
        (
            {
                "steps": [
                    {"kind": "pseudonym", "columns": ["city"], "key": {"env": "A", "file": "b"}}
                ]
            },
            "either an environment variable",
        ),
        ({}, "the plan says nothing"),
        ({"stages": []}, "valid parameters: check, release, steps"),
        ({"steps": {"kind": "drop"}}, "must be a list"),
        ("no/such/plan.yaml", "cannot read the plan"),
        (3, "expected a mapping"),
    ],
)  # fmt: skip
def test_wrong_use_is_refused(plan: object, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        protect(patients(), plan)


def test_pseudonyms_that_would_collide_are_refused(key: bytes) -> None:
    data = pd.DataFrame({"a": pd.Series([7, "7"], dtype=object)})

    with pytest.raises(SpecError, match="share a pseudonym"):
        protect(data, {"steps": [{"kind": "pseudonym", "columns": ["a"], "key": ENV}]})


def test_messages_hold_no_value_of_a_row() -> None:
    data = patients().assign(city="canary-7f3a", born="canary-7f3a")
    steps: list[dict[str, Any]] = [
        {"kind": "hierarchy", "column": "city", "groups": {"a": ["Bonn"]}},
        {"kind": "dates", "columns": ["born"]},
    ]

    for step in steps:
        with pytest.raises(SpecError) as caught:
            protect(data, {"steps": [step]})
        assert "canary" not in str(caught.value)
