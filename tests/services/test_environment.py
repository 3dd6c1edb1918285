"""The environment file: any value comes back as it was, and only the owner can read it."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calmops_flows.errors import NotFoundError, SpecError
from calmops_flows.services.environment import read_environment, write_environment

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
values = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20)


@given(st.dictionaries(names, values, max_size=4))
def test_values_come_back_as_they_were(variables: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = write_environment(Path(folder), variables)

        assert read_environment(file) == variables


def test_only_the_owner_can_read_it_also_when_it_replaces_another(tmp_path: Path) -> None:
    (tmp_path / "calmops.env").write_text("", encoding="utf-8")
    (tmp_path / "calmops.env").chmod(0o644)

    file = write_environment(tmp_path, {"A": "1"})

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("variables", [{"A": "a\nB=1"}, {"A": "a\r"}, {"A=1\nB": ""}, {"": "x"}])
def test_what_would_be_another_line_is_refused(tmp_path: Path, variables: dict[str, str]) -> None:
    with pytest.raises(SpecError, match="environment file"):
        write_environment(tmp_path, variables)

    assert list(tmp_path.iterdir()) == []


def test_other_forms_and_a_missing_file_are_named(tmp_path: Path) -> None:
    file = tmp_path / "calmops.env"
    with pytest.raises(NotFoundError, match="calmops up"):
        read_environment(file)
    file.write_text('A="1"\nB=2\n', encoding="utf-8")

    with pytest.raises(SpecError, match="line 2 of"):
        read_environment(file)
