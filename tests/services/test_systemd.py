"""The user unit: accepted by systemd (where there is one) and our own check, without any secret."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from calmops_flows.cli.main import main
from calmops_flows.errors import SpecError
from calmops_flows.services.systemd import write_unit
from tests.services.units import complaints, own_complaints


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(made))
    return made


def test_written_unit_is_valid_and_holds_no_secret(
    config: Path,
    calmops_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CALMOPS_TOKEN", 'hunter2 "$HOME" \\')

    code = main(["up", "--persistence", "systemd", "--server-port", "4300", "--no-dashboard"])

    unit = config / "systemd" / "user" / "calmops.service"
    environment = calmops_home / "calmops.env"
    assert code == 0
    assert complaints(unit) == []
    assert '"up" "--host" "127.0.0.1" "--server-port" "4300"' in unit.read_text()
    assert "hunter2" not in unit.read_text()
    assert 'CALMOPS_TOKEN="hunter2 \\"\\$HOME\\" \\\\"' in environment.read_text()
    assert stat.S_IMODE(environment.stat().st_mode) == 0o600
    assert "systemctl --user enable --now calmops" in capsys.readouterr().out


def test_specifiers_in_names_are_no_specifiers(config: Path, tmp_path: Path) -> None:
    unit = write_unit([sys.executable, "100%", "$x"], {}, tmp_path / "50%")

    text = unit.read_text()
    assert '"100%%" "$$x"' in text
    assert "50%%/calmops.env" in text
    assert config in unit.parents


def test_line_break_would_be_a_directive_and_is_refused(config: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="line breaks"):
        write_unit([sys.executable], {"CALMOPS_HOME": "a\nExecStart=/bin/false"}, tmp_path)

    assert not config.exists()


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("Restart=on-failure", "Restart=sometimes", "Restart: sometimes"),
        ("KillMode=mixed", "KilMode=mixed", "Service: KilMode=mixed"),
        ("[Install]", "[Instal]", "Instal: WantedBy=default.target"),
        ('ExecStart="/', 'ExecStart="', "cannot run"),
        ('ExecStart="', "ExecStart=", "ExecStart: No closing quotation"),
        ("/calmops.env", "/other.env", "no file"),
    ],
)
def test_own_check_finds_what_systemd_would(
    config: Path, tmp_path: Path, before: str, after: str, complaint: str
) -> None:
    whole = write_unit([sys.executable, "up"], {}, tmp_path).read_text()

    found = own_complaints(whole.replace(before, after, 1))

    assert own_complaints(whole) == []
    assert complaint in found[0]
    assert config.exists()
