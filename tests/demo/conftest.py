"""One demo shop, written once, for everybody who looks at it."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from clm.sources.demo import CONTACTS_FILE, EVENTS_FILE, ORDERS_FILE, PRODUCTS_FILE, ShopSummary, write_shop

if TYPE_CHECKING:
    from pathlib import Path

UNTIL = datetime(2026, 11, 22, 9, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Shop:
    """The files as somebody who knows nothing of the generator reads them."""

    summary: ShopSummary
    contacts: list[dict[str, str]]
    lines: list[dict[str, Any]]  # orders, cancellations and refunds
    events: list[dict[str, Any]]
    products: list[dict[str, str]]
    until: datetime = UNTIL

    @property
    def orders(self) -> list[dict[str, Any]]:
        """What was ordered, without what was taken back."""
        return [line for line in self.lines if line["kind"] == "order"]

    def signed_up_within(self, span: timedelta) -> list[dict[str, str]]:
        """The contacts who signed up in the last `span`."""
        return [c for c in self.contacts if datetime.fromisoformat(c["signed_up_at"]) >= self.until - span]


def read_shop(folder: Path, summary: ShopSummary) -> Shop:
    """The four files of `folder`."""
    with (folder / CONTACTS_FILE).open(encoding="utf-8", newline="") as file:
        contacts = list(csv.DictReader(file))
    with (folder / ORDERS_FILE).open(encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    with gzip.open(folder / EVENTS_FILE, "rt", encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    with (folder / PRODUCTS_FILE).open(encoding="utf-8", newline="") as file:
        products = list(csv.DictReader(file))
    return Shop(summary, contacts, lines, events, products)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop as shipped: 2,000 customers over three years."""
    folder = tmp_path_factory.mktemp("demo")
    return read_shop(folder, write_shop(folder, until=UNTIL))
