from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from calmops_flows.backtest import Options, backtest, keep
from calmops_flows.backtest.material import copies_of_files
from calmops_flows.errors import NotFoundError, SpecError
from calmops_flows.evaluation.metrics import evaluate
from calmops_flows.evaluation.predictions import Predictions
from calmops_flows.read.backtests import Backtest, PolicyResult, latest_backtest
from calmops_flows.settings import Settings
from calmops_flows.spec import parse_spec
from calmops_flows.steps.apply import apply
from calmops_flows.steps.drain import drain
from calmops_flows.store import Store, open_store
from tests.steps.conftest import START, Stream, rows, settled
from tests.store_dump import dump

# One process makes the replays that most of these tests look at.
pytestmark = pytest.mark.xdist_group("backtest")
POLICIES = ("always", "every:2")
Made = tuple[Backtest, list[tuple[str, int, int]], bool]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stream]:
    """Give a pipeline whose concept turns over with its third file."""
    folder = tmp_path_factory.mktemp("source")
    with open_store(Settings(home=tmp_path_factory.mktemp("home"))) as store:
        stream = Stream(store, folder)
        stream.declare(
            retrain={"when": "always"},
            drift={"multivariate": "off"},
            evaluation={"promotion": {"rule": "better"}},  # under which some are rejected
        )
        for number, sign in enumerate((1, 1, -1, -1, -1)):
            stream.drop(f"m{number}.csv", rows(number, sign=sign))
        stream.drain()
        yield stream


def everything(store: Store) -> tuple[dict[str, Any], dict[str, str]]:
    home = Path(store.settings.artifacts)
    artifacts = {
        str(file): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(home.rglob("*"))
        if file.is_file()
    }
    return dump(store.database), artifacts


@pytest.fixture(scope="module")
def made(lived: Stream) -> Made:
    heard: list[tuple[str, int, int]] = []
    before = everything(lived.store)
    found = backtest(
        lived.store,
        "stream",
        Options(POLICIES, jobs=2),
        on_progress=lambda *said: heard.append(said),
    )
    return found, heard, everything(lived.store) == before


def by_name(found: Backtest) -> dict[str, PolicyResult]:
    return {result.policy: result for result in found.results}


def test_live_pipeline_stays_as_it_is(
    made: Made,
) -> None:
    assert made[2]


def test_replay_gives_what_the_pipeline_lived_through(lived: Stream, made: Made) -> None:
    scored = [o.metrics["champion"] for o in lived.history() if o.metrics["champion"]]

    found = by_name(made[0])["always"]

    # Files of equal size: the pooled accuracy is the mean of the snapshots' own.
    assert made[0].snapshots == 4
    assert made[0].rows == 1600
    lived_through = np.mean([scores["accuracy"] or 0.0 for scores in scored])
    assert found.metrics["accuracy"] == pytest.approx(lived_through)


def test_fits_count_rejected_challengers(
    made: Made,
) -> None:
    found = by_name(made[0])

    assert {name: result.fits for name, result in found.items()} == {
        "never": 1,
        "always": 5,
        "every:2": 3,
    }
    assert 1 <= found["always"].promotions < found["always"].fits
    assert all(result.cpu_seconds > result.fit_seconds > 0 for result in made[0].results)


def test_learning_beats_the_static_model_where_the_concept_turned(
    made: Made,
) -> None:
    found = by_name(made[0])

    assert made[0].metric == "balanced_accuracy"
    assert found["never"].score == made[0].static
    assert (found["always"].score or 0) > (found["never"].score or 1) + 0.1
    assert found["never"].on_front
    best = max(result.score or 0 for result in made[0].results)
    assert any(result.on_front for result in made[0].results if result.score == best)


def test_no_change_repeats_the_label_before(
    made: Made,
) -> None:
    signs = (1, 1, -1, -1, -1)
    y = np.concatenate([rows(n, sign=sign)["y"].to_numpy() for n, sign in enumerate(signs)])
    by_hand = evaluate("classification", y[400:], Predictions(y[399:-1])).metrics

    assert made[0].no_change == pytest.approx(by_hand["balanced_accuracy"])


def test_progress_ends_with_every_policy_complete(
    made: Made,
) -> None:
    assert {said for said in made[1] if said[1] == said[2]} == {
        ("never", 5, 5),
        ("always", 5, 5),
        ("every:2", 5, 5),
    }


def test_kept_result_is_read_back(lived: Stream, made: Made) -> None:
    tables = dump(lived.store.database)

    digest = keep(lived.store, made[0], now=START)

    assert digest is not None
    assert latest_backtest(lived.store, "stream") == made[0]
    after = dump(lived.store.database)
    assert {name for name in tables if tables[name] != after[name]} == {"reports"}


@pytest.mark.timeout(120)
def test_copies_are_replayed_when_the_files_are_gone(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    with open_store(Settings(home=tmp_path / "home")) as store:
        stream = Stream(store, folder)
        stream.declare()
        files = [stream.drop(f"m{n}.csv", rows(n)) for n in range(2)]
        stream.drain()
        for file in files:
            file.unlink()

        with pytest.raises(NotFoundError, match="--retained"):
            backtest(store, "stream", Options(("never",)))
        found = backtest(store, "stream", Options(("never",), metric="accuracy", retained=True))

    assert (found.metric, found.rows, found.snapshots) == ("accuracy", 400, 1)


def test_pipeline_without_target_cannot_be_scored(tmp_path: Path) -> None:
    spec = parse_spec(
        {
            "name": "blind",
            "prediction_only": True,
            "source": {"path": str(tmp_path)},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
        }
    )
    with open_store(Settings(home=tmp_path / "home")) as store:
        apply(spec, store)

        with pytest.raises(SpecError, match="names no target"):
            backtest(store, "blind")


def test_files_are_copied_with_the_time_that_orders_them(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "files"
    (source / "sub").mkdir(parents=True)
    target.mkdir()
    pd.DataFrame({"a": [1], "y": [0]}).to_csv(source / "sub" / "50%.csv", index=False)
    settled(source / "sub" / "50%.csv")
    spec = parse_spec(
        {
            "name": "stream",
            "target": "y",
            "source": {"path": str(source), "settle_seconds": 0},
            "model": {"class": "sklearn.linear_model.LogisticRegression"},
        }
    )
    with open_store(Settings(home=tmp_path / "home")) as store:
        apply(spec, store)
        drain("stream", store)
        (source / "sub" / "50%.csv").rename(source / "sub" / "other.csv")

        found = copies_of_files(store, spec, target)

    copy = target / "sub" / "other.csv"
    assert copy.read_text() == (source / "sub" / "other.csv").read_text()
    assert copy.stat().st_mtime == 1_600_000_000
    assert found.n_files == 1
    assert found.notes == ("1 of 1 processed files no longer lie there; see --retained",)
