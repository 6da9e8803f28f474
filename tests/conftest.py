"""What every test may ask for: a database of either kind, and the project with a CLM_HOME of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from clm.engine.workspace import Workspace, open_workspace
from clm.settings import Settings
from clm.store.database import Database
from tests.databases import NoPostgresError, PostgresDatabases, empty, postgres_server

PROJECT = Path(__file__).parents[1]

hypothesis.settings.register_profile(
    "clm",
    deadline=None,  # two people on one machine are reason enough for a slow example
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],  # a database is emptied by each example
    # A change is not refused for what an example found that has nothing to do with it. At people's desks, where
    # somebody reads what was found and the example is kept, each run tries others.
    derandomize=bool(os.environ.get("CI")),
)
hypothesis.settings.load_profile("clm")


LONGEST = (
    "test_replay.py",
    "test_real_orders.py",
    "test_simulation.py",
    "test_machine.py",
    "test_lifecycle.py",
    "test_two_workers.py",
    "test_up.py",
    "test_benchmarks.py",
    "test_killed.py",
    "test_run_killed.py",
)
"""Files that take a minute and more; begun first, or one worker would run the last of them while the other is idle."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; within a file the order stays."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresDatabases]:
    """A PostgreSQL; without one its tests are skipped, or fail where CI is set."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(postgres_server())
        except NoPostgresError as error:
            if os.environ.get("CI"):
                pytest.fail(f"CI is set and there is no PostgreSQL: {error}")
            pytest.skip(str(error))
        databases = PostgresDatabases(server)
        stack.callback(databases.drop_all)
        yield databases


@pytest.fixture(scope="session")
def postgres_url(postgres: PostgresDatabases) -> str:
    """One migrated PostgreSQL database per process; whoever uses it empties it first."""
    url = postgres.fresh()
    _migrate(url)
    return url


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "clm.db"
    _migrate(f"sqlite:///{path}")
    return path


def _migrate(url: str) -> None:
    database = Database(url)
    database.upgrade()
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated, empty database, of both kinds in turn."""
    if request.param == "sqlite":
        path = tmp_path / "clm.db"
        shutil.copyfile(request.getfixturevalue("sqlite_file"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("postgres_url")
    with contextlib.closing(Database(url)) as database:
        empty(database)
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated, empty database, of both kinds in turn."""
    with contextlib.closing(Database(database_url)) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without any table, of both kinds in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bare.db'}"
    databases: PostgresDatabases = request.getfixturevalue("postgres")
    return databases.fresh()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The project as it is shipped, with a CLM_HOME of its own."""
    return Settings(
        home=tmp_path / "home", database_url=None, config=PROJECT / "config", templates=PROJECT / "templates"
    )


@pytest.fixture
def workspace(settings: Settings, sqlite_file: Path) -> Iterator[Workspace]:
    """The shipped project, opened on an empty SQLite database."""
    settings.home.mkdir()
    shutil.copyfile(sqlite_file, settings.home / "clm.db")
    opened = open_workspace(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def config_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a config/ folder of a shop in pounds with the given campaign files, and says where it lies."""

    def write(**campaigns: str) -> Path:
        folder = tmp_path / "config"
        (folder / "campaigns").mkdir(parents=True, exist_ok=True)
        (folder / "clm.yaml").write_text("base_currency: GBP\n", encoding="utf-8")
        for name in ("policy.yaml", "sms_hours.yaml"):
            shutil.copyfile(PROJECT / "config" / name, folder / name)
        for name, text in campaigns.items():
            (folder / "campaigns" / f"{name}.yaml").write_text(text, encoding="utf-8")
        return folder

    return write
