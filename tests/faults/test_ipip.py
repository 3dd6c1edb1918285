"""Kill an update of an ensemble of ensembles; no unit is learnt from twice, and none is lost."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from calmops_flows.settings import Settings
from calmops_flows.steps.models import read_model
from calmops_flows.store import open_store, registry
from tests.faults import workload
from tests.faults.contents import contents

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workload.make_source(tmp_path_factory.mktemp("data") / "source")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Path:
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    assert workload.in_process(workload.run_ipip, home, source) == 0
    return home


def updates(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how often each version's ensemble was updated."""
    monkeypatch.setenv("CALMOPS_TRUSTED_MODULES", "tests")
    with open_store(Settings(home=home)) as store:
        found = registry.versions(store.database, workload.NAME)
        models = [read_model(store.artifacts, v.artifact)["model"] for v in found if v.artifact]
    return sorted(model.n_updates_ for model in models)


@pytest.mark.parametrize("point", ["artifact.put.after:8", "commit.snapshot.before:2"])
def test_killed_update_is_made_once(
    point: str,
    tmp_path: Path,
    source: Path,
    undisturbed: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home"

    code = workload.in_process(workload.run_ipip, home, source, fault=f"{point}:kill")

    assert code == -signal.SIGKILL
    assert len(updates(home, monkeypatch)) == 1
    assert workload.in_process(workload.run_ipip, home, source) == 0
    assert updates(home, monkeypatch) == updates(undisturbed, monkeypatch)
    assert len(updates(home, monkeypatch)) == 3
    assert contents(home) == contents(undisturbed)
