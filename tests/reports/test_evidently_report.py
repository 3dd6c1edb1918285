from __future__ import annotations

import os
import re
import socket

import numpy as np
import pyarrow as pa
import pytest

from calmops_flows.errors import UntestableError
from calmops_flows.reports.evidently_report import Rendered, render


def batch(seed: int, *, shift: float = 0.0) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "temp": rng.normal(shift, 1, 300),
            "city": pa.array(rng.choice(["A", "<script>x</script>"], 300)).dictionary_encode(),
            "</script><b>": rng.integers(0, 9, 300),
            "is_wet": rng.random(300) > 0.5,
            "empty": pa.nulls(300),
            "parts": pa.array([[1]] * 300),
            "id": [f"row {i}" for i in range(300)],
        }
    )


@pytest.fixture(scope="module")
def rendered() -> Rendered:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _refuse)
        return render(batch(0), batch(1, shift=2.0).drop_columns(["id"]))


def _refuse(*_: object) -> None:
    raise AssertionError("the report asked the network")


@pytest.mark.slow
def test_page_shows_the_columns_and_needs_no_network(rendered: Rendered) -> None:
    page = rendered.html.decode()

    assert "temp" in page
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?:', page)
    assert os.environ["DO_NOT_TRACK"] == "1"


@pytest.mark.slow
def test_columns_that_cannot_be_shown_are_named(rendered: Rendered) -> None:
    assert rendered.left_out == {
        "empty": "no value",
        "id": "not in the current data",
        "parts": "values of type list<item: int64> are not shown",
    }


@pytest.mark.slow
def test_markup_in_names_and_values_is_defused(rendered: Rendered) -> None:
    page = rendered.html.decode()

    assert "</script><b>" not in page
    assert "<script>x" not in page
    assert "\u2039script\u203ax" in page or "\\u2039script\\u203ax" in page


def test_nothing_in_common_is_untestable() -> None:
    with pytest.raises(UntestableError, match="'b': not in the reference"):
        render(pa.table({"a": [1]}), pa.table({"b": [1]}))
