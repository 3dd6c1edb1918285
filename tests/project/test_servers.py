"""The PostgreSQL server that other tests stand on."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from tests.servers import postgres


@pytest.mark.postgres
def test_each_test_gets_an_empty_database_that_speaks_sqlalchemy(postgres_database: str) -> None:
    engine = create_engine(postgres_database)

    with engine.begin() as connection:
        tables = connection.scalar(
            text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        )
        connection.execute(text("CREATE TABLE t (i integer)"))
    engine.dispose()

    assert tables == 0


@pytest.mark.postgres
def test_the_server_has_the_extension_that_prefect_needs(postgres_database: str) -> None:
    with psycopg.connect(postgres.plain(postgres_database)) as connection:
        connection.execute("CREATE EXTENSION pg_trgm")


@pytest.mark.postgres
def test_a_database_is_gone_after_its_test(postgres_url: str) -> None:
    with postgres.fresh_database(postgres_url) as url:
        pass

    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(postgres.plain(url))


@pytest.mark.postgres
def test_the_server_does_not_run_as_root(postgres_url: str) -> None:
    with psycopg.connect(postgres.plain(postgres_url)) as connection:
        row = connection.execute("SHOW data_directory").fetchone()

    assert row is not None
    assert Path(row[0]).stat().st_uid != 0
