"""A pipeline of blocks, from files to parts of a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest

from calmops_flows.errors import SpecError
from calmops_flows.read import card
from calmops_flows.settings import Settings
from calmops_flows.steps.models import part_digests, read_model
from calmops_flows.steps.runner import PlainRunner
from calmops_flows.store import open_store, registry
from calmops_flows.store.fsck import fsck
from calmops_flows.store.history import decision
from calmops_flows.store.tables import snapshots
from tests.steps.conftest import Stream, rows

T = TypeVar("T")
KIND = {"kind": "block", "block": {"column": "site"}}


def block(site: str | float | None, seed: int, n: int = 400, **more: Any) -> pd.DataFrame:
    """Return the rows of one block."""
    frame = rows(seed, n, **more)
    frame.insert(0, "site", site)
    return frame


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[Stream]:
    folder = tmp_path / "source"
    folder.mkdir()
    with open_store(Settings(home=tmp_path / "home")) as store:
        opened = Stream(store, folder)
        opened.declare(**KIND)
        yield opened


def drop(sites: Stream, name: str, *blocks: pd.DataFrame) -> None:
    """Write blocks one after the other into a settled file."""
    sites.drop(name, pd.concat(blocks))


def told(sites: Stream) -> list[tuple[str, str, str | None]]:
    return [(o.snapshot, o.state, o.decision) for o in sites.history()]


def parts(sites: Stream, version: int) -> dict[str, str]:
    """Return the artifact of each part of a version, by block id."""
    found = registry.version(sites.store.database, "stream", version)
    index = part_digests(sites.store.artifacts.get(found.artifact))
    named: dict[str, str] = index["parts"]
    return named


def test_first_block_trains_and_each_new_one_gets_a_part(sites: Stream) -> None:
    drop(sites, "1.csv", block(10, 1, sign=-1), block(2, 2), block("north", 3, sign=-1))

    sites.drain()

    assert told(sites) == [
        ("1.csv#2", "processed", "trained"),
        ("1.csv#10", "processed", "promoted"),
        ("1.csv#north", "processed", "promoted"),
    ]
    assert parts(sites, 3).keys() == {"", "2", "10", "north"}
    assert "block '10' is new" in (sites.history()[1].reason or "")


def test_only_the_part_of_a_drifted_block_is_trained(sites: Stream) -> None:
    drop(sites, "1.csv", block("a", 1), block("b", 2, sign=-1))
    sites.drain()
    drop(sites, "2.csv", block("a", 3), block("b", 4, shift=2.0))

    kept, promoted = sites.drain().outcomes

    assert (kept.decision, kept.drift.is_drift) == ("kept", False)
    assert (promoted.decision, promoted.drift.is_drift) == ("promoted", True)
    before, after = parts(sites, 2), parts(sites, 3)
    assert {name for name in before if before[name] != after[name]} == {"b"}
    taught = [source.snapshot for source in card(sites.store, "stream", 3).sources]
    assert taught == ["1.csv#a", "1.csv#b", "2.csv#b"]


def test_fsck_and_export_know_every_part(sites: Stream, tmp_path: Path) -> None:
    drop(sites, "1.csv", block("a", 1), block("b", 2, sign=-1))
    sites.drain()

    found = fsck(sites.store, repair=True, now=datetime.now(UTC) + timedelta(days=2))

    assert found == ()
    version = registry.version(sites.store.database, "stream", 2)
    manifest = json.loads(sites.store.artifacts.get(version.manifest))
    assert manifest["parts"]["serving"].keys() == {"block a", "block b", "global", "shell"}


def test_block_is_compared_with_its_own_past_and_not_with_the_others(sites: Stream) -> None:
    sites.declare(**KIND, retrain={"when": "never"})
    drop(sites, "1.csv", block("a", 1), block("b", 2, shift=5.0))
    sites.drain()
    drop(sites, "2.csv", block("a", 3), block("b", 4, shift=5.0))

    assert [o.drift.is_drift for o in sites.drain().outcomes] == [False, False]


@pytest.mark.parametrize(
    ("reference", "last"), [("champion", True), ("previous", False), ("first", True)]
)
def test_reference_is_read_within_the_block(sites: Stream, reference: str, last: bool) -> None:
    """The block moves away and stays there; the model learnt from the first rows only."""
    sites.declare(**KIND, drift={"reference": reference}, retrain={"when": "never"})
    for number, shift in enumerate([0.0, 3.0, 3.0]):
        drop(sites, f"{number}.csv", block("a", number, shift=shift))

    found = [o.drift.is_drift for o in sites.drain().outcomes]

    assert found == [None, True, last]


def test_model_answers_by_block_and_for_unknown_ones_by_the_global_model(sites: Stream) -> None:
    drop(sites, "1.csv", block("a", 1, 400), block("b", 2, 400, sign=-1))
    sites.drain()

    version = registry.version(sites.store.database, "stream", 2)
    model = read_model(sites.store.artifacts, version.artifact)

    X = pd.DataFrame({"site": ["a", "b"], "a": [2.0, 2.0], "b": [2.0, 2.0], "c": ["x", "x"]})
    assert model.predict(X).tolist() == [1, 0]
    unknown = X.assign(site="never seen")
    assert (model.predict_proba(unknown) == model.global_.predict_proba(X)).all()
    assert model.global_.predict_proba(X).max() < 0.7


def test_appended_file_brings_only_its_new_block(sites: Stream) -> None:
    drop(sites, "1.csv", block("a", 1))
    sites.drain()
    drop(sites, "1.csv", block("a", 1), block("b", 2, sign=-1))

    assert [o.snapshot for o in sites.drain().outcomes] == ["1.csv#b"]
    assert told(sites)[0] == ("1.csv#a", "processed", "trained")


def test_rewritten_block_supersedes_and_its_outcome_stays(sites: Stream) -> None:
    drop(sites, "1.csv", block("a", 1), block("b", 2, sign=-1))
    sites.drain()
    drop(sites, "1.csv", block("a", 1), block("b", 3, sign=-1))

    assert [o.snapshot for o in sites.drain().outcomes] == ["1.csv#b"]
    with sites.store.database.read() as connection:
        found = connection.execute(snapshots.select().order_by(snapshots.c.id)).all()
    assert [(s.block, s.superseded_by is not None, s.state) for s in found] == [
        ("a", False, "processed"),
        ("b", True, "processed"),
        ("b", False, "processed"),
    ]


def test_copied_block_in_another_file_is_a_duplicate(sites: Stream) -> None:
    drop(sites, "1.csv", block("a", 1))
    drop(sites, "2.csv", block("a", 1), block("b", 2))

    sites.drain()

    assert told(sites)[1:] == [
        ("2.csv#a", "duplicate", None),
        ("2.csv#b", "processed", told(sites)[2][2]),
    ]


def test_ids_of_another_type_in_a_later_file_are_blocks_too(sites: Stream) -> None:
    drop(sites, "1.csv", block(1, 1))
    drop(sites, "2.csv", block("north", 2), block(1.0, 3))

    sites.drain()

    assert [o.snapshot for o in sites.history()] == ["1.csv#1", "2.csv#1.0", "2.csv#north"]
    assert {o.state for o in sites.history()} == {"processed"}


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (block(None, 1), "block_id: column 'site' is empty in 400 rows, the first is row 1"),
        (rows(1), "missing_column: block.column 'site' is not there"),
        (block("a", 1).head(0), "header_only"),
        (block("a", 1).drop(columns="y"), "missing_column"),
        (block("a", 1).assign(a="word"), "column_type: block 'a': column 'a'"),
    ],
    ids=["null id", "no block column", "no rows", "no target", "other type"],
)
def test_bad_file_is_quarantined_as_a_whole(
    sites: Stream, frame: pd.DataFrame, reason: str
) -> None:
    drop(sites, "1.csv", block("z", 5))
    sites.drain()
    drop(sites, "2.csv", frame)

    (found,) = sites.drain().quarantined

    assert (found.snapshot, found.state) == ("2.csv", "quarantined")
    assert reason in (found.reason or "")


def test_bad_file_that_is_repaired_brings_its_blocks(sites: Stream) -> None:
    drop(sites, "1.csv", block(None, 1))
    sites.drain()
    drop(sites, "1.csv", block("a", 1))

    sites.drain()

    assert told(sites) == [("1.csv", "quarantined", None), ("1.csv#a", "processed", "trained")]


def test_block_of_one_class_is_kept_with_its_reason(sites: Stream) -> None:
    drop(sites, "1.csv", block("a", 1))
    drop(sites, "2.csv", block("b", 2).assign(y=1))

    _, found = sites.drain().outcomes

    assert (found.decision, found.champion) == ("kept", 1)
    assert "block 'b' holds one class only" in (found.reason or "")
    assert parts(sites, 1).keys() == {"", "a"}


def test_first_block_of_one_class_leaves_the_next_to_train(sites: Stream) -> None:
    drop(sites, "1.csv", block("a", 1).assign(y=1), block("b", 2))

    assert [o.decision for o in sites.drain().outcomes] == ["kept", "trained"]


class RemovingRunner(PlainRunner):
    """Removes all files once the first step is done."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def step(self, name: str, label: str, call: Callable[[], T]) -> T:
        result = super().step(name, label, call)
        for file in self.folder.iterdir():
            file.unlink()
        return result


def test_file_that_is_gone_after_it_was_split_is_still_processed(sites: Stream) -> None:
    drop(sites, "1.csv", block("a", 1), block("b", 2, sign=-1))

    drained = sites.drain(runner=RemovingRunner(sites.folder))

    assert [o.decision for o in drained.outcomes] == ["trained", "promoted"]


def test_evaluation_blocks_judge_and_never_train(sites: Stream) -> None:
    sites.declare(kind="block", block={"column": "site", "eval_blocks": ["z", 7]})
    drop(sites, "1.csv", block(7, 1), block("a", 2), block("b", 3, sign=-1), block("z", 4))

    outcomes = sites.drain().outcomes

    assert [(o.snapshot, o.decision) for o in outcomes] == [
        ("1.csv#7", "kept"),
        ("1.csv#a", "trained"),
        ("1.csv#b", "rejected"),
        ("1.csv#z", "kept"),
    ]
    assert outcomes[0].reason == "block '7' judges and never trains"
    assert parts(sites, 1).keys() == {"", "a"}
    manifest = json.loads(
        sites.store.artifacts.get(registry.version(sites.store.database, "stream", 1).manifest)
    )
    assert manifest["rows"] == 400


def test_evaluation_blocks_that_have_not_come_leave_the_holdout_to_judge(sites: Stream) -> None:
    sites.declare(kind="block", block={"column": "site", "eval_blocks": ["z"]})
    drop(sites, "1.csv", block("a", 2))

    assert [o.decision for o in sites.drain().outcomes] == ["trained"]
    warnings = decision(sites.store.database, 2)
    assert warnings is not None
    assert any("no evaluation block has come yet" in text for text in warnings.warnings)


def test_ensemble_answers_for_unknown_blocks_when_asked(sites: Stream) -> None:
    sites.declare(kind="block", block={"column": "site", "fallback": "ensemble"})
    drop(sites, "1.csv", block("a", 1), block("b", 2, sign=-1))
    sites.drain()

    version = registry.version(sites.store.database, "stream", 2)
    model = read_model(sites.store.artifacts, version.artifact)

    X = pd.DataFrame({"site": ["?"], "a": [2.0], "b": [2.0], "c": ["x"]})
    each = [part.predict_proba(X) for part in model.parts_.values()]
    assert np.allclose(model.predict_proba(X), np.mean(each, axis=0))


def test_regression_by_block_keeps_a_model_for_each(sites: Stream) -> None:
    sites.declare(**KIND, task="regression", model={"class": "sklearn.linear_model.Ridge"})
    slopes = {"a": 1.0, "b": -1.0}
    frames = []
    for seed, (site, slope) in enumerate(slopes.items()):
        frame = block(site, seed)
        frames.append(frame.assign(y=slope * (frame["a"] + frame["b"])))
    drop(sites, "1.csv", *frames)

    assert [o.decision for o in sites.drain().outcomes] == ["trained", "promoted"]
    version = registry.version(sites.store.database, "stream", 2)
    assert (version.metrics["rmse"] or 9) < 0.1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"kind": "stream", "block": {"column": "site"}}, "not for kind 'stream'"),
        ({"kind": "block", "block": {"column": "y"}}, "is the target"),
        ({**KIND, "contract": {"site": "int"}}, "read as text"),
    ],
)
def test_parts_that_do_not_fit_the_kind_are_refused(
    sites: Stream, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(SpecError, match=said):
        sites.declare(**{"name": "other", **more})
