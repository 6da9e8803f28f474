"""Money for tests, and the good or bad rows of a reader."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from clm.domain.record import BadRow
from clm.sources import FeedReader, Money

MONEY = Money("GBP", {"USD": Decimal("0.80"), "JPY": Decimal("0.0055"), "KWD": Decimal("2.5")})

Read = Callable[..., FeedReader]
"""The fixture `read`: feed, content, and what a FeedSpec takes; `to` is the file's name."""


def good(reader: FeedReader) -> list[Any]:
    """All records; fails when a row is bad."""
    rows = list(reader.rows())
    assert [row for row in rows if isinstance(row, BadRow)] == []
    return rows


def bad(reader: FeedReader) -> list[BadRow]:
    """The bad rows alone."""
    return [row for row in reader.rows() if isinstance(row, BadRow)]
