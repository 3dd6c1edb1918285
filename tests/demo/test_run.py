"""The demo as a newcomer sees it, two months long."""

from __future__ import annotations

from pathlib import Path

import pytest

from calmops_flows.api import apply
from calmops_flows.demo import run_demo
from calmops_flows.demo.scenes import SCENES, Scene
from calmops_flows.errors import NameConflictError, SpecError
from calmops_flows.settings import Settings
from calmops_flows.spec import read_spec
from calmops_flows.store.history import history
from calmops_flows.store.store import open_store

ROOT = Path(__file__).parents[2]
BLOCK_PARTS = ["EWR drift", "new here, and unlike the others", "the others' model scored", "mean  "]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def printed(home: Path) -> str:
    lines: list[str] = []
    run_demo(home=home, months=2, echo=lines.append)
    return "\n".join(lines)


def test_each_month_has_one_outcome(home: Path, printed: str) -> None:
    with open_store(Settings(home=home)) as store:
        outcomes = history(store.database, "flights")

    assert [outcome.snapshot for outcome in outcomes] == [
        "flights-2013-01.parquet",
        "flights-2013-02.parquet",
    ]
    assert outcomes[0].decision == "trained"
    assert outcomes[1].decision in {"promoted", "rejected"}
    assert outcomes[1].drift.is_drift


def test_champion_is_better_than_guessing(home: Path, printed: str) -> None:
    with open_store(Settings(home=home)) as store:
        scores = history(store.database, "flights")[1].metrics["champion"]

    assert scores is not None
    assert (scores["balanced_accuracy"] or 0) > 0.55


def test_text_says_what_was_seen_decided_and_why(printed: str) -> None:
    for part in ("26,398 flights", "nothing to compare with yet", "TRAINED", "largest effects"):
        assert part in printed
    assert "calmops explain flights flights-2013-02.parquet" in printed


def test_text_is_plain_and_fits_a_terminal(printed: str, home: Path) -> None:
    lines = [line for line in printed.splitlines() if str(home) not in line]

    assert max(map(len, lines)) <= 100
    assert printed.isascii()


def test_second_demo_starts_afresh_and_a_kept_one_goes_on(tmp_path: Path) -> None:
    afresh: list[str] = []
    kept: list[str] = []

    run_demo(home=tmp_path, months=1, echo=print)
    run_demo(home=tmp_path, months=1, echo=afresh.append)
    run_demo(home=tmp_path, months=1, keep=True, echo=kept.append)

    assert "start afresh" in afresh[0]
    assert "TRAINED" in "\n".join(afresh)
    assert "2013-01  known already" in "\n".join(kept)


def test_demo_leaves_another_pipeline_of_its_name_alone(tmp_path: Path) -> None:
    spec = read_spec(ROOT / "deployments" / "flights.yaml")
    with open_store(Settings(home=tmp_path)) as store:
        apply(spec, store)

    with pytest.raises(NameConflictError, match="another pipeline 'flights'"):
        run_demo(home=tmp_path, months=1, echo=print)


def test_thirteenth_month_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="1 to 12, got 13"):
        run_demo(home=tmp_path, months=13, echo=print)


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_deployed_spec_is_that_of_the_demo(scene: Scene) -> None:
    deployed = read_spec(ROOT / "deployments" / scene.file)
    demo = read_spec(ROOT / "calmops_flows" / "demo" / scene.file)

    assert deployed.model_copy(update={"source": demo.source}) == demo
    assert Path(deployed.source.path).parent == ROOT / "calmops-demo"
    assert Path(deployed.source.path).name == Path(demo.source.path).name


@pytest.mark.parametrize(
    ("kind", "snapshots", "parts"),
    [
        ("block", ["flights-2013-01.parquet#" + o for o in ("EWR", "JFK", "LGA")], BLOCK_PARTS),
        ("ipip", ["flights-2013-01.parquet"], ["7 ensembles of", "mean  "]),
    ],
)
def test_demo_of_another_kind_tells_what_its_store_holds(
    tmp_path: Path, kind: str, snapshots: list[str], parts: list[str]
) -> None:
    lines: list[str] = []

    run_demo(pipeline=kind, home=tmp_path, months=1, echo=lines.append)

    printed = "\n".join(lines)
    name = SCENES[kind].file.removesuffix(".yaml")
    with open_store(Settings(home=tmp_path)) as store:
        outcomes = history(store.database, name)
    assert [outcome.snapshot for outcome in outcomes] == snapshots
    assert outcomes[0].decision == "trained"
    assert f"calmops show {name}" in printed
    assert [part for part in parts if part not in printed] == []
    assert printed.isascii()
    assert max(len(line) for line in printed.splitlines() if str(tmp_path) not in line) <= 100


def test_kind_without_a_demo_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="must be one of"):
        run_demo(pipeline="batch", home=tmp_path, echo=print)
