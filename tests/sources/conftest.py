"""Small files of a shop, written and opened."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from clm.sources import FeedReader, FeedSpec, open_feed
from tests.sources.reading import MONEY, Read


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a file and open it; a name that ends in .gz packs it."""

    def open_content(feed: Any, content: str | bytes, *, to: str = "file.csv", **spec: Any) -> FeedReader:
        path = tmp_path / to
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if to.endswith(".gz") else data)
        return open_feed(FeedSpec(source="shop", feed=feed, path=str(path), **spec), path, MONEY)

    return open_content
