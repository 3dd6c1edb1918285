"""Feeds: every snapshot once, in order, the same bytes whoever writes it."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from calmops_flows.api import run_pipeline
from calmops_flows.errors import NameConflictError, SpecError
from calmops_flows.generators import generate
from calmops_flows.generators.feed import Feed, read_feed
from calmops_flows.spec import parse_spec
from calmops_flows.steps.feed import LOCK, MANIFEST, Fed, fed, feed_next

DRIFT = {"kind": "abrupt", "position": 300, "to": {"variant": 2}}
STREAM = {"name": "sea", "rows": 200, "periods": 3, "params": {"drift": DRIFT}}


def feed(folder: Path, **more: Any) -> Feed:
    values = {"name": "sea", "folder": str(folder / "arrivals"), "stream": STREAM, **more}
    return Feed.model_validate(values)


def visible(folder: Path) -> list[str]:
    names = sorted(file.name for file in (folder / "arrivals").iterdir())
    return [name for name in names if name not in (MANIFEST, LOCK)]


def test_snapshots_are_the_stream_in_order_and_then_the_feed_ends(tmp_path: Path) -> None:
    plan = feed(tmp_path)

    made = [feed_next(plan, tick=str(number)) for number in range(5)]

    assert [one.period for one in made if one] == [1, 2, 3]
    assert made[3:] == [None, None]
    parts = [pd.read_csv(tmp_path / "arrivals" / name) for name in visible(tmp_path)]
    whole = generate("sea", 600, random_state=0, drift=DRIFT).frame()
    pd.testing.assert_frame_equal(
        pd.concat(parts, ignore_index=True), whole, check_dtype=False, rtol=1e-12
    )
    assert fed(plan) == tuple(one for one in made if one)


def test_a_process_draws_the_stream_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def counted(*args: Any, **params: Any) -> Any:
        drawn.append(args)
        return generate(*args, **params)

    monkeypatch.setattr("calmops_flows.generators.feed.generate", counted)
    plan = feed(tmp_path)

    made = [feed_next(plan, tick=str(number)) for number in range(3)]

    assert all(made)
    assert drawn == [("sea", 600)]


def test_the_same_tick_writes_once(tmp_path: Path) -> None:
    plan = feed(tmp_path)

    one, two, three = (feed_next(plan, tick=tick) for tick in ("a", "b", "a"))

    assert one == three
    assert one != two
    assert visible(tmp_path) == ["period-000001.csv", "period-000002.csv"]


def test_file_that_the_consumer_took_away_is_not_written_again(tmp_path: Path) -> None:
    plan = feed(tmp_path)
    feed_next(plan, tick="a")
    (tmp_path / "arrivals" / "period-000001.csv").unlink()

    feed_next(plan, tick="b")

    assert visible(tmp_path) == ["period-000002.csv"]


def test_scenario_feeds_parquet(tmp_path: Path) -> None:
    plan = feed(tmp_path, stream=None, scenario="seasonal_demand", format="parquet")

    made = feed_next(plan, tick="a")

    content = (tmp_path / "arrivals" / "period-000001.parquet").read_bytes()
    assert made == Fed(1, "period-000001.parquet", hashlib.sha256(content).hexdigest(), "a")
    assert len(pd.read_parquet(io.BytesIO(content))) > 100


def test_pipeline_consumes_the_snapshots_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALMOPS_PREFECT", "off")
    plan = feed(tmp_path)
    for tick in ("a", "b"):
        feed_next(plan, tick=tick)
    spec = {
        "name": "sea",
        "target": "target",
        "source": {"path": plan.folder, "settle_seconds": 0},
        "model": {"class": "sklearn.linear_model.LogisticRegression"},
    }

    outcomes = run_pipeline(parse_spec(spec))

    assert [outcome.snapshot for outcome in outcomes] == ["period-000001.csv", "period-000002.csv"]


def test_another_plan_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    feed_next(feed(tmp_path), tick="a")

    with pytest.raises(SpecError, match="fed by another plan"):
        feed_next(feed(tmp_path, random_state=1), tick="b")

    assert visible(tmp_path) == ["period-000001.csv"]


def test_foreign_file_of_the_next_name_is_kept(tmp_path: Path) -> None:
    (tmp_path / "arrivals").mkdir()
    foreign = tmp_path / "arrivals" / "period-000001.csv"
    foreign.write_text("mine\n")

    with pytest.raises(NameConflictError, match="other content"):
        feed_next(feed(tmp_path), tick="a")

    assert foreign.read_text() == "mine\n"


def test_broken_manifest_stops_the_feed(tmp_path: Path) -> None:
    plan = feed(tmp_path)
    feed_next(plan, tick="a")
    (tmp_path / "arrivals" / MANIFEST).write_text("{")

    with pytest.raises(SpecError, match="no manifest of a feed"):
        feed_next(plan, tick="b")


def test_folder_is_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "plans" / "sea.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump({"name": "sea", "folder": "in", "stream": STREAM}))
    monkeypatch.chdir(tmp_path)

    assert read_feed("plans/sea.yaml").folder == str(tmp_path / "plans" / "in")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stream": None}, "either a stream or a scenario"),
        ({"scenario": "seasonal_demand"}, "either a stream or a scenario"),
        ({"stream": None, "scenario": "nothing"}, "unknown scenario"),
        ({"stream": None, "scenario": "flights_sensor_fault"}, "starts from real data"),
        ({"stream": {**STREAM, "rows": 0}}, "greater than or equal to 1"),
        ({"stream": {**STREAM, "rows": 10_000_000}}, "more than the 20,000,000 rows of a feed"),
        ({"folder": "s3://bucket/in"}, "local folder"),
        ({"name": "../x"}, "name"),
        ({"every": 3}, "valid parameters"),
    ],
)
def test_wrong_use_is_refused(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    plan = {"name": "sea", "folder": "in", "stream": STREAM, **values}
    (tmp_path / "feed.yaml").write_text(yaml.safe_dump(plan))

    with pytest.raises(SpecError, match=message):
        read_feed(tmp_path / "feed.yaml")


def test_no_feed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot read the feed"):
        read_feed(tmp_path / "no.yaml")
