"""Rows made into records: every value read, every rule between values checked, the first fault named."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import tzinfo
from decimal import Decimal
from typing import Any, Final

from clm.domain.record import (
    ContactRecord,
    EventRecord,
    Feed,
    OrderKind,
    OrderLine,
    OrderRecord,
    ProductRecord,
    Record,
)
from clm.errors import MappingError
from clm.sources import places, properties, values, wares
from clm.sources.fields import LOCALE_PREFIXES, PROPERTY_PREFIX, REQUIRED
from clm.sources.instants import AHEAD_MS_MAX, birth_date, instants, require_not_ahead
from clm.sources.mapping import Filling
from clm.sources.money import Money
from clm.sources.rows import Get

ORDER_LINES_MAX: Final = 1_000
UNPLACED_MAX: Final = 100
"""Of so many different country names without a code, each is counted; more are taken together."""

_US_ZIP_DIGITS: Final = 5

Read = Callable[[Any], Any]


class FieldError(ValueError):
    """One field of a row that cannot be used, and why."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"`{field}` {reason}")


class RecordMaker:
    """Makes records of one feed from the rows of one file.

    `fields` grows where rows name their own keys: a field first seen in the millionth row is read all the same.
    """

    def __init__(
        self, feed: Feed, fillings: Iterable[Filling], *, where: str, zone: tzinfo, money: Money, currency: str
    ) -> None:
        """Prepare one reader per field; raises MappingError for a fixed text that no row could use."""
        self._where = where
        self._money = money
        self._currency = currency
        self._required = frozenset(REQUIRED[feed])
        self._reads = self._readers(feed, zone)
        self._steps: list[tuple[str, Get, Read]] = []
        self._property_gets: dict[str, Get] = {}
        self.fields: set[str] = set()
        self.late: dict[str, Get] = {}
        self.unplaced: Counter[str] = Counter()
        self.now: int | None = None
        """The instant of reading, where it is known: nobody is born, signs up or orders after it."""
        for filling in fillings:
            self.add(filling)
        makers: dict[Feed, Callable[[Any], Record]] = {
            "contacts": self._contact,
            "orders": self._order,
            "events": self._event,
            "products": self._product,
        }
        self.make = makers[feed]

    def _readers(self, feed: Feed, zone: tzinfo) -> dict[str, Read]:
        moment = instants(zone)
        readers: dict[str, Read] = {
            "contact": values.identifier,
            "email": values.email,
            "phone": values.plain_text,  # made E.164 once the row's country is known
            "first_name": values.name,
            "last_name": values.name,
            "name": values.name,
            "country": self._country,
            "postcode": values.postcode,
            "locale": _if_given(places.locale),
            "time_zone": _if_given(places.zone),
            "signed_up_at": moment,
            "acquisition_source": values.label,
            "born_on": self._birth,
            "email_consent": values.yes_no,
            "sms_consent": values.yes_no,
            "consent_at": moment,
        }
        if feed == "orders":
            readers |= {
                "order_id": values.identifier,
                "ordered_at": moment,
                "amount": values.amount,
                "currency": _if_given(self._money.currency),
                "kind": values.order_kind,
                "cancels": values.identifier,
                "coupon": values.coupon,
                "order_lines": _order_lines,
            }
        if feed == "events":
            readers |= {"event_id": values.identifier, "at": moment, "properties": properties.read_object}
        if feed == "products":
            readers |= {**wares.READERS, "currency": _if_given(self._money.currency)}
        return readers

    def add(self, filling: Filling) -> None:
        """Fill one more field."""
        field = filling.field
        self.fields.add(field)
        if field.startswith(PROPERTY_PREFIX):
            self._property_gets[field.removeprefix(PROPERTY_PREFIX)] = filling.get
            return
        read = values.label if field.startswith(LOCALE_PREFIXES) else self._reads[field]
        if filling.constant is None:
            self._steps.append((field, filling.get, read))
            return
        try:
            value = read(filling.constant)
        except ValueError as error:
            raise MappingError(f"{self._where}: `set {field}: {filling.shown}` {error}") from None
        self._steps.append((field, lambda _row: value, _as_is))

    def _values(self, row: Any) -> dict[str, Any]:
        if self.late:
            for field in self.late.keys() & row.keys():
                self.add(Filling(field, field, self.late.pop(field)))
        found: dict[str, Any] = {}
        for field, get, read in self._steps:
            try:
                found[field] = read(get(row))
            except ValueError as error:
                raise FieldError(field, str(error)) from None
        for field in self._required:
            if found[field] is None:
                raise FieldError(field, "is empty")
        if self.now is not None:
            self._require_not_ahead(found, self.now)
        return found

    @staticmethod
    def _require_not_ahead(found: dict[str, Any], now: int) -> None:
        for field in AHEAD_MS_MAX:
            at = found.get(field)
            if at is not None:
                try:
                    require_not_ahead(field, at, now)
                except ValueError as error:
                    raise FieldError(field, str(error)) from None

    def _country(self, value: Any) -> str | None:
        name = values.label(value)
        if name is None:
            return None
        code = places.country(name)
        if code is None:
            self.unplaced[name if name in self.unplaced or len(self.unplaced) < UNPLACED_MAX else "…"] += 1
        return code

    def _birth(self, value: Any) -> int | None:
        born_on = birth_date(value)
        if born_on is not None and self.now is not None and born_on > self.now:
            raise ValueError("is a date in the future")
        return born_on

    def _contact(self, row: Any) -> ContactRecord:
        return _contact_of(self._values(row))

    def _order(self, row: Any) -> OrderRecord:
        found = self._values(row)
        amount: Decimal = found["amount"]
        kind: OrderKind | None = found.get("kind")
        if kind is None:
            kind = "refund" if amount < 0 else "order"
        elif kind == "order" and amount < 0:
            # Either way of reading it would put wrong revenue on somebody.
            raise FieldError("amount", "is negative on an order; say kind refund or cancellation, or correct it")
        currency: str = found.get("currency") or self._currency
        try:
            original = self._money.minor_units(abs(amount), currency)
            in_base = self._money.in_base(original, currency)
        except ValueError as error:
            raise FieldError("amount", str(error)) from None
        lines = found.get("order_lines")
        return OrderRecord(
            found["order_id"],
            _contact_of(found),
            kind,
            found["ordered_at"],
            in_base,
            currency,
            original,
            found.get("cancels"),
            self._lines(lines, currency, kind) if lines else (),
            found.get("coupon"),
        )

    def _lines(self, lines: list[Any], currency: str, kind: OrderKind) -> tuple[OrderLine, ...]:
        made = []
        for number, line in enumerate(lines, start=1):
            try:
                made.append(self._line(line, currency, kind))
            except ValueError as error:
                raise FieldError("order_lines", f"in its line {number}: {error}") from None
        return tuple(made)

    def _line(self, line: Any, currency: str, kind: OrderKind) -> OrderLine:
        if not isinstance(line, dict):
            raise ValueError("is not an object with a product_id")  # noqa: TRY004 - readers raise ValueError
        found: dict[str, Any] = {}
        for key, read in _LINE_READERS.items():
            try:
                found[key] = read(line.get(key))
            except ValueError as error:
                raise FieldError(key, str(error)) from None
        if found["product_id"] is None:
            raise FieldError("product_id", "is empty")
        quantity = 1 if found["quantity"] is None else found["quantity"]
        amount = None if found["amount"] is None else self._money.minor_units(found["amount"], currency)
        if kind != "order":  # files write what is taken back with or without a minus sign; the kind says it once
            quantity, amount = abs(quantity), None if amount is None else abs(amount)
        return OrderLine(found["product_id"], found["name"], found["category"], quantity, amount)

    def _event(self, row: Any) -> EventRecord:
        found = self._values(row)
        given: dict[str, Any] = found.get("properties") or {}
        for key, get in self._property_gets.items():
            value = get(row)
            if value is not None and value != "":
                given[key] = value
        contact, name, at = found["contact"], found["name"], found["at"]
        try:
            said = properties.kept(name, given) if given else "{}"
        except ValueError as error:
            raise FieldError("properties", str(error)) from None
        external_id = found.get("event_id")
        if external_id is None:
            # The same event read twice must have the same id, so it is made of all that the event says.
            whole = json.dumps([contact, name, at, said])
            external_id = hashlib.sha256(whole.encode()).hexdigest()[:32]
        return EventRecord(external_id, contact, name, at, said)

    def _product(self, row: Any) -> ProductRecord:
        found = self._values(row)
        try:
            price = wares.price(found.get("price"), found.get("currency") or self._currency, self._money)
        except ValueError as error:
            raise FieldError("price", str(error)) from None
        return wares.product_of(found, price)


def _contact_of(found: dict[str, Any]) -> ContactRecord:
    get = found.get
    phone = get("phone")
    if phone is not None:
        try:
            phone = values.phone(phone, get("country"))
        except ValueError as error:
            raise FieldError("phone", str(error)) from None
    first_name, last_name = get("first_name"), get("last_name")
    if first_name is None and last_name is None and (name := get("name")) is not None:
        first_name, last_name = _split(name)
    return ContactRecord(
        found["contact"],
        get("email"),
        phone,
        first_name,
        last_name,
        get("country"),
        _postcode(get("postcode"), get("country")),
        get("locale"),
        get("time_zone"),
        get("signed_up_at"),
        get("acquisition_source"),
        get("born_on"),
        get("email_consent"),
        get("sms_consent"),
        get("consent_at"),
    )


def _postcode(postcode: str | None, country: str | None) -> str | None:
    """The postcode; American ones get back the zeros in front that tables take for a number's and drop."""
    if postcode is not None and country == "US" and postcode.isdecimal():
        return postcode.zfill(_US_ZIP_DIGITS)
    return postcode


def _split(name: str) -> tuple[str | None, str | None]:
    """First and last name of `Ada Lovelace` or `Lovelace, Ada`; a single word is a first name."""
    last, comma, first = name.partition(",")
    if not comma:
        first, _, last = name.partition(" ")
    return first.strip() or None, last.strip() or None


def _as_is(value: Any) -> Any:
    return value


def _if_given(read: Callable[[str], str]) -> Read:
    def read_if_given(value: Any) -> str | None:
        text = values.plain_text(value)
        return None if text is None else read(text)

    return read_if_given


def _order_lines(value: Any) -> list[Any] | None:
    lines = properties.read_nested(value)
    if lines is None:
        return None
    if not isinstance(lines, list):
        raise ValueError("is not a list of order lines")  # noqa: TRY004 - readers raise ValueError
    if len(lines) > ORDER_LINES_MAX:
        raise ValueError(f"has {len(lines):,} order lines, the maximum is {ORDER_LINES_MAX:,}")
    return lines


_LINE_READERS: Final[dict[str, Read]] = {
    "product_id": values.identifier,
    "name": values.label,
    "category": values.label,
    "quantity": values.whole_number,
    "amount": values.amount,
}
