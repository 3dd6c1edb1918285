"""Labels that come later, where files are split into blocks or an ensemble is updated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from calmops_flows.read import blocks, explain, status
from calmops_flows.records import Outcome
from calmops_flows.settings import Settings
from calmops_flows.steps.models import part_digests, read_model
from calmops_flows.store import open_store, registry
from calmops_flows.store.fsck import fsck
from calmops_flows.store.tables import label_joins, metrics, snapshots
from tests.steps.conftest import START, Stream, rows, settled

BLOCK = {"kind": "block", "block": {"column": "site"}}
TREE = {"class": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 3}}
IPIP = {"kind": "ipip", "model": TREE}
DROP = {"drift": {"performance": {"max_drop": 0.1}}, "retrain": {"when": "performance"}}


class Sites:
    """A pipeline of blocks whose labels come in files of their own."""

    def __init__(self, root: Path, stream: Stream) -> None:
        self.stream, self.store = stream, stream.store
        self.folder = root / "labels"
        self.folder.mkdir(parents=True)

    def declare(self, **more: Any) -> None:
        wait = more.pop("wait", True)
        labels = {"path": str(self.folder), "key": "id", "wait": wait}
        self.stream.declare(**{**BLOCK, "labels": labels, **more})

    def data(self, name: str, *blocks: pd.DataFrame, labelled: bool = False) -> None:
        whole = pd.concat(blocks)
        self.stream.drop(name, whole if labelled else whole.drop(columns="y"))

    def labels(self, name: str, *blocks: pd.DataFrame) -> None:
        pd.concat(blocks)[["id", "y"]].to_csv(self.folder / name, index=False)
        settled(self.folder / name)

    def drain(self) -> list[Outcome]:
        return self.stream.drain().outcomes

    def told(self) -> list[tuple[str, str | None, int]]:
        return [(o.snapshot, o.decision, o.rows or 0) for o in self.drain()]

    def realised(self) -> dict[str, dict[str, float | None]]:
        """Return the realised scores by snapshot."""
        query = (
            select(snapshots.c.path, snapshots.c.block, metrics.c.metric, metrics.c.value)
            .join(snapshots, snapshots.c.id == metrics.c.snapshot_id)
            .where(metrics.c.scope == "realised")
        )
        found: dict[str, dict[str, float | None]] = {}
        with self.store.database.read() as connection:
            for path, block, metric, value in connection.execute(query):
                found.setdefault(f"{path}#{block}", {})[metric] = value
        return found

    def coverage(self) -> dict[str, tuple[int, int]]:
        """Return labelled and contradicted rows by snapshot, after its last label file."""
        query = (
            select(snapshots.c.path, snapshots.c.block, label_joins)
            .join(snapshots, snapshots.c.id == label_joins.c.snapshot_id)
            .order_by(label_joins.c.position)
        )
        with self.store.database.read() as connection:
            return {
                f"{row.path}#{row.block}": (row.labelled, row.contradictions)
                for row in connection.execute(query)
            }

    def parts(self, version: int) -> dict[str, str]:
        """Return the artifact of each part of a version, by block id."""
        found = registry.version(self.store.database, "stream", version)
        named: dict[str, str] = part_digests(self.store.artifacts.get(found.artifact))["parts"]
        return named


def block(site: str, seed: int, first: int, n: int = 400, **more: Any) -> pd.DataFrame:
    """Return the rows of one block with keys from ``first`` on."""
    frame = rows(seed, n, **more)
    frame.insert(0, "site", site)
    return frame.assign(id=np.arange(first, first + n))


@pytest.fixture
def rarely(tmp_path: Path) -> Iterator[Sites]:
    (tmp_path / "source").mkdir()
    with open_store(Settings(home=tmp_path / "home")) as store:
        yield Sites(tmp_path, Stream(store, tmp_path / "source"))


@pytest.fixture
def sites(rarely: Sites) -> Sites:
    rarely.declare()
    return rarely


def start(sites: Sites, **second: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train two blocks on labelled rows; let unlabelled ones of both arrive, and return these."""
    old = block("a", 1, 0), block("b", 2, 1000, sign=-1)
    sites.data("1.csv", *old, labelled=True)
    new = block("a", 3, 2000, **second), block("b", 4, 3000, sign=-1)
    sites.data("2.csv", *new)
    assert [o.decision for o in sites.drain()] == [
        "trained",
        "promoted",
        "awaiting_labels",
        "awaiting_labels",
    ]
    return new


def test_label_file_is_split_by_the_blocks_of_its_rows(sites: Sites) -> None:
    new = start(sites)
    sites.labels("june.csv", *new)

    told = sites.told()

    assert told == [("labels:june.csv#a", "kept", 400), ("labels:june.csv#b", "kept", 400)]
    assert sites.coverage() == {"2.csv#a": (400, 0), "2.csv#b": (400, 0)}
    scores = {o.snapshot: o.metrics["champion"] for o in sites.stream.history()}
    assert sites.realised() == {
        "2.csv#a": pytest.approx(scores["labels:june.csv#a"]),
        "2.csv#b": pytest.approx(scores["labels:june.csv#b"]),
    }
    assert fsck(sites.store, now=START) == ()


def test_realised_performance_stands_beside_the_estimate_of_its_block(sites: Sites) -> None:
    sites.data("1.csv", block("a", 1, 0, 1500), labelled=True)
    new = block("a", 3, 2000)
    sites.data("2.csv", new)
    sites.drain()
    sites.labels("june.csv", new)
    sites.drain()

    found = explain(sites.store, "stream", "2.csv#a").labels

    assert found is not None
    assert (found.rows, found.labelled, found.files) == (400, 400, ("labels:june.csv",))
    assert (found.estimated["accuracy"] or 0) > 0.8
    assert (found.realised["accuracy"] or 0) > 0.8
    (view,) = blocks(sites.store, "stream")
    assert (view.contents, view.labels) == (2, found)
    counted = status(sites.store, "stream").labels
    assert counted is not None
    assert (counted.rows, counted.labelled, counted.files) == (400, 400, 1)


def test_only_the_block_whose_performance_dropped_is_trained(sites: Sites) -> None:
    sites.declare(**DROP)
    new = start(sites, sign=-1)
    sites.labels("june.csv", *new)

    dropped, held = sites.drain()

    assert (dropped.decision, dropped.champion) == ("promoted", 3)
    assert (dropped.reason or "").startswith("the champion's performance dropped")
    assert (held.decision, held.champion) == ("kept", 3)
    before, after = sites.parts(2), sites.parts(3)
    assert {name for name in before if before[name] != after[name]} == {"a"}


def test_first_labels_train_the_first_parts(sites: Sites) -> None:
    frames = block("a", 1, 0), block("b", 2, 1000, sign=-1)
    sites.data("1.csv", *frames)
    assert [o.decision for o in sites.drain()] == ["awaiting_labels"] * 2
    sites.labels("june.csv", *frames)

    told = sites.told()

    assert told == [("labels:june.csv#a", "trained", 400), ("labels:june.csv#b", "promoted", 400)]
    assert sites.parts(2).keys() == {"", "a", "b"}
    model = read_model(
        sites.store.artifacts, registry.version(sites.store.database, "stream", 2).artifact
    )
    X = pd.DataFrame({"site": ["?"], "a": [2.0], "b": [2.0], "c": ["x"]})
    assert model.predict_proba(X).max() < 0.7, "the global model knows both, which contradict"


def test_global_model_learns_the_newest_labelled_rows_of_each_block(sites: Sites) -> None:
    """Of block a the newest content has no labels yet, so its older rows are taken."""
    sites.declare(retrain={"when": "always"}, wait=False)
    old = block("a", 1, 0)
    sites.data("1.csv", old.assign(y=old.y.where(old.id >= 100)), labelled=True)
    sites.data("2.csv", block("a", 2, 1000))
    new = block("b", 3, 2000, sign=-1)
    sites.data("3.csv", new)
    sites.drain()
    sites.labels("june.csv", new)

    (outcome,) = sites.drain()

    assert outcome.decision == "promoted"
    model = read_model(
        sites.store.artifacts, registry.version(sites.store.database, "stream", 2).artifact
    )
    X = pd.DataFrame({"site": ["?"], "a": [2.0], "b": [2.0], "c": ["x"]})
    assert model.predict_proba(X).max() < 0.7


def test_labels_before_their_rows_wait_and_the_others_do_not(sites: Sites) -> None:
    new = start(sites)
    later = block("c", 5, 4000)
    sites.labels("june.csv", new[0], later)
    early = sites.told()
    sites.data("3.csv", later)

    (outcome,) = sites.drain()

    assert early == [("labels:june.csv", "kept", 0), ("labels:june.csv#a", "kept", 400)]
    assert (outcome.snapshot, outcome.decision) == ("3.csv#c", "promoted")
    assert sites.coverage()["3.csv#c"] == (400, 0)
    assert fsck(sites.store, now=START) == ()


def test_rows_labelled_on_arrival_are_old_rows_for_the_next(sites: Sites) -> None:
    sites.declare(retrain={"when": "always", "mode": "window", "window_size": 700})
    early = block("a", 1, 0)
    sites.labels("june.csv", early)
    sites.drain()
    sites.data("1.csv", early)
    sites.data("2.csv", block("a", 2, 1000), labelled=True)

    sites.drain()

    version = registry.version(sites.store.database, "stream", 2)
    assert b'"rows":700' in sites.store.artifacts.get(version.manifest)


def test_same_labels_again_change_nothing(sites: Sites) -> None:
    sites.declare(retrain={"when": "always"})
    new = start(sites)
    sites.labels("june.csv", *new)
    sites.drain()
    before = (sites.realised(), sites.coverage())
    sites.labels("june again.csv", *new)

    again = sites.drain()

    assert [(o.decision, o.challenger) for o in again] == [("kept", None), ("kept", None)]
    assert {o.reason for o in again} == {"the file brings no label that is new"}
    assert (sites.realised(), sites.coverage()) == before


def test_contradictions_are_counted_in_their_block(sites: Sites) -> None:
    a, b = start(sites)
    sites.labels("part10.csv", a, b)
    sites.drain()
    sites.labels("part9.csv", a.head(40).assign(y=1 - a.y), b.head(40))

    odd, same = sites.drain()

    assert (odd.snapshot, odd.decision, same.decision) == ("labels:part9.csv#a", "kept", "kept")
    assert sites.coverage() == {"2.csv#a": (400, 40), "2.csv#b": (400, 0)}
    found = explain(sites.store, "stream", odd.snapshot).decision
    assert found is not None
    assert any("40 rows were given different labels" in said for said in found.warnings)


def test_label_file_that_grows_brings_only_what_is_new(sites: Sites) -> None:
    a, b = start(sites)
    sites.labels("june.csv", a)
    sites.drain()
    sites.labels("june.csv", a, b)

    assert sites.told() == [("labels:june.csv#b", "kept", 400)]
    assert sites.coverage() == {"2.csv#a": (400, 0), "2.csv#b": (400, 0)}


def test_file_that_grows_after_its_labels_came_brings_only_its_new_block(sites: Sites) -> None:
    """The first labels complete the contract; the rows before them are the same rows."""
    a, b = block("a", 1, 0).assign(y2=0), block("b", 2, 1000)
    sites.stream.drop("1.csv", a.drop(columns=["y", "y2"]).assign(y=None))
    sites.drain()
    sites.labels("june.csv", a)
    sites.drain()
    whole = pd.concat([a.drop(columns=["y", "y2"]), b.drop(columns="y")]).assign(y=None)
    sites.stream.drop("1.csv", whole)

    assert [o.snapshot for o in sites.drain()] == ["1.csv#b"]


def test_key_twice_in_a_file_sets_all_its_blocks_aside(sites: Sites) -> None:
    sites.data("1.csv", block("a", 1, 0), block("b", 2, 399), labelled=True)

    (found,) = sites.stream.drain().quarantined

    assert (found.snapshot, found.state) == ("1.csv", "quarantined")
    assert "duplicate_key: labels.key must name one row each, but 1 keys" in (found.reason or "")


def test_key_that_two_blocks_share_labels_a_row_of_each_and_teaches_its_own_part(
    sites: Sites,
) -> None:
    sites.declare(retrain={"when": "always"})
    a, b = block("a", 1, 0), block("b", 2, 300)
    sites.data("1.csv", a)
    sites.data("2.csv", b)
    sites.drain()
    both = pd.concat([a, b]).drop_duplicates("id")
    sites.labels("june.csv", both)

    told = sites.told()

    assert [(name, n) for name, _, n in told] == [
        ("labels:june.csv#a", 400),
        ("labels:june.csv#b", 400),
    ]
    assert sites.coverage() == {"1.csv#a": (400, 0), "2.csv#b": (400, 0)}


def test_evaluation_block_judges_once_its_labels_have_come(sites: Sites) -> None:
    sites.declare(block={"column": "site", "eval_blocks": ["z"]}, retrain={"when": "always"})
    a, z = block("a", 1, 0), block("z", 2, 1000)
    sites.data("1.csv", a, z)
    sites.drain()
    sites.labels("1.csv", z)
    (judge,) = sites.drain()
    sites.labels("2.csv", a)

    (trained,) = sites.drain()

    assert (judge.decision, judge.reason) == ("kept", "block 'z' judges and never trains")
    assert trained.decision == "trained"
    version = registry.version(sites.store.database, "stream", 1)
    assert b'"rows":400' in sites.store.artifacts.get(version.manifest)


def test_only_the_labelled_rows_of_an_evaluation_block_judge(sites: Sites) -> None:
    sites.declare(block={"column": "site", "eval_blocks": ["z"]}, retrain={"when": "always"})
    a, z = block("a", 1, 0), block("z", 2, 1000)
    sites.data("1.csv", a, z)
    sites.drain()
    sites.labels("1.csv", z[100:])
    sites.drain()
    sites.labels("2.csv", a)

    (trained,) = sites.drain()

    scores = trained.metrics["challenger"] or {}
    assert (scores["accuracy"] or 0) > 0.85, "each label beside its own row"


def test_block_of_one_class_among_the_labels_is_kept_until_others_come(sites: Sites) -> None:
    new = start(sites)[0]
    c = block("c", 5, 4000)
    sites.data("3.csv", c)
    sites.drain()
    sites.labels("a.csv", c[c.y == 1])
    (few,) = sites.drain()
    sites.labels("b.csv", c[c.y == 0], new)

    (whole,) = (o for o in sites.drain() if o.snapshot.endswith("#c"))

    assert "block 'c' holds one class only" in (few.reason or "")
    assert (whole.decision, whole.rows) == ("promoted", 400)
    assert "block 'c' is new" in (whole.reason or "")


def test_reference_before_is_not_the_rows_that_are_labelled(sites: Sites) -> None:
    """Under ``previous`` the shift of the second content shows at its labels as on arrival."""
    sites.declare(drift={"reference": "previous"}, retrain={"when": "never"})
    sites.data("1.csv", block("a", 1, 0), labelled=True)
    new = block("a", 2, 1000, shift=3.0)
    sites.data("2.csv", new)
    sites.drain()
    sites.labels("june.csv", new)

    (outcome,) = sites.drain()

    assert outcome.drift.is_drift is True
    assert set(outcome.drift.columns) >= {"a", "b"}


def test_prediction_only_blocks_realise_their_performance_and_train_nothing(
    sites: Sites,
) -> None:
    new = start(sites, sign=-1)
    sites.declare(prediction_only=True, retrain={"when": "always"})
    sites.labels("june.csv", *new)

    outcomes = sites.drain()

    assert [(o.decision, o.challenger) for o in outcomes] == [("predicted", None)] * 2
    assert set(sites.realised()) == {"2.csv#a", "2.csv#b"}


def rare(seed: int, first: int, **more: Any) -> pd.DataFrame:
    """Return rows of which about one in eight is of class 1."""
    frame = block("a", seed, first, 800, **more)
    return frame[(frame["y"] == 0) | (frame.index % 7 == 0)]


def test_ensemble_is_updated_when_the_labels_come(rarely: Sites) -> None:
    rarely.declare(**IPIP, block=None)
    first, second = rare(1, 0), rare(2, 1000)
    rarely.data("1.csv", first, labelled=True)
    rarely.data("2.csv", second)
    assert [o.decision for o in rarely.drain()] == ["trained", "awaiting_labels"]
    rarely.labels("june.csv", second)

    told = rarely.told()

    assert told == [("labels:june.csv", "promoted", len(second))]
    model = read_model(
        rarely.store.artifacts, registry.version(rarely.store.database, "stream", 2).artifact
    )
    assert model["model"].n_updates_ == 1
    assert (rarely.realised()["2.csv#None"]["balanced_accuracy"] or 0) > 0.6


def test_ensemble_over_blocks_learns_from_each_when_its_labels_come(rarely: Sites) -> None:
    rarely.declare(**IPIP)
    frames = rare(1, 0), rare(2, 1000).assign(site="b")
    rarely.data("1.csv", *frames)
    rarely.drain()
    rarely.labels("june.csv", *frames)

    told = rarely.told()

    assert [(name, what) for name, what, _ in told] == [
        ("labels:june.csv#a", "trained"),
        ("labels:june.csv#b", "promoted"),
    ]


FRAMES = (block("a", 5, 1000, 30), block("b", 6, 1030, 30))
TRUTH = set(range(1000, 1060))


@st.composite
def label_files(draw: st.DrawFn) -> list[tuple[str, dict[int, int]]]:
    """Draw overlapping, partly wrong files over two blocks, some with keys that never come."""
    n = draw(st.integers(1, 3))
    keys = st.integers(1000, 1064)
    files = [
        (f"part{i}.csv", draw(st.dictionaries(keys, st.integers(0, 1), min_size=1, max_size=20)))
        for i in range(n)
    ]
    again = draw(st.sampled_from([None, *range(n)]))
    return files if again is None else [*files, (f"part{n}.csv", files[again][1])]


@settings(max_examples=3, deadline=None)
@given(files=label_files(), data=st.data(), kind=st.sampled_from(["block", "ipip"]))
def test_order_and_partition_of_label_files_do_not_matter(
    files: list[tuple[str, dict[int, int]]], data: st.DataObject, kind: str, tmp_path_factory: Any
) -> None:
    draw_and_compare(files, data, kind, tmp_path_factory.mktemp("orders"))


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(files=label_files(), data=st.data(), kind=st.sampled_from(["block", "ipip"]))
def test_order_and_partition_do_not_matter_in_many_drawings(
    files: list[tuple[str, dict[int, int]]], data: st.DataObject, kind: str, tmp_path_factory: Any
) -> None:
    draw_and_compare(files, data, kind, tmp_path_factory.mktemp("orders"))


def draw_and_compare(
    files: list[tuple[str, dict[int, int]]], data: st.DataObject, kind: str, root: Path
) -> None:
    """Compare the files in order with the same ones in a drawn order, some before their rows."""
    order = data.draw(st.permutations(files))
    early = data.draw(st.integers(0, len(files)))

    found, scores = realise(root / "sorted", kind, files, early=0, at_once=True)
    other, other_scores = realise(root / "drawn", kind, order, early=early, at_once=False)

    assert found == other
    if kind == "block":  # an ensemble that has learnt early labels predicts otherwise
        assert scores == other_scores
    winners = {k for _, labels in files for k in labels if k in TRUTH}
    counted = {name: n for name, (n, _) in found.items()}
    assert counted.get("2.csv#a", 0) == len([k for k in winners if k < 1030])
    assert counted.get("2.csv#b", 0) == len([k for k in winners if k >= 1030])


def realise(
    root: Path, kind: str, files: list[tuple[str, dict[int, int]]], *, early: int, at_once: bool
) -> tuple[dict[str, tuple[int, int]], dict[str, dict[str, float | None]]]:
    """Drain label files in an order, ``early`` of them before their rows; return the end."""
    (root / "source").mkdir(parents=True)
    with open_store(Settings(home=root / "home")) as store:
        sites = Sites(root, Stream(store, root / "source"))
        more = {"retrain": {"when": "never"}} if kind == "block" else IPIP
        sites.declare(**more)
        sites.data("1.csv", block("a", 1, 0, 100), block("b", 2, 100, 100), labelled=True)
        sites.drain()
        for position, (name, said) in enumerate([*files[:early], ("", {}), *files[early:]]):
            if position == early:
                sites.data("2.csv", *FRAMES)
                sites.drain()
                continue
            sites.labels(name, pd.DataFrame({"id": said.keys(), "y": said.values()}))
            if not at_once:
                sites.drain()
        sites.drain()
        return sites.coverage(), sites.realised()
