"""A scene on a database of either kind, with a provider of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.fake_provider import FakeProvider, fake_provider
from tests.reliability.crashes.scene import Scene, lay_out


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[FakeProvider]:
    """A provider that accepts everything, until it is told otherwise."""
    with fake_provider(tmp_path) as started:
        yield started


@pytest.fixture
def scene(tmp_path: Path, database_url: str, provider: FakeProvider) -> Scene:
    """A shop with messages queued for that provider."""
    scene = lay_out(tmp_path, database_url, provider)
    scene.queue()
    return scene
