"""What every test gets: an own home, a clean environment, and servers on demand."""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.plugins.skips import SkipGuard
from tests.plugins.times import GroupTimes

if TYPE_CHECKING:
    from tests.servers.broken import BreakableProxy

TESTS = Path(__file__).parent
# Tests of one of these groups share a server or an environment, so one worker runs them all.
SHARED = ("prefect", "fresh")
_homes = itertools.count()

settings.register_profile("dev", deadline=None)
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_configure(config: pytest.Config) -> None:
    """Isolate Prefect before anything imports it, and register the guards in the main process."""
    os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="prefect-home-")
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ.pop("PREFECT_API_URL", None)
    os.environ.pop("PREFECT_PROFILE", None)
    if hasattr(config, "workerinput"):
        return
    config.pluginmanager.register(SkipGuard(TESTS / "allowed_skips.txt"), "skip-guard")
    table = os.environ.get("STATIC_RESULTS")
    config.pluginmanager.register(GroupTimes(Path(table) if table else None), "group-times")


def pytest_unconfigure() -> None:
    """Remove the Prefect home of this process."""
    import shutil

    shutil.rmtree(os.environ["PREFECT_HOME"], ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of each shared server on one xdist worker."""
    for item in items:
        for name in SHARED:
            if item.get_closest_marker(name):
                item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """Put the main module back: Streamlit's AppTest leaves its page there, and children run it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(autouse=True)
def calmops_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home of its own (not made yet) and no other ``CALMOPS_*`` setting."""
    for name in [name for name in os.environ if name.startswith("CALMOPS_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    home = tmp_path_factory.getbasetemp() / "homes" / str(next(_homes))
    monkeypatch.setenv("CALMOPS_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Run one PostgreSQL server per worker; where there is none, tests fail."""
    from tests.servers.postgres import running_postgres

    with running_postgres() as url:
        yield url


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """Give the SQLAlchemy URL of an empty PostgreSQL database."""
    from tests.servers.postgres import fresh_database

    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Run one server with an S3 API per worker."""
    from tests.servers.s3 import running_s3

    with running_s3() as endpoint:
        yield endpoint


@pytest.fixture
def s3_proxy(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[BreakableProxy]:
    """Stand in front of the S3 API, whole until told otherwise; S3 clients find it."""
    import fsspec

    from tests.servers.broken import BreakableProxy
    from tests.servers.s3 import environment

    proxy = BreakableProxy(s3_endpoint)
    for name, value in environment(proxy.endpoint).items():
        monkeypatch.setenv(name, value)
    yield proxy
    proxy.close()
    fsspec.get_filesystem_class("s3").clear_instance_cache()  # they know the address


@pytest.fixture
def bucket(s3_proxy: BreakableProxy) -> str:
    """Give the URL of an empty bucket."""
    from tests.servers.s3 import make_bucket

    return make_bucket(s3_proxy.endpoint)


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """Run one Prefect server for the tests marked ``prefect``; give the URL of its API."""
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=90):
        yield str(PREFECT_API_URL.value())
