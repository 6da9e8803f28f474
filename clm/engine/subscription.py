"""What a person says about marketing messages to them: on a page, with one click, or by answering an SMS.

Stopping is a suppression of the address and a withdrawal for every contact who has it, in one transaction: the address
then gets nothing, whoever is said to own it, and nobody's next import undoes it. Starting again is a consent with its
proof; it lifts what the person has said, never what their mail provider has told us of the address.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from clm.domain.wish import Wish
from clm.errors import StoreBusyError
from clm.store import addressees, consents, profiles, suppressions, wishes
from clm.store.consents import Statement
from clm.store.database import Database, Found, Transaction

SubscribedChannel = Literal["email", "sms"]
CHANNELS: tuple[SubscribedChannel, ...] = ("email", "sms")
LIFTED = ("unsubscribed", "stopped", "sunset")
"""What a person takes back by wanting messages again: what they have said, and that we heard nothing of them."""

_TRIES_MAX = 5
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Choice:
    """One channel as it stands for one contact."""

    channel: SubscribedChannel
    address: str
    """Masked: whoever is forwarded a link must not learn it."""
    on: bool
    barred: str | None
    """The reason (clm.store.suppressions) for which it cannot be switched on by the person alone."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A contact, and what reaches them; only channels by which they have an address."""

    contact_id: int
    locale: str | None
    choices: tuple[Choice, ...]
    wish: Wish = field(default_factory=Wish)

    def gets(self, channel: SubscribedChannel) -> bool:
        """Whether marketing messages reach them by this channel."""
        return any(choice.on for choice in self.choices if choice.channel == channel)


def subscriber(database: Database, contact_id: int) -> Subscriber | None:
    """How things stand; None where there is no such contact. Changes nothing."""
    with database.read() as tx:
        contact = addressees.of(tx, contact_id)
        return None if contact is None else _as_it_stands(tx, contact)


def unsubscribe(database: Database, contact_id: int, *, source: str, now: int) -> Subscriber | None:
    """Let no more mail go to the contact's address; None where there is no such contact. Again changes nothing."""
    return choose(database, contact_id, {"email": False}, source=source, now=now)


def choose(
    database: Database,
    contact_id: int,
    wanted: Mapping[SubscribedChannel, bool],
    wish: Wish | None = None,
    *,
    source: str,
    now: int,
) -> Subscriber | None:
    """Switch channels on or off as the person wants, and note a wish; what stands so already is left alone.

    Off and the wish hold for every contact with the address, on for this one alone. `source` is the proof: where
    they have said it, and for what words. Committed, and on disk, when this returns.
    """
    return committed(database, lambda tx: chosen(tx, contact_id, wanted, wish, source=source, now=now))


def chosen(
    tx: Transaction,
    contact_id: int,
    wanted: Mapping[SubscribedChannel, bool],
    wish: Wish | None = None,
    *,
    source: str,
    now: int,
) -> Subscriber | None:
    """The same within a transaction of the caller's, for whom more follows from the choice."""
    contact = addressees.of(tx, contact_id)
    if contact is None:
        return None
    concerned = {channel: _holders(tx, contact, channel) for channel in wanted}
    readers = set() if wish is None else _holders(tx, contact, "email")
    profiles.hold(tx, set().union({contact_id}, readers, *concerned.values()))
    for choice in _as_it_stands(tx, contact).choices:
        on = wanted.get(choice.channel)
        if on is False:
            stop(tx, choice.channel, _address(contact, choice.channel), "unsubscribed", source=source, now=now)
        elif on and not choice.on and choice.barred is None:
            lift(tx, choice.channel, _address(contact, choice.channel), now=now)
            state(tx, [contact_id], choice.channel, granted=True, source=source, now=now)
    for channel, on in wanted.items():
        if on is False:  # also of whom we have no address any more: it may come back
            state(tx, concerned[channel], channel, granted=False, source=source, now=now)
    stood = wishes.of(tx, readers)
    for reader in sorted(readers):
        if wish is not None and wish != stood.get(reader, Wish()):
            wishes.put(tx, reader, wish, source=source, at=now)
    return _as_it_stands(tx, contact)


def stop(tx: Transaction, channel: SubscribedChannel, address: str, reason: str, *, source: str, now: int) -> bool:
    """Let nothing go to the address, whoever has it; False where that stood already for this reason."""
    return suppressions.suppress(tx, channel=channel, address=address, reason=reason, source=source, at=now)


def lift(tx: Transaction, channel: SubscribedChannel, address: str, *, now: int) -> int:
    """Take back what the person has said against messages to the address; returns how many reasons stood."""
    return sum(suppressions.lift(tx, channel=channel, address=address, reason=reason, at=now) for reason in LIFTED)


def state(
    tx: Transaction,
    contact_ids: Collection[int],
    channel: SubscribedChannel,
    *,
    granted: bool,
    source: str,
    now: int,
) -> None:
    """Append what the person has said to the consents of those of whom something else stood, or nothing.

    It is later than all that was said before, also where an import has told of an instant ahead of our clock.
    """
    profiles.hold(tx, contact_ids)
    latest = {one.contact_id: one for one in consents.of(tx, contact_ids) if one.channel == channel}
    fresh = []
    for contact_id in sorted(contact_ids):
        before = latest.get(contact_id)
        if before is None or before.granted != granted:
            at = now if before is None else max(now, before.at + 1)
            fresh.append(Statement(contact_id, channel, granted, at, source))
    consents.record(tx, fresh, now=now)
    profiles.recompute(tx, [one.contact_id for one in fresh], now=now)


def committed(database: Database, work: Callable[[Transaction], Result]) -> Result:
    """What `work` returns, once it is on disk; tried again where another transaction stood in the way."""
    for tries_left in reversed(range(_TRIES_MAX)):
        try:
            with database.write(durable=True) as tx:
                result = work(tx)
        except StoreBusyError:
            if not tries_left:
                raise
        else:
            return result
    raise AssertionError  # the last try returns or raises


def _as_it_stands(tx: Transaction, contact: Found) -> Subscriber:
    granted = {one.channel: one.granted for one in consents.of(tx, [contact.id])}  # oldest first: the latest counts
    choices = []
    for channel in CHANNELS:
        address = _address(contact, channel)
        if not address:
            continue
        rows = suppressions.standing(tx, channel=channel, address=address)
        reasons = [row.reason for row in rows if row.lifted_at is None]
        choices.append(
            Choice(
                channel,
                masked(channel, address),
                on=granted.get(channel, False) and not reasons,
                barred=next((reason for reason in reasons if reason not in LIFTED), None),
            )
        )
    wish = wishes.of(tx, [contact.id]).get(contact.id, Wish())
    return Subscriber(contact.id, contact.locale, tuple(choices), wish)


def _holders(tx: Transaction, contact: Found, channel: SubscribedChannel) -> set[int]:
    address = _address(contact, channel)
    return {contact.id, *(addressees.holders(tx, channel, [address]) if address else ())}


def _address(contact: Found, channel: SubscribedChannel) -> str:
    found: str | None = contact.email if channel == "email" else contact.phone
    return found or ""


def masked(channel: SubscribedChannel, address: str) -> str:
    """An address that its owner recognises and nobody else learns: a•••@example.com, •••123."""
    if channel == "sms":
        return f"•••{address[-3:]}"
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}•••@{domain}"
