"""Scenarios: what they say happens is in their files, and their pipelines consume them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from calmops_flows import api
from calmops_flows.errors import NameConflictError, SpecError
from calmops_flows.generators.scenario import Scenario, generate_scenario, project, ready
from calmops_flows.generators.scenario.build import build, parse_scenario
from calmops_flows.generators.scenario.dynamics import Dynamic
from calmops_flows.settings import Settings
from calmops_flows.spec import read_spec
from calmops_flows.store import open_store


def flights() -> list[pd.DataFrame]:
    rng = np.random.default_rng(0)
    return [
        pd.DataFrame(
            {
                "wind_speed": rng.gamma(4.0, 3.0, 900),
                "pressure": rng.normal(1015, 7, 900),
                "carrier": rng.choice(["UA", "AA"], 900),
                "late": rng.random(900) < 0.3,
            }
        )
        for _ in range(12)
    ]


def test_all_four_are_there() -> None:
    assert set(ready()) == {
        "clinical_batch_effect",
        "flights_sensor_fault",
        "fraud_recurring",
        "seasonal_demand",
    }


@pytest.mark.parametrize("name", sorted(ready()))
def test_pipeline_of_a_scenario_consumes_its_snapshots(name: str, tmp_path: Path) -> None:
    spec = generate_scenario(
        name, tmp_path / "out", periods=2, rows=300, bases={"flights": flights}
    )

    with open_store(Settings(home=tmp_path / "home")) as store:
        done = api.run(read_spec(spec), store=store, prefect=False)

    assert [outcome.state for outcome in done.outcomes] == ["processed", "processed"]
    assert done.outcomes[0].decision == "trained"


def test_second_laboratory_is_seen_and_told(tmp_path: Path) -> None:
    spec = generate_scenario("clinical_batch_effect", tmp_path / "out", periods=6)

    with open_store(Settings(home=tmp_path / "home")) as store:
        done = api.run(read_spec(spec), store=store, prefect=False)

    drifted = [o.drift.columns if o.drift else () for o in done.outcomes]
    truth = pd.read_csv(tmp_path / "out" / "truth.csv")
    assert [tuple(columns) for columns in drifted[:5]] == [(), (), (), (), ("marker",)]
    assert truth["period"].unique().tolist() == [5, 6]
    assert truth["column"].unique().tolist() == ["marker"]


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        generate_scenario("seasonal_demand", tmp_path / name, periods=2, rows=50)

    for file in (tmp_path / "one" / "arrivals").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / "arrivals" / file.name).read_bytes()


def test_hidden_features_do_not_reach_the_files(tmp_path: Path) -> None:
    spec = generate_scenario("fraud_recurring", tmp_path / "out", periods=1, rows=50)

    columns = pd.read_csv(spec.parent / "arrivals" / "period-001.csv").columns

    assert "ring" not in columns
    assert "fraud" in columns


def test_folder_that_exists_is_not_touched(tmp_path: Path) -> None:
    with pytest.raises(NameConflictError):
        generate_scenario("seasonal_demand", tmp_path, periods=1, rows=50)

    assert list(tmp_path.iterdir()) == []


def test_failed_scenario_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="base of real data"):
        generate_scenario("flights_sensor_fault", tmp_path / "out", periods=1)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("values", "time", "expected"),
    [
        ({"kind": "trend", "size": 2.0, "start": 1.0}, [0.0, 1.0, 3.0], [0.0, 0.0, 4.0]),
        ({"kind": "cycle", "size": 3.0, "length": 4.0}, [0.0, 1.0, 3.0], [0.0, 3.0, -3.0]),
        ({"kind": "sigmoid", "size": 2.0, "length": 1.0, "start": 5.0}, [0.0, 5.0, 9.0], [0, 1, 2]),
        (
            {"kind": "regime", "size": 1.0, "length": 2.0, "start": 1.0},
            [0, 1, 2.9, 3, 5],
            [0, 1, 1, 0, 0],
        ),
        (
            {"kind": "regime", "size": 1.0, "length": 2.0, "start": 1.0, "recurs": True},
            [0, 1, 2.9, 3, 5],
            [0, 1, 1, 0, 1],
        ),
    ],
)
def test_dynamics_move_as_declared(
    values: dict[str, Any], time: list[float], expected: list[float]
) -> None:
    moves = Dynamic.model_validate(values).values(np.array(time), np.random.default_rng(0))

    assert np.allclose(moves, expected, atol=1e-6)


def test_random_walk_spreads_with_time() -> None:
    walk = Dynamic(kind="random_walk", size=1.0)
    time = np.linspace(0.0, 100.0, 500)

    ends = [walk.values(time, np.random.default_rng(seed))[-1] for seed in range(300)]

    assert abs(np.std(ends) - 10.0) < 1.5


def test_target_follows_its_formula() -> None:
    scenario = parse_scenario(
        {
            "name": "x",
            "about": "x",
            "periods": 3,
            "rows": 200,
            "features": {"a": {"kind": "uniform", "high": 2.0}},
            "target": {"formula": "3 * a + t"},
            "pipeline": {},
        }
    )

    periods = build(scenario, random_state=0)

    rest = [p.rows["target"] - 3 * p.rows["a"] for p in periods]
    assert [round(float(values.mean()), 6) for values in rest] == [0.5, 1.5, 2.5]


def test_projection_moves_a_real_set_on() -> None:
    (first, *_) = flights()
    plan = {"periods": 3, "dynamics": {"pressure": [{"kind": "trend", "size": 1.0}]}}

    future = project(first, plan, random_state=0)

    spread = float(first["pressure"].std())
    moved = [float(part["pressure"].mean() - first["pressure"].mean()) / spread for part in future]
    assert np.allclose(moved, [0.5, 1.5, 2.5], atol=0.2)
    assert set(future[0]["wind_speed"]) <= set(first["wind_speed"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"faults": [{"periods": [9], "step": {}}]}, "outside 1 to 2"),
        ({"features": {}}, "give features and target, or a base, or a study"),
        ({"study": {}}, "give features and target, or a base, or a study"),
        ({"features": {"a": {"kind": "choice"}}}, "options belong to choice"),
        ({"target": {"formula": "b + 1"}}, "'b', which is no column"),
        ({"periods": 0}, "greater than or equal to 1"),
        ({"every": "XYZ"}, "start and every make no dates"),
        ({"start": "soon"}, "start and every make no dates"),
        ({"unknown": 1}, "valid parameters"),
    ],
)
def test_wrong_use_is_refused(change: dict[str, Any], message: str) -> None:
    values = {
        "name": "x",
        "about": "x",
        "periods": 2,
        "rows": 5,
        "features": {"a": {}},
        "target": {"formula": "a"},
        "pipeline": {},
    }

    with pytest.raises(SpecError, match=message):
        build(parse_scenario(values | change), random_state=0)


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ({"cohort": {"patients": 5}}, "rows and periods say how many"),
        ({"cohort": {}, "visits": {"times": [0.0]}}, "visits belongs to the scenario"),
        ({"cohort": {}}, "name the target"),
        ({"cohort": {"group": {}}}, "group'; valid parameters: conditions, correlations"),
    ],
)
def test_wrong_study_of_a_scenario_is_refused(study: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_scenario({"name": "x", "about": "x", "periods": 2, "study": study, "pipeline": {}})


def test_patients_of_a_scenario_are_correlated_and_come_in_order() -> None:
    scenario = ready()["clinical_batch_effect"]

    months = [period.rows for period in build(scenario, random_state=0)]

    rows = pd.concat(months, ignore_index=True)
    pair = float(np.corrcoef(rows["age"].rank(), rows["crp"].rank())[0, 1])
    assert [len(month) for month in months] == [600] * 8
    assert rows["date"].is_monotonic_increasing
    assert [month["date"].dt.month.unique().tolist() for month in months[:3]] == [[1], [2], [3]]
    assert 0.1 < pair < 0.4
    assert abs(rows["disease"].mean() - 0.35) < 0.03


def test_unknown_scenario_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="valid: clinical_batch_effect"):
        generate_scenario("nothing", tmp_path / "x")


def test_scenarios_are_valid_as_files() -> None:
    for scenario in ready().values():
        again = Scenario.model_validate(
            yaml.safe_load(yaml.safe_dump(scenario.model_dump(mode="json")))
        )

        assert again == scenario
