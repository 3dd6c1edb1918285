"""The wheel, installed from its bounds into an environment of its own, works alone."""

from __future__ import annotations

import zipfile

import pytest

from tests.fresh.environment import FreshEnvironment

pytestmark = [pytest.mark.fresh, pytest.mark.timeout(900)]


def test_wheel_holds_the_package_and_the_dashboard_and_nothing_else(
    fresh: FreshEnvironment,
) -> None:
    names = zipfile.ZipFile(fresh.wheel).namelist()

    folders = {name.split("/")[0] for name in names}
    assert {f for f in folders if not f.endswith(".dist-info")} == {"calmops_flows"}
    assert any(name.startswith("calmops_flows/_dashboard/") for name in names)
    assert "calmops_flows/py.typed" in names


@pytest.mark.parametrize(
    "name", ["dashboard", "blocks", "deployments", "tests", "benchmarks", "scripts"]
)
def test_folder_of_the_repository_is_not_importable(fresh: FreshEnvironment, name: str) -> None:
    done = fresh.run("python", "-c", f"import {name}")

    assert "ModuleNotFoundError" in done.stderr


def test_package_comes_from_the_environment(fresh: FreshEnvironment) -> None:
    done = fresh.run("python", "-c", "import calmops_flows; print(calmops_flows.__file__)")

    assert done.stdout.startswith(str(fresh.folder))


def test_command_explains_itself(fresh: FreshEnvironment) -> None:
    done = fresh.run("calmops", "--help")

    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


def test_core_install_stays_free_of_the_extras(fresh: FreshEnvironment) -> None:
    code = "import sys, importlib.util as u; print([n for n in sys.argv[1:] if u.find_spec(n)])"

    done = fresh.run(
        "python", "-c", code, "streamlit", "evidently", "river", "dask", "s3fs", "plotly"
    )

    assert done.stdout.strip() == "[]"


def test_demo_of_two_months_runs(fresh: FreshEnvironment) -> None:
    done = fresh.run("calmops", "demo", "--months", "2", seconds=300)

    assert done.returncode == 0, done.stderr[-4000:]
