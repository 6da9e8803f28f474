"""The demo shop as the files a real shop would export.

| file | one row or line is |
|---|---|
| contacts.csv | a customer: who, where (country, postcode, locale, time_zone), born_on, sign-up, source, consents |
| orders.jsonl | an order (`coupon` where one was used), or a cancellation or refund that names its order in `cancels` |
| products.csv | a product: name and category in five languages, price, page, whether it can be had |
| events.jsonl.gz | something a customer did (clm.sources.demo.browsing and .aftercare list names and properties) |

Instants are ISO 8601 in UTC, to the second; amounts are decimal text in pounds, never negative.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from clm.domain.instant import iso
from clm.sources.demo.browsing import Happening, pounds
from clm.sources.demo.catalogue import OUT_OF_STOCK, PRODUCTS, BasketLine, basket_amount
from clm.sources.demo.labels import CATEGORIES_IN, LANGUAGES, name_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from clm.sources.demo.homes import Home

CONTACTS_FILE, ORDERS_FILE, EVENTS_FILE = "contacts.csv", "orders.jsonl", "events.jsonl.gz"
PRODUCTS_FILE = "products.csv"
CURRENCY = "GBP"
_PAGES = "https://www.saffronandsage.example/p/"
_LINES_PER_WRITE = 1_000
_CONTACT_COLUMNS = (
    "contact",
    "email",
    "phone",
    "first_name",
    "last_name",
    "country",
    "postcode",
    "locale",
    "time_zone",
    "signed_up_at",
    "acquisition_source",
    "born_on",
    "email_consent",
    "sms_consent",
    "consent_at",
)


@dataclass(slots=True)
class Order:
    """An order, cancellation or refund; the id is given when all are known, so that ids ascend with time."""

    contact: str
    kind: str
    at: int
    lines: list[BasketLine]
    cancels: Order | None = None
    order_id: str = ""
    coupon: str | None = None
    """The code that was entered, where there was one."""

    @property
    def amount(self) -> int:
        """Pence, the sum of its lines."""
        return basket_amount(self.lines)


def write_files(
    folder: Path,
    homes: list[Home],
    orders: list[Order],
    events: list[tuple[str, Happening]],
    festivals: frozenset[str],
) -> None:
    """Write the four files into `folder`, each whole or not at all; raises OSError when it cannot.

    What is made for one of the `festivals` can be had, other seasonal things cannot.
    """
    contents: dict[str, Iterable[str]] = {
        CONTACTS_FILE: _contact_lines(homes),
        ORDERS_FILE: map(_order_line, orders),
        PRODUCTS_FILE: _product_lines(festivals),
        EVENTS_FILE: (_event_line(number, *event) for number, event in enumerate(events, start=1)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    # The process id keeps two writers apart; a rename replaces the old file in one step.
    partial = {name: folder / f".{name}.{os.getpid()}.partial" for name in contents}
    try:
        for name, lines in contents.items():
            with partial[name].open("wb") as raw:
                if name.endswith(".gz"):
                    # No name and no time in the header: the same shop gives the same bytes.
                    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0) as packed:
                        _write_lines(cast("BinaryIO", packed), lines)
                else:
                    _write_lines(raw, lines)
        for name, path in partial.items():
            path.replace(folder / name)
    finally:
        for path in partial.values():
            path.unlink(missing_ok=True)


def _write_lines(file: BinaryIO, lines: Iterable[str]) -> None:
    chunk: list[str] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == _LINES_PER_WRITE:
            file.write("".join(chunk).encode())
            chunk.clear()
    file.write("".join(chunk).encode())


class _Row:
    """What csv writes a row to; it keeps only the last one."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def _contact_lines(homes: list[Home]) -> Iterator[str]:
    row = _Row()
    writer = csv.writer(row, lineterminator="\n")
    writer.writerow(_CONTACT_COLUMNS)
    yield row.text
    for home in homes:
        person = home.person
        writer.writerow(
            (
                person.contact,
                person.email,
                person.phone,
                person.first_name,
                person.last_name,
                person.country,
                home.postcode,
                person.locale,
                home.zone,
                iso(person.signed_up_at),
                person.source.name,
                None if home.born_on is None else home.born_on.isoformat(),
                "true" if person.email_consent else "false",
                "true" if person.sms_consent else "false",
                iso(person.consent_at),
            )
        )
        yield row.text


def _product_lines(festivals: frozenset[str]) -> Iterator[str]:
    row = _Row()
    writer = csv.writer(row, lineterminator="\n")
    names = [f"{field}.{language}" for field in ("name", "category") for language in LANGUAGES]
    writer.writerow(("product_id", "name", "category", *names, "price", "currency", "url", "available"))
    yield row.text
    for product in PRODUCTS:
        sold = product.season is None or product.season in festivals
        writer.writerow(
            (
                product.product_id,
                product.name,
                product.category,
                *(name_in(product, language) for language in LANGUAGES),
                *(CATEGORIES_IN[product.category][language] for language in LANGUAGES),
                pounds(product.price),
                CURRENCY,
                f"{_PAGES}{product.product_id}",
                "yes" if sold and product.product_id not in OUT_OF_STOCK else "no",
            )
        )
        yield row.text


def _order_line(order: Order) -> str:
    found: dict[str, object] = {
        "order_id": order.order_id,
        "contact": order.contact,
        "ordered_at": iso(order.at),
        "amount": pounds(order.amount),
        "currency": CURRENCY,
        "kind": order.kind,
    }
    if order.cancels is not None:
        found["cancels"] = order.cancels.order_id
    if order.coupon is not None:
        found["coupon"] = order.coupon
    found["order_lines"] = [
        {
            "product_id": line.product.product_id,
            "name": line.product.name,
            "category": line.product.category,
            "quantity": line.quantity,
            "amount": pounds(line.amount),
        }
        for line in order.lines
    ]
    return json.dumps(found, ensure_ascii=False) + "\n"


def _event_line(number: int, contact: str, happening: Happening) -> str:
    found = {
        "event_id": f"E{number:07d}",
        "contact": contact,
        "name": happening.name,
        "at": iso(happening.at),
        "properties": happening.properties,
    }
    return json.dumps(found, ensure_ascii=False) + "\n"
