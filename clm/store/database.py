"""One database, SQLite or PostgreSQL: how transactions begin, and that the schema is the one the code knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Row, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from clm.errors import StoreBusyError, StoreError

Transaction = Connection
"""What the functions of this room are given: a connection inside a transaction."""

Found = Row[Any]
"""A row as a query found it; its columns are its attributes."""

_BUSY_SECONDS_MAX = 30
_BUSY_STATES = {"40P01", "40001", "55P03"}  # PostgreSQL: deadlock, serialisation failure, lock not available
_POSTGRES_OPTIONS = "-c jit=off"
_POSTGRES_HASTY = f"{_POSTGRES_OPTIONS} -c synchronous_commit=off"
"""Committing without waiting for the disk is for what is not `durable`, as with SQLite: a tick of twenty campaigns
commits twenty times and more. Compiling a plan takes longer than most statements here run."""
_MIGRATIONS = Path(__file__).parent / "migrations"

HEAD = "0004"
"""The newest migration; kept here, and tested, so that only migrating loads alembic (a quarter of a second).

Revisions are numbered with four digits, so that their order is that of their names.
"""


class Database:
    """Opens transactions on one database URL; safe to share between threads, not between processes."""

    def __init__(self, url: str) -> None:
        """Connect lazily; raises StoreError for a URL that is not SQLite or PostgreSQL."""
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise StoreError(
                "CLM_DATABASE_URL is not a database URL; write sqlite:///clm.db or postgresql://user@host/name"
            ) from None
        if parsed.get_backend_name() in {"postgres", "postgresql"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
            raise StoreError(
                f"CLM_DATABASE_URL names {parsed.get_backend_name()}; clm keeps its facts in SQLite or PostgreSQL"
            )
        self.dialect = parsed.get_backend_name()
        self.shown = parsed.render_as_string(hide_password=True)
        self._url = parsed
        if self.dialect == "sqlite":
            self.engine = create_engine(parsed, hide_parameters=True, connect_args={"timeout": _BUSY_SECONDS_MAX})
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
            self._reader: Engine = self.engine.execution_options(clm_begin="BEGIN")
            self._durable: Engine = self.engine.execution_options(clm_synchronous="FULL")
        else:
            self.engine = _postgres(parsed, _POSTGRES_HASTY)
            self._reader = self.engine.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
            # Connections of their own: to say it for each transaction would cost a round trip.
            self._durable = _postgres(parsed, f"{_POSTGRES_OPTIONS} -c synchronous_commit=on")

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A consistent look; never waits for writers."""
        with _without_details(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Transaction]:
        """A transaction that commits at the end, or leaves nothing behind.

        SQLite takes its write lock at once (BEGIN IMMEDIATE), so that nothing read inside can be out of date when it
        is written. Raises StoreBusyError where another transaction stood in the way; trying again is right then.
        `durable` waits for the disk: for recording the intent to send and its outcome, and what a person has told us.
        What is not durable may be lost in a power cut, the last half second of it, whole transactions and in order, so
        that what is left fits together; and everything before a durable one is durable with it.
        """
        with _without_details(), (self._durable if durable else self.engine).begin() as connection:
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()
        self._durable.dispose()

    def upgrade(self) -> None:
        """Create or migrate the schema to the one the code knows; two at once are safe."""
        from alembic import command  # noqa: PLC0415 - see HEAD
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        try:
            if self.dialect == "sqlite" and self._url.database:
                Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
            with self.engine.begin() as connection:
                if self.dialect == "postgresql":
                    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(727001)")
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except OSError as error:
            raise StoreError(f"cannot open {self.shown}: {error.strerror}") from None
        except DBAPIError as error:
            raise StoreError(f"cannot open {self.shown}: {error.orig}") from None

    def is_empty(self) -> bool:
        """Whether clm has never made its tables here."""
        return self._revision() is None

    def _revision(self) -> str | None:
        if self.dialect == "sqlite" and self._url.database and not Path(self._url.database).exists():
            return None
        try:
            with self._reader.connect() as connection:
                if not inspect(connection).has_table("alembic_version"):
                    return None
                found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
                return found
        except DBAPIError as error:
            raise StoreError(f"cannot open {self.shown}: {error.orig}") from None

    def require_current(self) -> None:
        """Raise StoreError unless the schema is exactly the one the code knows."""
        found = self._revision()
        if found == HEAD:
            return
        if found is None:
            raise StoreError(f"{self.shown} has no clm tables yet; run `clm db upgrade`")
        if found < HEAD:
            raise StoreError(f"{self.shown} is older than this clm ({found}, needs {HEAD}); run `clm db upgrade`")
        raise StoreError(f"{self.shown} was made by a newer clm ({found}); install that one")


@contextmanager
def _without_details() -> Iterator[None]:
    """Turn the driver's errors into ours, which name the kind of fault and no values.

    What a task raises is kept by Prefect, and drivers quote the row at fault: names and addresses.
    """
    try:
        yield
    except NoConnectionError:
        # Not StoreBusyError: it has been waited for, half a minute, and each try would be as long.
        raise StoreError("the database is busy: all connections to it are in use") from None
    except DBAPIError as error:
        kind = type(error.orig).__name__
        state = getattr(error.orig, "sqlstate", None)
        where = " ".join((error.statement or "").split())[:120]
        busy = state in _BUSY_STATES or "database is locked" in str(error.orig)
        told = f"the database refused: {kind}{f' {state}' if state else ''}{f' at `{where} …`' if where else ''}"
        raise (StoreBusyError if busy else StoreError)(told) from None


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver's own BEGIN is deferred; ours is below
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.execute("PRAGMA cache_size=-65536")  # 64 MB
    # The default checkpoint every 1,000 pages halves the speed of taking facts in (docs/decisions.md).
    cursor.execute("PRAGMA wal_autocheckpoint=20000")
    cursor.close()


def _postgres(url: URL, options: str) -> Engine:
    return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args={"options": options})


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql(f"PRAGMA synchronous={options.get('clm_synchronous', 'NORMAL')}")
    connection.exec_driver_sql(options.get("clm_begin", "BEGIN IMMEDIATE"))
