"""``calmops generate feed`` writes the next snapshots; ``deploy`` needs a server."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Calmops


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    stream = {"name": "sea", "rows": 20, "periods": 3}
    file = tmp_path / "feed.yaml"
    file.write_text(yaml.safe_dump({"name": "sea", "folder": "in", "stream": stream}))
    return file


def test_snapshots_are_written_until_the_feed_ends(calmops: Calmops, feed: Path) -> None:
    first = calmops("generate", "feed", str(feed), "--json")
    rest = calmops("generate", "feed", str(feed), "--times", "4")

    (one,) = first.fits("generate_feed")["snapshots"]
    assert (one["period"], one["file"]) == (1, "period-000001.csv")
    assert "wrote period-000003.csv (3 of 3)" in rest.out
    assert "all 3 snapshots are written" in rest.out
    assert len(list((feed.parent / "in").glob("*.csv"))) == 3


def test_wrong_use_writes_nothing(calmops: Calmops, feed: Path) -> None:
    feed.write_text("name: sea\nfolder: in\n")

    done = calmops("generate", "feed", str(feed))

    assert done.code == 2
    assert "either a stream or a scenario" in " ".join(done.err.split())
    assert not (feed.parent / "in").exists()


def test_deploying_without_a_server_says_what_to_do(
    calmops: Calmops, feed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    done = calmops("generate", "deploy", str(feed), "--every", "60")

    assert done.code == 2
    assert "no Prefect server is configured" in " ".join(done.err.split())
