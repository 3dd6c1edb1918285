from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Calmops
from tests.cli.test_views import errors


@pytest.mark.timeout(120)
def test_backtest_as_json_fits_its_schema_and_draws_a_chart(calmops: Calmops, folder: Path) -> None:
    calmops("run", "small.yaml")

    done = calmops("backtest", "small", "--policies", "never,always", "--json", "--chart", "c.html")

    assert done.code == 0
    assert errors("backtest", done.json) == []
    assert [r["fits"] for r in sorted(done.json["results"], key=lambda r: r["fits"])] == [1, 2]
    assert "[always] 2/2 snapshots" in done.err
    assert "Pareto front" in (folder / "c.html").read_text(encoding="utf-8")


def test_unknown_policy_is_wrong_use(calmops: Calmops, folder: Path) -> None:
    calmops("apply", "small.yaml")

    done = calmops("backtest", "small", "--policies", "sometimes")

    assert done.code == 2
    assert "a policy is made of" in done.err
