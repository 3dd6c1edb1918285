"""One new environment with the built wheel, and one Prefect server in it, for this whole folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fresh.environment import FreshEnvironment, build
from tests.fresh.server import running_prefect


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """Build the wheel and install it as a user would."""
    return build(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="session")
def fresh_server(fresh: FreshEnvironment) -> Iterator[str]:
    """Start the Prefect server that the bounds resolve to."""
    with running_prefect(fresh) as api:
        yield api
