"""Facts in: files of contacts, orders and events, read by a mapping, one row after another."""

from __future__ import annotations

from clm.sources.cursor import FileCursor, Resume, resume
from clm.sources.money import Money
from clm.sources.reader import FeedReader, open_feed
from clm.sources.spec import FeedSpec, load_sources

__all__ = ["FeedReader", "FeedSpec", "FileCursor", "Money", "Resume", "load_sources", "open_feed", "resume"]
