"""The Prefect that the bounds resolve to starts, schedules and reacts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fresh.environment import FreshEnvironment

pytestmark = [pytest.mark.fresh, pytest.mark.timeout(900)]
PROBE = Path(__file__).with_name("probe.py")


@pytest.mark.parametrize("what", ["schedule", "automation"])
def test_server_does_what_deployments_rely_on(
    fresh: FreshEnvironment, fresh_server: str, tmp_path: Path, what: str
) -> None:
    done = fresh.run(
        "python", str(PROBE), what, str(tmp_path), seconds=180, PREFECT_API_URL=fresh_server
    )

    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-4000:]
