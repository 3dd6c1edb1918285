from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Calmops


@pytest.fixture
def learnt(calmops: Calmops, folder: Path) -> None:
    """Two versions: the file that trained, and the one that drifted."""
    text = (folder / "small.yaml").read_text()
    (folder / "small.yaml").write_text(text + "retrain:\n  when: always\n")
    assert calmops("run", "small.yaml").code == 0


@pytest.mark.usefixtures("learnt")
def test_card_names_data_scores_decision_and_environment(calmops: Calmops) -> None:
    done = calmops("card", "small", "1")

    digest = calmops("history", "small", "--json").json[0]["digest"]
    assert digest in done.out
    assert re.search(r"\| balanced\\_accuracy \| [\d.]+ \| [\d.-]+ to [\d.]+ \|", done.out)
    for part in (
        "Model card: small, version 1",
        "first model",
        "scikit-learn",
        "LogisticRegression",
    ):
        assert part in done.out
    assert "audit chain | holds" in done.out
    assert "| m2.csv | 200 |" in done.out  # it was scored there as champion
    history = calmops("history", "small", "--json").json
    sources = calmops("card", "small", "2", "--json").json["sources"]
    assert [s["digest"] for s in sources] == [one["digest"] for one in history]


@pytest.mark.usefixtures("learnt")
def test_change_report_names_both_versions_and_what_differs(calmops: Calmops, folder: Path) -> None:
    done = calmops(
        "card", "small", "2", "--compare", "1", "--format", "html", "--out", "change.html"
    )

    page = (folder / "change.html").read_text()
    assert done.code == 0
    assert "version 1 to 2" in page
    assert "the version itself" in calmops("card", "small", "2", "--compare", "2").err
    assert "m1.csv" not in page  # both learnt from it
    assert "m2.csv" in page
    assert "Paired comparison" in page or "untestable" in page


def test_card_without_a_champion_says_so(calmops: Calmops, folder: Path) -> None:
    calmops("apply", "small.yaml")

    assert "no champion yet" in calmops("card", "small").err
    assert calmops("card", "small", "7").code == 2
    nowhere = calmops("schema", "--out", "no/such/folder.json")
    assert nowhere.code == 1
    assert (
        nowhere.err
        == "calmops: 'no/such/folder.json': No such file or directory; is its folder there?\n"
    )


@pytest.mark.usefixtures("learnt")
def test_json_holds_the_same(calmops: Calmops) -> None:
    values = calmops("card", "small", "1", "--json").json

    assert values["version"] == 1
    assert values["audit_holds"] is True
    accuracy = next(s for s in values["scores"] if s["metric"] == "accuracy")
    assert accuracy["lower"] <= accuracy["value"] <= accuracy["upper"]


def test_markup_in_names_stays_text() -> None:
    from calmops_flows.reports.document import Document, Section, Table

    name = "<script>alert(1)</script>|`x`[a](b)\nnext"
    document = Document(name, (Section(name, (name, Table((name,), ((name,),)))),))

    assert "<script>" not in document.to_html()
    assert "<script>" not in document.to_markdown()
    assert "](b)" not in document.to_markdown().replace("\\]", "")
    assert all(
        line.count("\\|") == 1 for line in document.to_markdown().splitlines() if "alert" in line
    )
