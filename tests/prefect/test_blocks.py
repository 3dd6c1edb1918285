"""The Prefect blocks: registered, saved, loaded, and found through their entry point."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.plugins import load_prefect_collections
from pydantic import SecretStr

from calmops_flows.blocks import CalmopsPipeline, CalmopsStore
from calmops_flows.errors import NotFoundError, SpecError
from calmops_flows.flows.deploy import deploy, undeploy
from calmops_flows.steps.apply import apply
from calmops_flows.store.store import Store
from tests.prefect.conftest import Source

pytestmark = pytest.mark.prefect
REGISTER = Path(__file__).parents[2] / "blocks" / "register.py"


def register(folder: Path) -> list[str]:
    saved: list[str] = runpy.run_path(str(REGISTER))["register"](folder)
    return saved


def test_entry_point_brings_the_blocks() -> None:
    found = load_prefect_collections()["calmops_flows"]

    assert getattr(found, "CalmopsStore", None) is CalmopsStore


def test_registering_twice_saves_the_blocks_of_the_files_once(
    client: SyncPrefectClient,
    tmp_path: Path,
    calmops_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The pipeline's file sorts first, and still finds the store it names.
    (tmp_path / "a.yaml").write_text(
        "type: CalmopsPipeline\nname: two\nvalues: {pipeline: flights, store: one}\n"
    )
    (tmp_path / "b.yaml").write_text(
        "type: CalmopsStore\nname: one\nvalues: {home: $WHERE, database_url: $SECRET}\n"
    )
    monkeypatch.setenv("WHERE", str(calmops_home))
    monkeypatch.setenv("SECRET", "sqlite:///x.db")
    register(tmp_path)

    saved = register(tmp_path)

    assert saved == ["CalmopsStore one", "CalmopsPipeline two"]
    found = client.read_block_documents_by_type("calmops-store")
    assert [block.name for block in found].count("one") == 1
    loaded = cast("CalmopsPipeline", CalmopsPipeline.load("two"))
    assert loaded.store.home == str(calmops_home)
    assert loaded.store.database_url == SecretStr("sqlite:///x.db")


def test_variable_that_is_not_set_is_named_and_saves_nothing(
    client: SyncPrefectClient, tmp_path: Path
) -> None:
    (tmp_path / "b.yaml").write_text(
        "type: CalmopsStore\nname: bad\nvalues: {home: $NOWHERE_SET}\n"
    )

    with pytest.raises(SpecError, match=r"a variable of '\$NOWHERE_SET' is not set"):
        register(tmp_path)

    assert "bad" not in {d.name for d in client.read_block_documents_by_type("calmops-store")}


def test_blocks_of_the_repository_register(api: str) -> None:
    done = subprocess.run(
        [sys.executable, str(REGISTER)],
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stdout.splitlines() == ["CalmopsStore local", "CalmopsPipeline flights"], (
        done.stderr
    )


def test_pipeline_says_how_it_stands_in_the_store_of_its_block(
    store: Store, source: Source, calmops_home: Path
) -> None:
    apply(source.spec("standing"), store)
    block = CalmopsPipeline(pipeline="standing", store=CalmopsStore(home=str(calmops_home)))

    assert block.status() == {
        "pipeline": "standing",
        "kind": "stream",
        "spec_revision": 1,
        "champion": None,
        "breaker": "closed",
    }


def test_pipeline_that_is_not_deployed_says_how_to_deploy_it(api: str) -> None:
    with pytest.raises(NotFoundError, match="calmops deploy nowhere"):
        CalmopsPipeline(pipeline="nowhere").run()


def test_pipeline_runs_its_deployment(api: str, store: Store, source: Source) -> None:
    apply(source.spec("blocked"), store)
    deployed = deploy("blocked", store)

    run = CalmopsPipeline(pipeline="blocked").run(timeout_seconds=0)

    undeploy("blocked")
    assert run.deployment_id == deployed.id
