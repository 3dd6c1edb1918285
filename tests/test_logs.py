from __future__ import annotations

import logging
from pathlib import Path

import pytest

from calmops_flows.errors import SpecError
from calmops_flows.logs import inert, pipeline_log

logger = logging.getLogger("calmops_flows.test")


def test_record_is_one_line_whatever_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What pytest captures goes to another process as UTF-8, which this record is not.
    monkeypatch.setattr(logging.getLogger("calmops_flows"), "propagate", False)

    with pipeline_log(tmp_path, "flights") as file:
        logger.info("%s", "a\n2013-01-01 INFO forged \x1b[31m\u2028\u202e\udc80")

    lines = file.read_text().split("\n")
    assert len(lines) == 2
    assert r"a\n2013-01-01 INFO forged \x1b[31m\u2028\u202e\udc80" in lines[0]
    assert lines[1] == ""


def test_traceback_is_on_the_same_line(tmp_path: Path) -> None:
    with pipeline_log(tmp_path, "flights") as file:
        try:
            int("x\ny")
        except ValueError:
            logger.exception("failed")

    assert file.read_text().count("\n") == 1


def test_nothing_is_logged_after_the_block_and_the_level_is_as_before(tmp_path: Path) -> None:
    package = logging.getLogger("calmops_flows")
    level = package.level

    with pipeline_log(tmp_path, "flights") as file:
        logger.info("within")
    logger.warning("after")

    assert "after" not in file.read_text()
    assert package.level == level


def test_block_within_a_block_writes_nothing_twice(tmp_path: Path) -> None:
    with pipeline_log(tmp_path, "flights") as file, pipeline_log(tmp_path, "flights"):
        logger.info("once")

    assert file.read_text().count("once") == 1


def test_file_rotates_and_three_older_ones_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calmops_flows.logs.MAX_BYTES", 200)

    with pipeline_log(tmp_path, "flights"):
        for _ in range(20):
            logger.info("%s", "x" * 100)

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["flights.log", "flights.log.1", "flights.log.2", "flights.log.3"]


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a\nb"])
def test_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError, match="name of a pipeline"), pipeline_log(tmp_path, name):
        pass


def test_letters_of_all_scripts_stay() -> None:
    assert inert("Zürich 東京 café") == "Zürich 東京 café"
