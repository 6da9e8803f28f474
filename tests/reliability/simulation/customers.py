"""What people do and the shop tells of them; it becomes history at the very moment of its commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clm.domain.instant import DAY_MS
from clm.domain.record import ContactRecord, OrderRecord
from clm.engine.coupon_pool import add_codes
from clm.engine.ingest import Counts
from clm.store import suppressions
from clm.store.database import Database
from tests.engine.shop import Shop, order
from tests.reliability.simulation.history import History, Person
from tests.reliability.simulation.moment import START, Moment, NextCommit


class Customers:
    """The people of one shop, and all that it has ever told of them."""

    def __init__(self, database: Database, history: History, moment: Moment, commit: NextCommit) -> None:
        self._database = database
        self._history = history
        self._moment = moment
        self._commit = commit
        self._shop = Shop(database)
        self._count = 0
        self._to_bring: list[str] = []
        self._told_people: dict[str, ContactRecord] = {}
        self._told_orders: dict[str, OrderRecord] = {}

    def sign_up(self, *people: Person) -> None:
        """New customers."""
        self._tell({one.name: one for one in people})

    def consent(self, name: str, channel: str, *, yes: bool) -> None:
        """Somebody tells the shop that they want marketing by a channel, or that they do not."""
        person = self._history.people[name]
        self._change(name, said_no=person.said_no - {channel} if yes else person.said_no | {channel})

    def move(self, name: str, channel: str, address: str | None) -> None:
        """Somebody has another address, or none any more."""
        self._change(name, **{"email" if channel == "email" else "phone": address})

    def _change(self, name: str, **changes: object) -> None:
        self._tell({name: self._history.people[name]._replace(**changes)})

    def _tell(self, known: Mapping[str, Person]) -> None:
        records = {name: _record(one, self._moment.time) for name, one in known.items()}

        def remember() -> None:
            self._history.people.update(known)
            self._told_people.update(records)

        with self._commit.makes(remember):
            self._shop.tell(*records.values(), now=self._moment.time)

    def purchase(self, *names: str, code: str | None = None) -> None:
        """People order something, at this moment, with a code or without one.

        The shop takes no code more often than it is good for; what it takes, it tells as it was typed.
        """
        self._count += 1
        at = self._moment.time
        taken = code if code is not None and self._history.codes.may_be_used(code) else None
        placed = {name: order(f"o{self._count}-{name}", name, at=at)._replace(coupon=taken) for name in names}
        known = {name: self._history.people[name]._replace(last_order_at=at) for name in names}

        def remember() -> None:
            self._history.people.update(known)
            self._told_orders.update({one.external_id: one for one in placed.values()})
            if taken is not None:
                self._history.codes.use(taken, {one.external_id for one in placed.values()})
                self._moment.note(f"an order says {self._history.codes.name(taken)}")

        with self._commit.makes(remember):
            self._tell_orders(placed.values())

    def refund(self, number: int) -> None:
        """A part of an order, any of those that were placed, is paid back."""
        bought = [one for one in self._told_orders.values() if one.kind == "order"]
        if not bought:
            return
        of = bought[number % len(bought)]
        self._count += 1
        refund = order(
            f"r{self._count}", of.contact.external_id, at=self._moment.time, amount=100, kind="refund",
            cancels=of.external_id,
        )  # fmt: skip
        with self._commit.makes(lambda: self._told_orders.update({refund.external_id: refund})):
            self._tell_orders([refund])

    def _tell_orders(self, records: Iterable[OrderRecord]) -> Counts:
        return self._shop.tell(*records, now=self._moment.time, fields=frozenset({"external_id", "coupon"}))

    def sync(self) -> None:
        """The shop tells everything that it has told once more, and nothing of it is new."""
        told = Counts()
        if self._told_people:
            told.add(self._shop.tell(*self._told_people.values(), now=self._moment.time))
        if self._told_orders:
            told.add(self._tell_orders(self._told_orders.values()))
        if told.new or told.changed:
            self._history.broken.append(f"{told.new} new and {told.changed} changed in what was told before")

    def fill(self, count: int) -> None:
        """The shop brings so many more codes for its pool, in a file with all that it has not heard to be in yet."""
        book = self._history.codes
        self._to_bring += [f"TIN-{len(book.pooled) + len(self._to_bring) + number}" for number in range(count)]
        lines = [f"{code}\n".encode() for code in [*list(book.pooled)[-1:], *self._to_bring]]

        def remember() -> None:
            book.pooled.update(dict.fromkeys(self._to_bring))
            self._to_bring.clear()
            self._moment.note(f"the pool has been brought {len(book.pooled)} codes")

        with self._commit.makes(remember):
            add_codes(self._database, "tin", lines, now=self._moment.clock, progress=lambda _: None)

    def unsubscribe(self, name: str, channel: str, reason: str = "unsubscribed") -> None:
        """Somebody follows the link in a mail, or answers STOP."""
        address = self._history.people[name].address(channel)
        if address is None:
            return
        at = self._moment.clock
        with (
            self._commit.makes(lambda: self._history.suppress((channel, address), reason, at)),
            self._database.write(durable=True) as tx,
        ):
            suppressions.suppress(tx, channel=channel, address=address, reason=reason, source="test", at=at)

    def resubscribe(self, name: str, channel: str) -> None:
        """Somebody wants to hear from us again."""
        address = self._history.people[name].address(channel)
        if address is None:
            return
        at = self._moment.clock
        with (
            self._commit.makes(lambda: self._history.lift((channel, address), at)),
            self._database.write(durable=True) as tx,
        ):
            suppressions.lift(tx, channel=channel, address=address, at=at)


def _record(one: Person, said_at: int) -> ContactRecord:
    wants = {f"{channel}_consent": channel not in one.said_no for channel in ("email", "sms")}
    signed_up_at = START - 100 * DAY_MS
    return ContactRecord(
        one.name, one.email, one.phone, zone=one.zone, signed_up_at=signed_up_at, consent_at=said_at, **wants
    )
