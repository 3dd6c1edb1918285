"""Every module imports, every public name is there, and the light paths stay light."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import subprocess
import sys

import pytest

import calmops_flows

HEAVY = ("prefect", "pandas", "sklearn", "pyarrow", "river")
# Alembic runs these with its own context; they are no modules of the package.
NOT_IMPORTED = "calmops_flows.store.migrations"


def modules() -> list[str]:
    found = pkgutil.walk_packages(calmops_flows.__path__, "calmops_flows.")
    return [module.name for module in found if not module.name.startswith(NOT_IMPORTED)]


def loaded_by(code: str) -> set[str]:
    probe = f"{code}\nimport sys\nprint(*sorted({{n.partition('.')[0] for n in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.split())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries that are imported
@pytest.mark.parametrize("name", modules())
def test_module_imports_and_has_all_names_it_promises(name: str) -> None:
    module = importlib.import_module(name)

    missing = [public for public in getattr(module, "__all__", ()) if not hasattr(module, public)]
    assert missing == []


def test_every_lazy_name_of_the_package_resolves() -> None:
    names = [name for name in getattr(calmops_flows, "__all__", ()) if name != "__version__"]

    missing = [name for name in names if not hasattr(calmops_flows, name)]
    assert missing == []


def test_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = calmops_flows.no_such_name


@pytest.mark.parametrize("code", ["import calmops_flows", "import calmops_flows.cli.main"])
def test_package_and_command_load_no_heavy_library(code: str) -> None:
    assert loaded_by(code).isdisjoint(HEAVY)


@pytest.mark.parametrize("name", ["stream_flow", "generate_flow"])
def test_flow_is_called_running_before_the_libraries_of_its_work_load(name: str) -> None:
    heavy = {"numpy", "pandas", "pyarrow", "scipy", "sklearn", "sqlalchemy"}

    loaded = loaded_by(f"import calmops_flows.flows.{name}")

    assert "prefect" in loaded
    assert loaded.isdisjoint(heavy)
