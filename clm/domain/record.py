"""What a source says about contacts, orders, events and products, parsed and checked, before it is stored.

Instants are integer milliseconds since 1970 UTC, money is integer minor units (pence, cents).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Feed = Literal["contacts", "orders", "events", "products"]
OWN_SOURCE = "clm"
"""The source of those who came by our own pages, and of what clm itself has seen happen; no feed is called so."""
FEEDS: tuple[Feed, ...] = ("contacts", "orders", "events", "products")

OrderKind = Literal["order", "cancellation", "refund"]


class ContactRecord(NamedTuple):
    """A person as a source knows them; every detail but the source's own id may be unknown."""

    external_id: str
    email: str | None = None  # normalised, domain in lower case
    phone: str | None = None  # E.164, "+447700900123"
    first_name: str | None = None
    last_name: str | None = None
    country: str | None = None  # ISO 3166-1 alpha-2
    postcode: str | None = None  # as the country writes it, "SW1A 1AA"
    locale: str | None = None  # BCP 47, "fa", "pt-BR"
    zone: str | None = None  # IANA, "Asia/Tehran"
    signed_up_at: int | None = None
    acquisition_source: str | None = None  # utm_source or channel of first contact
    born_on: int | None = None  # the date of birth, as midnight UTC
    email_consent: bool | None = None  # None: the source does not say
    sms_consent: bool | None = None
    consent_at: int | None = None  # when the consent named above was given or withdrawn


class OrderLine(NamedTuple):
    """One product on an order."""

    product_id: str
    name: str | None
    category: str | None
    quantity: int
    amount: int | None  # minor units of the order's own currency, for the whole line


class OrderRecord(NamedTuple):
    """An order, or a cancellation or refund that takes something back."""

    external_id: str
    contact: ContactRecord  # the orders' source may know no more than the id
    kind: OrderKind
    ordered_at: int
    amount: int  # minor units of the base currency, never negative: `kind` says which way it counts
    currency: str  # ISO 4217, of the order itself
    original_amount: int  # minor units of `currency`, never negative
    cancels: str | None = None  # the order id a cancellation or refund takes back, where the source tells
    lines: tuple[OrderLine, ...] = ()
    coupon: str | None = None  # what was entered at the checkout, as codes are compared; several with commas


class EventRecord(NamedTuple):
    """Something a contact did: viewed a product, opened the app, called."""

    external_id: str
    contact: str  # the source's own id of the contact
    name: str
    at: int
    properties: str  # JSON object, keys sorted


class ProductRecord(NamedTuple):
    """Something that a shop sells, as it is today."""

    product_id: str
    name: str
    names: str | None  # JSON object of the name in other languages by locale, keys sorted
    category: str | None
    categories: str | None  # the same of the category
    price: int | None  # minor units of the base currency
    url: str | None  # https
    image_url: str | None  # https
    available: bool


Record = ContactRecord | OrderRecord | EventRecord | ProductRecord


class BadRow(NamedTuple):
    """A row that cannot be used, and why; it goes to quarantine."""

    line: int  # 1 is the file's first line; for Parquet the row number
    field: str | None
    reason: str
    raw: str  # the row as JSON, so that nothing is lost
