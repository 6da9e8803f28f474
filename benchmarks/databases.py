"""Databases of our own to measure on: made for one run, gone after it, and never anybody's tables."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from clm.errors import StoreError
from clm.store.database import Database


@contextmanager
def own_database(url: str | None, name: str) -> Iterator[Database]:
    """An empty database with clm's schema, dropped at the end whatever happens.

    Without a URL it is a SQLite file in a temporary folder. A SQLite URL names a file that must not exist yet. A
    PostgreSQL URL names a server and somebody who may create databases: the run makes `clm_bench_<name>_<pid>` there
    and leaves the database that the URL names alone.
    """
    if url is None:
        with tempfile.TemporaryDirectory(prefix="clm-bench-") as folder:
            yield from _with_schema(f"sqlite:///{Path(folder) / f'{name}.db'}")
        return
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        yield from _sqlite(parsed, name)
    else:
        yield from _postgresql(parsed.set(drivername="postgresql+psycopg"), f"clm_bench_{name}_{os.getpid()}")


def _sqlite(parsed: URL, name: str) -> Iterator[Database]:
    if not parsed.database or parsed.database == ":memory:":
        raise StoreError("a benchmark measures a file; write sqlite:////folder/new-file.db")
    path = Path(parsed.database)
    own = path.with_name(f"{path.stem}-{name}{path.suffix or '.db'}")
    if path.exists() or own.exists():
        raise StoreError(f"{path if path.exists() else own} exists; a benchmark only writes to a database it has made")
    try:
        yield from _with_schema(f"sqlite:///{own}")
    finally:
        for ending in ("", "-wal", "-shm"):
            own.with_name(own.name + ending).unlink(missing_ok=True)


def _postgresql(parsed: URL, own: str) -> Iterator[Database]:
    server = create_engine(parsed, isolation_level="AUTOCOMMIT")
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {own}"))
        try:
            yield from _with_schema(parsed.set(database=own).render_as_string(hide_password=False))
        finally:
            with server.connect() as connection:
                connection.execute(text(f"DROP DATABASE IF EXISTS {own} WITH (FORCE)"))
    except OperationalError as error:
        raise StoreError(f"cannot work on {parsed.render_as_string()}: {error.orig}") from None
    finally:
        server.dispose()


def _with_schema(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        database.upgrade()
        yield database
    finally:
        database.close()
