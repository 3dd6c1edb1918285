"""Studies become files and a truth that agree; nothing is left of one that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from calmops_flows import api
from calmops_flows.errors import NameConflictError, SpecError
from calmops_flows.generators.clinic import generate_study, parse_study, ready_studies, write_study
from calmops_flows.settings import Settings
from calmops_flows.spec import read_spec
from calmops_flows.store import open_store
from tests.generators.clinic.conftest import drawn, values

CRP = {"formula": "5.0 + 0.2 * time", "intercept_sd": 1.0}
VISITS = {"times": [0.0, 1.0, 2.0]}


def everything() -> dict[str, Any]:
    return values(
        120,
        cohort={
            "variables": {
                "age": {"kind": "normal", "mean": 60, "sd": 9, "digits": 0},
                "sex": {"kind": "choice", "options": {"female": 0.5, "male": 0.5}},
            },
            "conditions": {"diabetes": {"prevalence": 0.2}},
        },
        visits=VISITS | {"irregularity": 0.2, "accrual": 1.0, "missed": 0.1},
        transitions={"control": {"case": 0.1}},
        measures={"crp": CRP},
        layers={"rna": {"kind": "rna_seq", "n_features": 12}},
        effects=[
            {"acts_on": "rna", "groups": ["case"], "effect": {"kind": "fold_change", "fold": 2}}
        ],
        outcomes={"ill": {"formula": "crp - 5 + 0.1 * rna_1", "prevalence": 0.4}},
        survival={"rate": 0.05},
        dropout={"moved": {"rate": 0.05}},
        batches={"lab": {"shares": {"a": 0.5, "b": 0.5}, "shift_sd": 0.5}},
        missing=[{"columns": ["crp"], "rate": 0.1}],
        drift=[
            {"periods": [3], "step": {"kind": "shift", "columns": ["crp"], "magnitude": 1.0}},
            {"periods": [2, 3], "step": {"kind": "duplicates", "magnitude": 0.1}},
        ],
        target="ill",
        pipeline={"model": {"class": "sklearn.tree.DecisionTreeClassifier"}},
    )


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_study(generate_study(everything(), random_state=7), tmp_path / folder)
    write_study(generate_study(everything(), random_state=8), tmp_path / "other")

    names = [file.relative_to(tmp_path / "one") for file in (tmp_path / "one").rglob("*.*")]
    assert len(names) >= 12
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    first = Path("arrivals") / "visit-001.csv"
    assert (tmp_path / "one" / first).read_bytes() != (tmp_path / "other" / first).read_bytes()


def test_global_random_state_is_left_alone() -> None:
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002

    generate_study(everything(), random_state=1)

    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002


def test_study_is_read_back_from_the_folder(tmp_path: Path) -> None:
    made = generate_study(everything(), random_state=7)
    write_study(made, tmp_path / "out")

    again = generate_study(tmp_path / "out" / "truth" / "study.yaml", random_state=7)

    assert again.study == made.study
    pd.testing.assert_frame_equal(again.frame(), made.frame())


def test_pipeline_consumes_the_visits(tmp_path: Path) -> None:
    spec = write_study(generate_study(everything(), random_state=7), tmp_path / "out")

    with open_store(Settings(home=tmp_path / "home")) as store:
        done = api.run(read_spec(spec), store=store, prefect=False)

    assert [outcome.snapshot for outcome in done.outcomes] == [
        "visit-001.csv", "visit-002.csv", "visit-003.csv",
    ]  # fmt: skip
    assert done.outcomes[0].decision == "trained"


def test_parquet_files_hold_the_same(tmp_path: Path) -> None:
    made = generate_study(everything() | {"format": "parquet"}, random_state=7)
    write_study(made, tmp_path / "out")

    found = pd.read_parquet(tmp_path / "out" / "arrivals" / "visit-002.parquet")

    pd.testing.assert_frame_equal(found, made.periods[1].rows, check_dtype=False)


def test_fixed_offset_of_a_batch_is_recovered() -> None:
    lab = {
        "shares": {"old": 0.5, "new": 0.5},
        "rules": {"new": "calendar >= 0.5", "old": "calendar < 0.5"},
        "offset": {"new": 0.8},
    }
    made = drawn(
        6_000,
        visits={"times": [0.0], "accrual": 1.0},
        measures={"crp": {"formula": "5.0"}},
        layers={"ms": {"kind": "proteins", "n_features": 50, "noise": 0.0}},
        batches={"lab": lab},
    )

    rows = made.frame()
    new = rows["lab"] == "new"
    assert rows["date"][new].min() > rows["date"][~new].max()
    assert abs(rows["crp"][new].mean() - rows["crp"][~new].mean() - 0.8) < 0.1
    proteins, sd = rows.filter(like="ms_"), made.truth["features"]["sd"].to_numpy()
    moved = (proteins[new].mean() - proteins[~new].mean()).to_numpy() / sd
    assert abs(moved.mean() - 0.8) < 0.02


def test_shifts_and_scales_of_features_are_the_told_ones() -> None:
    lab = {"shares": {"a": 0.5, "b": 0.5}, "shift_sd": 1.0, "scale_sd": 0.3, "acts_on": ["ms"]}
    made = drawn(
        6_000,
        measures={"crp": {"formula": "0.0"}},
        layers={"ms": {"kind": "proteins", "n_features": 80, "noise": 0.0}},
        batches={"lab": lab},
    )

    rows, features = made.frame(), made.truth["features"].set_index("feature")
    told = made.truth["batches"].pivot(index="feature", columns="batch", values=["shift", "scale"])
    assert set(told.index) == set(features.index)
    for batch in ("a", "b"):
        found = rows.loc[rows["lab"] == batch, features.index]
        shift = (found.mean() - features["mean"]) / features["sd"]
        assert (shift - told["shift"][batch]).abs().max() < 0.12
        assert ((found.std() / features["sd"]) / told["scale"][batch] - 1).abs().max() < 0.08
    assert abs(told["shift"].to_numpy().std() - 1.0) < 0.2
    assert abs(np.log(told["scale"].to_numpy(dtype=float)).std() - 0.3) < 0.06


def test_batches_can_be_confounded_with_groups() -> None:
    lab = {"shares": {"a": 0.5, "b": 0.5}, "tilt": {"case": {"b": 3.0}}}

    rows = drawn(8_000, visits=VISITS, batches={"lab": lab}).frame()

    share = (rows["lab"] == "b").groupby(rows["group"]).mean()
    assert abs(share["case"] - 0.75) < 0.02
    assert abs(share["control"] - 0.5) < 0.02
    assert (rows.groupby("patient")["lab"].nunique() == 1).all()


def test_missing_values_have_the_rate_of_their_visit() -> None:
    made = drawn(
        4_000,
        visits=VISITS,
        measures={"crp": CRP},
        missing=[{"columns": ["crp"], "rate": [0.0, 0.1, 0.3]}],
    )

    rates = [period.rows["crp"].isna().mean() for period in made.periods]
    assert np.allclose(rates, [0.0, 0.1, 0.3], atol=0.02)
    told = made.truth["cells"]
    gone = made.frame().query("crp.isna()")
    assert set(zip(told["patient"], told["visit"], strict=True)) == set(
        zip(gone["patient"], gone["visit"], strict=True)
    )
    assert set(told["of"]) == {"missing"}


def test_missing_can_depend_on_the_value() -> None:
    gaps = [{"columns": ["crp"], "rate": 0.3, "mechanism": "mnar"}]

    made = drawn(4_000, measures={"crp": CRP}, missing=gaps)

    gone = made.frame()["crp"].isna().to_numpy()
    true = made.truth["visits"]["crp_true"].to_numpy()
    assert true[gone].mean() > true[~gone].mean() + 0.5


def test_a_whole_layer_can_have_gaps() -> None:
    layer = {"ms": {"kind": "proteins", "n_features": 20}}

    made = drawn(300, layers=layer, missing=[{"columns": ["ms"], "rate": 0.2}])

    assert abs(made.frame().filter(like="ms_").isna().to_numpy().mean() - 0.2) < 0.02


def both(step: dict[str, Any], **more: Any) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    parts: dict[str, Any] = {
        "visits": VISITS,
        "measures": {"crp": CRP},
        "outcomes": {"ill": {"formula": "crp - 5"}},
    }
    without = drawn(500, **parts).frame()
    made = drawn(500, drift=[{"step": step} | more], **parts)
    return without, made.frame(), made.truth["cells"]


def test_drift_of_a_visit_is_in_that_file_and_told() -> None:
    without, with_it, told = both(
        {"kind": "shift", "columns": ["crp"], "magnitude": 1.0}, periods=[2]
    )

    changed = with_it["crp"] != without["crp"]
    assert set(with_it["visit"][changed]) == {2}
    assert changed.sum() == 500
    by = told.set_index(["patient", "visit"])["magnitude"]
    cells = with_it[changed].set_index(["patient", "visit"])["crp"]
    before = without[changed].set_index(["patient", "visit"])["crp"]
    assert np.allclose(by.loc[cells.index], cells - before)


def test_gradual_drift_goes_on_from_visit_to_visit() -> None:
    profile = {"kind": "incremental", "position": 0, "width": 1500}
    without, with_it, _ = both(
        {"kind": "shift", "columns": ["crp"], "magnitude": 3.0, "profile": profile}
    )

    moved = (with_it["crp"] - without["crp"]).groupby(with_it["visit"]).mean()
    assert np.allclose(moved / moved[3], [1 / 5, 3 / 5, 1.0], atol=0.02)


def test_drift_can_choose_rows_by_date() -> None:
    rows = {"column": "date", "since": "2025-06-01"}
    without, with_it, _ = both(
        {"kind": "unit_change", "columns": ["crp"], "factor": 10.0, "rows": rows}
    )

    changed = with_it["crp"] != without["crp"]
    assert (changed == (with_it["date"] >= pd.Timestamp("2025-06-01"))).all()


def test_concept_can_flip_at_one_visit() -> None:
    without, with_it, told = both(
        {"kind": "concept_flip", "target": "ill", "magnitude": 1.0, "where": "crp > 5"}, periods=[3]
    )

    flipped = with_it["ill"] != without["ill"]
    assert set(with_it["visit"][flipped]) == {3}
    assert (with_it["crp"][flipped] > 5).all()
    assert flipped.sum() == len(told)


def test_schema_can_change_from_one_visit_on() -> None:
    parts: dict[str, Any] = {"visits": VISITS, "measures": {"crp": CRP}}
    step = {"kind": "schema_change", "action": "rename", "column": "crp", "to": "CRP"}

    made = drawn(50, drift=[{"step": step, "periods": [3]}], **parts)

    assert ["CRP" in period.rows for period in made.periods] == [False, False, True]
    assert ["crp" in period.rows for period in made.periods] == [True, True, False]


def test_steps_on_files_with_different_columns_are_refused() -> None:
    rename = {"kind": "schema_change", "action": "rename", "column": "crp", "to": "CRP"}
    shift = {"kind": "duplicates", "magnitude": 0.5}
    drift = [{"step": rename, "periods": [2]}, {"step": shift}]

    with pytest.raises(SpecError, match="step 2 acts on files with different columns"):
        drawn(20, visits=VISITS, measures={"crp": CRP}, drift=drift)


def test_duplicates_stay_in_their_file() -> None:
    without, with_it, told = both({"kind": "duplicates", "magnitude": 0.2}, periods=[1, 3])

    sizes = with_it.groupby("visit").size()
    assert sizes[2] == 500
    assert sizes[1] > 550
    assert sizes[3] > 550
    assert len(with_it) - len(without) == len(told)
    assert with_it.drop_duplicates().reset_index(drop=True).equals(without)


def test_files_can_be_months() -> None:
    made = drawn(
        600,
        visits={"times": [0.0, 0.5], "start": "2024-02-10", "accrual": 0.5},
        files="MS",
        measures={"crp": CRP},
    )

    names = [period.file_name for period in made.periods]
    months = [set(period.rows["date"].dt.strftime("%Y-%m")) for period in made.periods]
    assert names[0] == "period-001.csv"
    assert names[-1] == f"period-{len(names):03}.csv"
    assert months[:3] == [{"2024-02"}, {"2024-03"}, {"2024-04"}]
    assert all(period.rows["date"].is_monotonic_increasing for period in made.periods)
    assert sum(len(period.rows) for period in made.periods) == 1_200


def test_hidden_columns_do_not_reach_the_files(tmp_path: Path) -> None:
    made = drawn(20, measures={"crp": CRP}, hidden=["group", "crp"])
    write_study(made, tmp_path / "out")

    assert not {"group", "crp"} & set(pd.read_csv(tmp_path / "out" / "arrivals" / "visit-001.csv"))
    assert "group" not in pd.read_csv(tmp_path / "out" / "patients.csv")
    assert "group" in pd.read_csv(tmp_path / "out" / "truth" / "patients.csv")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"cohrt": 1}, "valid parameters: about, batches, cohort"),
        ({"batches": {"lab": {"shares": {"a": 1.0}, "rules": {"b": "visit == 1"}}}}, "valid: a$"),
        ({"batches": {"lab": {"shares": {"a": 0.5}}}}, "batches must sum to 1, and sum to 0.5"),
        (
            {"batches": {"lab": {"shares": {"a": 1.0}, "offset": {"b": 1}}}},
            "no batch 'b'; valid: a",
        ),
        ({"batches": {"lab": {"shares": {"a": 1.0}, "acts_on": ["x"]}}}, "no layer or measure 'x'"),
        ({"missing": [{"columns": ["x"], "rate": 0.1}]}, "no column 'x'; valid: patient, visit"),
        ({"missing": [{"columns": ["group"], "rate": 1.1}]}, "between 0 and 1"),
        (
            {"missing": [{"columns": ["group"], "rate": [0.1, 0.2]}]},
            "2 rates, and the schedule has 1",
        ),
        ({"drift": [{"step": {"kind": "shft"}}]}, "unknown injector 'shft'; valid: concept_flip"),
        ({"drift": [{"step": {"kind": "shift", "sise": 1}}]}, "valid parameters: columns, magn"),
        ({"drift": [{"step": {"kind": "duplicates", "magnitude": 1}, "periods": [4]}]}, "period 4"),
        ({"files": "sometimes"}, "`visit`, or a frequency"),
        ({"target": "ill"}, "no column 'ill' in the files"),
        ({"pipeline": {"kind": "stream"}}, "needs a target"),
        ({"hidden": ["x"]}, "no column 'x'"),
        ({"name": "a/b"}, "should match pattern"),
    ],
)
def test_wrong_study_is_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        drawn(20, **parts)


def test_negative_seed_is_refused() -> None:
    with pytest.raises(SpecError, match="must not be negative"):
        drawn(5, seed=-1)


def test_file_that_is_no_study_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("- 1", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("{", encoding="utf-8")

    with pytest.raises(SpecError, match="expected a mapping"):
        parse_study(tmp_path / "a.yaml")
    with pytest.raises(SpecError, match="cannot read the study"):
        parse_study(tmp_path / "b.yaml")
    with pytest.raises(SpecError, match="cannot read the study"):
        parse_study(tmp_path / "none.yaml")


def test_folder_that_exists_is_not_touched(tmp_path: Path) -> None:
    with pytest.raises(NameConflictError):
        write_study(drawn(5), tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_failure_while_writing_leaves_nothing(tmp_path: Path) -> None:
    made = drawn(5)
    twice = type(made)(made.study, (*made.periods, *made.periods), made.patients, made.truth)

    with pytest.raises(NameConflictError):
        write_study(twice, tmp_path / "out")

    assert list(tmp_path.iterdir()) == []


def test_ready_studies_are_drawn_and_their_pipelines_are_valid(tmp_path: Path) -> None:
    for name, study in ready_studies().items():
        spec = write_study(generate_study(name, random_state=3), tmp_path / name)

        assert read_spec(spec).target == study.target
        assert parse_study(name) == study


def test_unknown_ready_study_lists_the_known() -> None:
    with pytest.raises(SpecError, match=r"no ready study 'trail'; ready: biomarker_trial"):
        parse_study("trail")


def test_study_is_plain_yaml() -> None:
    study = parse_study(everything())

    assert parse_study(yaml.safe_load(yaml.safe_dump(study.model_dump(mode="json")))) == study
