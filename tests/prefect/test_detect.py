"""Whether Prefect is configured is known without importing Prefect."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from calmops_flows.errors import SpecError
from calmops_flows.flows.detect import api_url, is_reachable, prefect_is_configured
from calmops_flows.settings import Settings
from tests.servers.ports import free_port

URL = "http://127.0.0.1:4200/api"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    for name in ("PREFECT_API_URL", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_nothing_configured_means_no_prefect() -> None:
    assert api_url() is None
    assert not prefect_is_configured(Settings())


def test_environment_configures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", URL)

    assert api_url() == URL
    assert prefect_is_configured(Settings())


def test_active_profile_configures(home: Path) -> None:
    (home / "profiles.toml").write_text(
        f'active = "team"\n[profiles.local]\n[profiles.team]\nPREFECT_API_URL = "{URL}"\n'
    )

    assert api_url() == URL


def test_profile_that_is_not_active_does_not_configure(home: Path) -> None:
    (home / "profiles.toml").write_text(
        f'active = "local"\n[profiles.local]\n[profiles.team]\nPREFECT_API_URL = "{URL}"\n'
    )

    assert api_url() is None


def test_profile_named_in_the_environment_is_the_active_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "profiles.toml").write_text(
        f'active = "local"\n[profiles.local]\n[profiles.team]\nPREFECT_API_URL = "{URL}"\n'
    )
    monkeypatch.setenv("PREFECT_PROFILE", "team")

    assert api_url() == URL


def test_broken_profiles_are_named(home: Path) -> None:
    (home / "profiles.toml").write_text("active = \n")

    with pytest.raises(SpecError, match=r"profiles\.toml"):
        api_url()


@pytest.mark.parametrize(("choice", "expected"), [("on", True), ("off", False)])
def test_setting_overrules_what_is_configured(
    monkeypatch: pytest.MonkeyPatch, choice: str, expected: bool
) -> None:
    if choice == "off":
        monkeypatch.setenv("PREFECT_API_URL", URL)
    monkeypatch.setenv("CALMOPS_PREFECT", choice)

    assert prefect_is_configured(Settings()) is expected


def test_closed_port_is_not_reachable() -> None:
    assert not is_reachable(f"http://127.0.0.1:{free_port()}/api")


def test_detecting_does_not_import_prefect() -> None:
    code = (
        "import sys, calmops_flows.flows.detect, calmops_flows.flows\n"
        "from calmops_flows.settings import Settings\n"
        "calmops_flows.flows.detect.prefect_is_configured(Settings())\n"
        "print(sorted({'prefect', 'pandas', 'sklearn'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
