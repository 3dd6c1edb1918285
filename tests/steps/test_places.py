"""Places in a spec hold no secrets, and messages about them repeat none."""

from __future__ import annotations

from typing import Any

import pytest

from calmops_flows.errors import SpecError
from calmops_flows.spec import parse_spec

SECRET = "ftp://ann:s3/s@me@host/in"


@pytest.mark.parametrize(
    "part",
    [
        {"source": {"path": SECRET}},
        {"labels": {"path": SECRET, "key": "id"}},
        {"predictions": {"path": SECRET}},
    ],
    ids=lambda part: next(iter(part)),
)
def test_password_in_a_place_is_refused_and_not_repeated(part: dict[str, Any]) -> None:
    values = {
        "name": "x",
        "target": "y",
        "source": {"path": "data"},
        "model": {"class": "sklearn.linear_model.LogisticRegression"},
        **part,
    }

    with pytest.raises(SpecError, match="must not hold a password") as caught:
        parse_spec(values)

    assert "s@me" not in str(caught.value)
    assert "ftp://ann:***@host" in str(caught.value)
