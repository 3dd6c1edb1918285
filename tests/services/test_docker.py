"""Compose file and Dockerfile: valid, unprivileged, on loopback only, and without any secret."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from calmops_flows import PipelineSpec, api
from calmops_flows.cli.main import main
from calmops_flows.services import Service
from calmops_flows.services.docker import Mounts, compose, mounts_of, unprivileged_user
from calmops_flows.services.environment import read_environment
from calmops_flows.services.pins import installed_pins
from calmops_flows.settings import load_settings
from calmops_flows.store import open_store
from tests.servers.node import from_npm

SECRET = "hunter2 $HOME"


def valid(content: Any) -> bool:
    """Tell what the JSON schema of the Compose specification says, which dclint brings."""
    schema = json.loads(from_npm("dclint/schemas/compose.schema.json").read_text())
    return jsonschema.Draft7Validator(schema).is_valid(content)


@pytest.fixture
def written(calmops_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Apply a pipeline, write the files, and return what the Compose file says."""
    monkeypatch.setenv("CALMOPS_TOKEN", SECRET)
    spec = {
        "name": "flights",
        "kind": "stream",
        "target": "late",
        "source": {"path": str(tmp_path / "cost$")},
        "predictions": {"path": str(tmp_path / "predictions")},
        "model": {"class": "sklearn.linear_model.LogisticRegression"},
    }
    with open_store(load_settings()) as store:
        api.apply(PipelineSpec.model_validate(spec), store)
    assert main(["up", "--persistence", "docker", "--server-port", "4300"]) == 0
    made: dict[str, Any] = yaml.safe_load((calmops_home / "docker" / "compose.yaml").read_text())
    return made


def test_schema_accepts_what_is_written_and_would_notice_an_error(written: dict[str, Any]) -> None:
    assert valid(written)

    written["services"]["worker"]["healtcheck"] = {}
    assert not valid(written)


def test_services_are_unprivileged_and_published_on_loopback(written: dict[str, Any]) -> None:
    services = written["services"]
    ports = [port for service in services.values() for port in service.get("ports", ())]

    assert set(services) == {"server", "deployer", "worker", "watcher", "dashboard"}
    assert ports == ["127.0.0.1:4300:4300", "127.0.0.1:8501:8501"]
    for service in services.values():
        assert int(service["user"].split(":")[0]) > 0
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
    assert {name for name, service in services.items() if "healthcheck" in service} == {
        "server",
        "worker",
        "dashboard",
    }


def test_only_home_and_predictions_can_be_written(
    written: dict[str, Any], calmops_home: Path, tmp_path: Path
) -> None:
    volumes = written["services"]["worker"]["volumes"]
    writable = {volume["source"] for volume in volumes if not volume["read_only"]}
    read = {volume["target"] for volume in volumes if volume["read_only"]}

    assert writable == {str(calmops_home), str(tmp_path / "predictions")}
    assert {f"{tmp_path}/cost$$", "/opt/calmops/calmops_flows"} <= read


def test_secret_stands_in_the_environment_file_alone(
    written: dict[str, Any], calmops_home: Path
) -> None:
    environment = calmops_home / "calmops.env"
    files = [file for file in (calmops_home / "docker").iterdir() if "hunter2" in file.read_text()]

    assert files == []
    assert stat.S_IMODE(environment.stat().st_mode) == 0o600
    assert written["services"]["worker"]["env_file"] == [str(environment)]
    values = read_environment(environment)
    assert values["CALMOPS_TOKEN"] == SECRET
    assert values["PREFECT_SERVER_API_AUTH_STRING"] == f"calmops:{SECRET}"


def test_pins_are_those_of_this_environment(written: dict[str, Any], calmops_home: Path) -> None:
    pins = (calmops_home / "docker" / "requirements.txt").read_text().split()

    from importlib.metadata import version

    assert pins == installed_pins()
    for name in ("prefect", "scikit-learn", "streamlit", "lightgbm", "psycopg-binary", "greenlet"):
        assert f"{name}=={version(name)}" in pins
    assert not [pin for pin in pins if pin.startswith(("ruff=", "calmops", "xdist"))]


def test_health_of_a_service_is_really_asked(tmp_path: Path) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Well(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/well" else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Well) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        codes = [
            ask(tmp_path, f"http://127.0.0.1:{server.server_port}/{path}")
            for path in ("well", "sick")
        ]
        server.shutdown()

    assert codes[0] == 0
    assert codes[1] != 0


def ask(home: Path, url: str) -> int:
    """Run the health check of a service as the engine would."""
    service = Service("one", ("true",), health=url)
    part = compose((service,), Mounts(home), home / "calmops.env", "1:1")["services"]["one"]
    kind, python, *words = part["healthcheck"]["test"]
    assert (kind, python) == ("CMD", "python")
    return subprocess.run([sys.executable, *words], capture_output=True, check=False).returncode


def test_without_a_token_nothing_is_written(calmops_home: Path) -> None:
    assert main(["up", "--persistence", "docker"]) == 2

    assert not (calmops_home / "docker").exists()


def test_remote_folders_are_not_mounted_and_root_is_no_user(tmp_path: Path) -> None:
    spec = {
        "name": "remote",
        "kind": "stream",
        "target": "y",
        "source": {"path": "s3://bucket/folder"},
        "model": {"class": "sklearn.linear_model.LogisticRegression"},
    }
    with open_store(load_settings()) as store:
        api.apply(PipelineSpec.model_validate(spec), store)

        assert mounts_of(store, tmp_path) == Mounts(tmp_path)
    assert unprivileged_user(Path("/")) == "1000:1000"
    assert unprivileged_user(Path("/proc/self")) != "0:0"


def test_dashboard_off_loopback_demands_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboard", "--host", "0.0.0.0"]) == 2

    assert "CALMOPS_TOKEN" in capsys.readouterr().err
