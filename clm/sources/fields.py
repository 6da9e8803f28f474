"""What each feed may tell about a row: the names on the left of every mapping."""

from __future__ import annotations

from typing import Final

from clm.domain.record import Feed
from clm.sources import places

CONTACT_DETAILS: Final = (
    "country",  # before phone: a number without a country code is read by the row's country
    "postcode",
    "email",
    "phone",
    "first_name",
    "last_name",
    "name",
    "locale",
    "time_zone",
    "signed_up_at",
    "acquisition_source",
    "born_on",
    "email_consent",
    "sms_consent",
    "consent_at",
)

FIELDS: Final[dict[Feed, tuple[str, ...]]] = {
    "contacts": ("contact", *CONTACT_DETAILS),
    "orders": (
        "order_id",
        "contact",
        "ordered_at",
        "amount",
        "currency",
        "kind",
        "cancels",
        "coupon",
        "order_lines",
        *CONTACT_DETAILS,
    ),
    "events": ("event_id", "contact", "name", "at", "properties"),
    "products": (
        "product_id",
        "name",
        "names",
        "category",
        "categories",
        "price",
        "currency",
        "url",
        "image_url",
        "available",
    ),
}

REQUIRED: Final[dict[Feed, tuple[str, ...]]] = {
    "contacts": ("contact",),
    "orders": ("order_id", "contact", "ordered_at", "amount"),
    "events": ("contact", "name", "at"),
    "products": ("product_id", "name"),
}

SYNONYMS: Final = {"contact_id": "contact", "customer_id": "contact", "user_id": "contact"}
"""Other names of a field, in order of preference where a file has several. Deliberately few: a wrong guess would
write wrong facts, a missing one only asks for a mapping."""

PROPERTY_PREFIX: Final = "properties."
"""`properties.colour: Colour` in an events mapping puts the column Colour into the event's properties."""


LOCALE_PREFIXES: Final = ("name.", "category.")
"""`name.fa: Persian name` in a products mapping is the name in that language."""


def field_of(name: str, feed: Feed) -> str | None:
    """The field that `name` means on the left side of a mapping, or None when there is none."""
    if name in FIELDS[feed]:
        return name
    if feed == "events" and name.startswith(PROPERTY_PREFIX) and len(name) > len(PROPERTY_PREFIX):
        return name
    if feed == "products" and name.startswith(LOCALE_PREFIXES):
        return _in_a_language(name)
    known = SYNONYMS.get(name)
    return known if known in FIELDS[feed] else None


def _in_a_language(name: str) -> str | None:
    field, _, tag = name.partition(".")
    try:
        return f"{field}.{places.locale(tag)}"
    except ValueError:
        return None
