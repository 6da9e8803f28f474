"""What a source's rows say about consent, and which of it is news.

Statements with a time of their own stand at that time, whichever row or file they come in. A statement without one says
how things are now, as far as that source knows, and only matters where it changes what was known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from clm.domain.record import ContactRecord, OrderRecord
from clm.store.consents import Statement

_BY_ORDER = " order"
"""What the source of a consent that an order carried ends in: weaker than any statement about consent itself."""

Known = Mapping[tuple[int, str], Sequence[Statement]]
"""What has been stated before, by contact and channel, oldest first."""


def by_channel(statements: Iterable[Statement]) -> Known:
    """Statements by contact and channel, in the order given."""
    found: dict[tuple[int, str], list[Statement]] = defaultdict(list)
    for statement in statements:
        found[statement.contact_id, statement.channel].append(statement)
    return found


def of_contacts(told: Iterable[tuple[int, ContactRecord]], known: Known, *, source: str, now: int) -> list[Statement]:
    """What rows of a contacts feed state anew.

    A row without a time is news when nothing is known, or when the same source said otherwise before; it never undoes
    somebody else's withdrawal: a shop's export that still says "yes" a day after the person unsubscribed here must not
    bring them back. A time that lies ahead is taken for now, or a slip of a zone would outlast a later withdrawal.
    """
    found = []
    for contact_id, record in told:
        for channel, granted in _said(record):
            before = known.get((contact_id, channel), ())
            if record.consent_at is not None:
                at = _dated(min(record.consent_at, now), granted, before)
            else:
                if not _is_news(before, granted, source):
                    continue
                at = now if before or record.signed_up_at is None else min(record.signed_up_at, now)
            found.append(Statement(contact_id, channel, granted, at, source))
    return found


def of_orders(
    records: Iterable[OrderRecord], contact_ids: Mapping[str, int], known: Known, *, source: str, now: int
) -> list[Statement]:
    """The consent that orders carry, for contacts and channels of which nothing is known yet; the earliest of each.

    An order is no fresh consent: it never brings back one that was withdrawn or refused.
    """
    first: dict[tuple[int, str], Statement] = {}
    for record in records:
        contact_id = contact_ids[record.contact.external_id]
        for channel, granted in _said(record.contact):
            key = (contact_id, channel)
            if not granted or known.get(key):
                continue
            at = min(record.contact.consent_at or record.ordered_at, now)
            if key not in first or at < first[key].at:
                first[key] = Statement(contact_id, channel, True, at, source + _BY_ORDER)
    return list(first.values())


def _dated(at: int, granted: bool, before: Sequence[Statement]) -> int:
    """When a dated statement stands: its own time, but a "no" is never outdone by what only an order carried.

    Had the "no" come first, the order would not have been listened to; which file is read first must not matter.
    """
    if granted or any(one.granted and one.at > at and not one.source.endswith(_BY_ORDER) for one in before):
        return at
    return max([at, *(one.at for one in before if one.granted and one.source.endswith(_BY_ORDER))])


def _said(record: ContactRecord) -> Iterator[tuple[str, bool]]:
    if record.email_consent is not None:
        yield "email", record.email_consent
    if record.sms_consent is not None:
        yield "sms", record.sms_consent


def _is_news(before: Sequence[Statement], granted: bool, source: str) -> bool:
    if not before:
        return True
    own = [statement for statement in before if statement.source.removesuffix(_BY_ORDER) == source]
    others = [statement for statement in before if statement not in own]
    if own and own[-1].granted == granted:
        return False
    if not own and not granted:
        return False  # an old "no" of a shop is not news to somebody who said yes elsewhere
    return not (granted and others and not others[-1].granted)
