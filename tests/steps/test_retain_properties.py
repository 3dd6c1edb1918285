"""Whatever retention forgets, what comes next is as if it had forgotten nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from calmops_flows import api
from calmops_flows.records import Outcome, VersionStatus
from calmops_flows.settings import Settings
from calmops_flows.spec import parse_spec
from calmops_flows.steps.drain import utc_now
from calmops_flows.steps.models import read_model
from calmops_flows.steps.retain import KINDS, retain
from calmops_flows.store import Store, open_store
from calmops_flows.store.audit import first_broken
from calmops_flows.store.fsck import fsck
from calmops_flows.store.pipelines import load_state
from calmops_flows.store.tables import model_versions
from tests.store.filled import NAME, fill

SERVED = (VersionStatus.CHAMPION, VersionStatus.RETIRED)
limit = st.fixed_dictionaries(
    {},
    optional={
        "count": st.integers(0, 3),
        "days": st.sampled_from([0.0, 1.0, 7.0]),
        "bytes": st.integers(0, 40_000),
    },
)
# What replay draws from is what is left: the one mode whose next model retention may change.
changes = st.fixed_dictionaries(
    {
        "reference": st.sampled_from(["champion", "previous", "first", "window:2"]),
        "mode": st.sampled_from(["full", "window"]),
        "window_size": st.sampled_from([1, 500, 5_000]),
        "retention": st.dictionaries(st.sampled_from(KINDS), limit, min_size=1),
        "days_later": st.sampled_from([0, 2]),
    }
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fill a store once, and leave one more file for each example to process."""
    folder = tmp_path_factory.mktemp("filled")
    with open_store(Settings(home=folder / "home")) as store:
        fill(store, folder / "source")
    rng = np.random.default_rng(4)
    X = rng.normal(-3.0, 1.0, (300, 2))
    y = ((X + 3.0).sum(axis=1) > 0).astype(int)
    file = folder / "source" / "part9.csv"
    pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y}).to_csv(file, index=False)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    return folder


NOTHING = {"count": 0}
EVERYTHING = {
    "reference": "champion",
    "mode": "window",
    "window_size": 5_000,
    "retention": dict.fromkeys(KINDS, NOTHING),
    "days_later": 2,
}


@example(change=EVERYTHING)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(change=changes)
def test_what_champion_reference_rollback_and_audit_need_is_kept(
    filled: Path, change: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept, plain = Path(folder) / "kept", Path(folder) / "plain"
        for home in (kept, plain):
            shutil.copytree(filled / "home", home)
        with open_store(Settings(home=kept)) as store:
            now = utc_now() + timedelta(days=change["days_later"])
            apply(store, change, change["retention"])
            retain(store, NAME, now=now)
            check(store)
            outcome = process(store)
            check(store)
        with open_store(Settings(home=plain)) as store:
            apply(store, change, None)
            expected = process(store)

    assert facts(outcome) == facts(expected)


def apply(store: Store, change: dict[str, Any], retention: Any) -> None:
    values = load_state(store.database, NAME).spec.model_dump(mode="json", by_alias=True)
    values["drift"]["reference"] = change["reference"]
    values["retrain"] |= {"mode": change["mode"], "window_size": change["window_size"]}
    values["retention"] = retention
    api.apply(parse_spec(values), store)


def process(store: Store) -> Outcome:
    [outcome] = api.run(NAME, store=store, wait=False, prefect=False).outcomes
    return outcome


def check(store: Store) -> None:
    """See that every version that serves or served can be loaded, and that the store is sound."""
    with store.database.read() as connection:
        assert first_broken(connection, NAME) is None
        query = select(model_versions).where(model_versions.c.status.in_(SERVED))
        versions = connection.execute(query).all()
    assert versions
    for version in versions:
        assert read_model(store.artifacts, version.artifact) is not None
        assert store.artifacts.exists(version.profile_digest)
    assert fsck(store, now=utc_now()) == ()


def facts(outcome: Outcome) -> dict[str, Any]:
    """Return what a run decided, without when."""
    found = outcome.to_dict()
    return {key: found[key] for key in ("digest", "decision", "champion", "metrics", "drift")}
