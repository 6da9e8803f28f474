"""Databases to test on: SQLite files, and a PostgreSQL found or started."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from clm.store.database import Database
from clm.store.schema import metadata

LOCAL = ("postgresql:///test", "postgresql://127.0.0.1:5432/test")
_START_SECONDS_MAX = 30


class NoPostgresError(Exception):
    """No PostgreSQL answers and none can be started here."""


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL that lets us make databases: CLM_TEST_POSTGRES, a local one, or one started for this.

    Raises NoPostgresError where there is none.
    """
    named = os.environ.get("CLM_TEST_POSTGRES")
    refusals = []
    for url in (named,) if named else LOCAL:
        try:
            may_create = _may_create(url)
        except psycopg.Error as error:
            refusals.append(f"{url}: {str(error).strip()}")
            continue
        if may_create:
            yield url
            return
        refusals.append(f"{url}: this role may not create databases")
    if named:
        raise NoPostgresError("CLM_TEST_POSTGRES is of no use. " + "; ".join(refusals))
    with _own_server(refusals) as url:
        yield url


def _may_create(url: str) -> bool:
    with psycopg.connect(url, connect_timeout=5) as connection:
        row = connection.execute("SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user").fetchone()
    return bool(row and row[0])


@contextlib.contextmanager
def _own_server(refusals: list[str]) -> Iterator[str]:
    """A PostgreSQL of our own on a free loopback port, gone afterwards."""
    programs = _programs()
    if programs is None:
        raise NoPostgresError("PostgreSQL is not installed and none answers. " + "; ".join(refusals))
    folder = Path(tempfile.mkdtemp(prefix="clm-test-postgres-"))
    as_owner: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        if shutil.which("runuser") is None:
            raise NoPostgresError("PostgreSQL does not run as root, and there is no runuser to be somebody else with")
        as_owner = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    data = folder / "data"
    try:
        initdb = [*as_owner, programs / "initdb", "-D", data, "-U", "clm", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder)
        port = _free_port()
        # Durability of a throw-away server is worth nothing; what is tested is who sees what, not the disk.
        options = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
        command = [*as_owner, programs / "postgres", "-D", data, "-p", str(port), *options]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            url = f"postgresql://clm@127.0.0.1:{port}/postgres"
            _wait_for(url, server, folder / "log")
            yield url
        finally:
            server.terminate()  # runuser hands the signal on
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest where there are several."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    patience = time.monotonic() + _START_SECONDS_MAX
    while time.monotonic() < patience and server.poll() is None:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise NoPostgresError(f"the PostgreSQL started for the tests does not answer:\n{log.read_text()[-2000:]}")


class PostgresDatabases:
    """Makes databases named after this process on one server, and drops them all at the end."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._made: list[str] = []

    def fresh(self) -> str:
        """The URL of a new, empty database.

        It sorts texts as a dictionary does where the server can, because production servers often do and what clm
        finds must not depend on it. Commits do not wait for the disk.
        """
        name = f"clm_test_{os.getpid()}_{len(self._made)}"
        with psycopg.connect(self._server, autocommit=True) as connection:
            create = f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"
            try:
                connection.execute(f"{create} LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
            except psycopg.Error:  # older than 15, or built without ICU
                connection.execute(create)
            self._made.append(name)
            connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)

    def drop_all(self) -> None:
        """Drop every database made here."""
        with psycopg.connect(self._server, autocommit=True) as connection:
            for name in self._made:
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def empty(database: Database) -> None:
    """Delete every row; cheaper than a new database, and enough where nothing depends on ids."""
    everything = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]
    with database.write() as tx:
        # PostgreSQL takes them all in one go, a third of the time; SQLite takes one at a time.
        for statement in ["; ".join(everything)] if database.dialect == "postgresql" else everything:
            tx.exec_driver_sql(statement)
