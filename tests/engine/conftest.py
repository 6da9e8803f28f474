"""A shop on a database of either kind, and the process rehearsed on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from clm.content.brand import Brand, read_brand
from clm.content.library import TemplateLibrary
from clm.store.database import Database
from tests.conftest import PROJECT
from tests.engine.guarded import Guarded
from tests.engine.rehearsal import Rehearsal, load_words, write_words
from tests.engine.shop import Shop


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop that tells facts."""
    return Shop(database)


@pytest.fixture(scope="session")
def words_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words for the campaigns of rehearsals."""
    return write_words(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="session")
def own_brand() -> Brand:
    """The shipped brand."""
    return read_brand(PROJECT / "config" / "brand.yaml")


@pytest.fixture(scope="session")
def library(words_folder: Path, own_brand: Brand) -> TemplateLibrary:
    """Those words, compiled once."""
    return load_words(words_folder, own_brand)


@pytest.fixture
def rehearsal(database: Database, library: TemplateLibrary, own_brand: Brand) -> Rehearsal:
    """The process, on an empty database."""
    return Rehearsal(database, library, own_brand)


@pytest.fixture
def guarded(database: Database, library: TemplateLibrary, own_brand: Brand) -> Guarded:
    """The process with a policy, on an empty database."""
    return Guarded(database, library, own_brand)
