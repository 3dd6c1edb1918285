from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.conftest import Calmops


def test_update_shows_the_difference_and_makes_a_revision(calmops: Calmops, folder: Path) -> None:
    calmops("apply", "small.yaml")

    dry = calmops("update", "small", "retrain.when=always", "--dry-run")
    done = calmops("update", "small", "--random_state", "7", "retrain.when=always", "--json")

    assert "Nothing was changed yet; it is at revision 1." in dry.out
    assert done.json["spec_revision"] == 2
    assert [change["key"] for change in done.json["changes"]] == ["random_state", "retrain.when"]
    assert "says so already (revision 2)" in calmops("update", "small", "random_state=7").out


def test_flags_of_the_historical_command_are_understood(calmops: Calmops, folder: Path) -> None:
    calmops("apply", "small.yaml")

    done = calmops("update", "small", "--retrain_mode", "2", "--port", "8502")
    alone = calmops("update", "small", "--port", "8502")

    assert (done.code, alone.code) == (0, 2)
    assert "window" in done.out
    assert "Not changed: --port: no port belongs to a pipeline" in done.err
    assert "calmops dashboard --port" in alone.err


def test_wrong_update_changes_nothing(calmops: Calmops, folder: Path) -> None:
    calmops("apply", "small.yaml")

    assert calmops("update", "small").code == 2
    assert calmops("update", "small", "retrain.mood=1").code == 2
    assert calmops("update", "small", "evaluation.thresholds.rmse=1").code == 2
    assert calmops("update", "nobody", "random_state=7").code == 2
    assert calmops("show", "small", "--json").json["spec_revision"] == 1


def test_historical_configuration_becomes_a_pipeline(calmops: Calmops, folder: Path) -> None:
    config = {
        "pipeline_name": "old",
        "monitor_type": "monitor",
        "data_dir": str(folder / "data"),
        "target_col": "label",
        "port": 8501,
        "model_spec": {"module": "sklearn.linear_model._logistic", "class": "LogisticRegression"},
    }
    (folder / "runner_config.json").write_text(json.dumps(config))

    dry = calmops("import", "runner_config.json", "--dry-run")
    done = calmops("import", "runner_config.json")

    assert "Nothing was imported yet" in dry.out
    assert "calmops dashboard --port" in done.out
    assert calmops("run", "old", "--json").json["outcomes"][0]["decision"] == "trained"


def test_archive_needs_trust(calmops: Calmops, folder: Path) -> None:
    calmops("run", "small.yaml")

    exported = calmops("export", "small", "--json").json
    refused = calmops("import", exported["file"])

    assert exported["snapshots"] == 2
    assert refused.code == 2
    assert "Models run code when they are loaded" in refused.err
    assert "this store knows" in calmops("import", exported["file"], "--dry-run").err
    assert calmops("import", exported["file"], "--trust").code == 1  # it is there already


def test_audit_backup_and_fsck_on_a_store_in_order(calmops: Calmops, folder: Path) -> None:
    calmops("run", "small.yaml")

    assert "holds; the last hash is" in calmops("audit", "small").out
    entries = calmops("audit", "small", "--verify", "--json").json["entries"]
    kept = entries[-1]["hash"]
    assert [
        one["hash"] for one in calmops("audit", "small", "--last", "1", "--json").json["entries"]
    ] == [kept]
    assert calmops("audit", "small", "--verify", "--since", kept).code == 0
    assert calmops("backup", "copy", "--json").json["artifacts"] > 5
    assert calmops("backup", "copy").code == 2
    assert calmops("fsck").out == "All is well.\n"
    assert calmops("fsck", "--json").json == {"findings": [], "left": 0}


def test_audit_misses_entries_that_were_removed_from_its_end(
    calmops: Calmops, calmops_home: Path, folder: Path
) -> None:
    calmops("run", "small.yaml")
    kept = calmops("audit", "small", "--json").json["entries"][-1]["hash"]
    with closing(sqlite3.connect(calmops_home / "calmops.db")) as database, database:
        database.execute("DELETE FROM audit WHERE position = (SELECT max(position) FROM audit)")

    gone = calmops("audit", "small", "--verify")
    pinned = calmops("audit", "small", "--verify", "--since", kept, "--json")

    assert (gone.code, pinned.code, pinned.json["holds"]) == (1, 1, False)
    assert "its newest entries were removed" in gone.out


def test_hash_that_was_kept_elsewhere_must_still_be_there(calmops: Calmops, folder: Path) -> None:
    calmops("apply", "small.yaml")

    done = calmops("audit", "small", "--verify", "--since", "f" * 64)

    assert done.code == 1
    assert "entries were removed, or written anew" in done.out
