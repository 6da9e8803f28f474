"""All that happened with one contact, newest first, a page at a time; and whose the messages of an outbox are."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, text

from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value
from clm.store.schema import (
    consents,
    contacts,
    coupons,
    decisions,
    delivery_events,
    events,
    group_history,
    messages,
    orders,
    profiles,
    redemptions,
    replies,
    stage_history,
)


class Place(NamedTuple):
    """Where something stands in the whole: at one instant (milliseconds) kinds and ids decide."""

    at: int
    kind: int
    id: int


class Entry(NamedTuple):
    """Something that happened, as its table tells it."""

    place: Place
    kind: str
    row: Found


KINDS = (
    "order",
    "event",
    "decision",
    "message",
    "delivery",
    "consent",
    "coupon",
    "redemption",
    "reply",
    "stage",
    "group",
)


def page(tx: Transaction, contact_id: int, *, before: Place | None, limit: int) -> list[Entry]:
    """The newest `limit` entries of all kinds that stand below `before`; each table is asked for so many at most."""
    found: list[Entry] = []
    for number, kind in enumerate(KINDS):
        query, at, row_id = _QUERIES[kind](contact_id)
        if before is not None:
            query = query.where(_below(at, row_id, number, before))
        query = query.order_by(at.desc(), row_id.desc()).limit(limit)
        found += [Entry(Place(row.entry_at, number, row.entry_id), kind, row) for row in tx.execute(query)]
    return sorted(found, key=lambda entry: entry.place, reverse=True)[:limit]


def _below(at: ColumnElement[Any], row_id: ColumnElement[Any], kind: int, before: Place) -> ColumnElement[bool]:
    if kind < before.kind:
        return at <= before.at
    if kind > before.kind:
        return at < before.at
    return or_(at < before.at, and_(at == before.at, row_id < before.id))


_Query = tuple[Select[Any], ColumnElement[Any], ColumnElement[Any]]


def _query(at: ColumnElement[Any], row_id: ColumnElement[Any], *columns: ColumnElement[Any]) -> _Query:
    return select(at.label("entry_at"), row_id.label("entry_id"), *columns), at, row_id


def _of(query: _Query, *where: ColumnElement[bool]) -> _Query:
    return query[0].where(*where), query[1], query[2]


def _orders(contact_id: int) -> _Query:
    o = orders.c
    found = _query(o.ordered_at, o.id, o.external_id, o.kind, o.original_amount, o.currency, o.cancels, o.coupon)
    return _of(found, o.contact_id == contact_id)


def _events(contact_id: int) -> _Query:
    e = events.c
    return _of(_query(e.at, e.id, e.name, e.properties, e.source), e.contact_id == contact_id)


def _decisions(contact_id: int) -> _Query:
    d = decisions.c
    return _of(_query(d.at, d.id, d.campaign, d.kind, d.reason, d.facts), d.contact_id == contact_id)


def _messages(contact_id: int) -> _Query:
    m = messages.c
    at = func.coalesce(m.sent_at, m.ended_at, m.created_at)
    columns = (m.campaign, m.step, m.channel, m.status, m.reason, m.due_at, m.subject, m.locale, m.segments)
    return _of(_query(at, m.id, *columns), m.contact_id == contact_id)


def _delivery(contact_id: int) -> _Query:
    d, m = delivery_events.c, messages.c
    columns = (d.kind, d.by_machine, d.detail, d.provider, m.campaign, m.step, m.channel)
    query, at, row_id = _query(d.at, d.id, *columns)
    return query.join(messages, m.id == d.message_id).where(m.contact_id == contact_id), at, row_id


def _consents(contact_id: int) -> _Query:
    c = consents.c
    return _of(_query(c.at, c.id, c.channel, c.granted, c.source), c.contact_id == contact_id)


def _coupons(contact_id: int) -> _Query:
    c = coupons.c
    at = func.coalesce(c.issued_at, c.created_at)
    columns = (c.offer, c.code, c.issued_at, c.expires_at, c.closed_at)
    return _of(_query(at, c.id, *columns), c.contact_id == contact_id)


def _redemptions(contact_id: int) -> _Query:
    r, c, o = redemptions.c, coupons.c, orders.c
    query, at, row_id = _query(r.at, r.order_id, c.offer, c.code, o.external_id.label("order_id"))
    joined = query.join(coupons, c.id == r.coupon_id).join(orders, o.id == r.order_id)
    return joined.where(r.contact_id == contact_id), at, row_id


def _replies(contact_id: int) -> _Query:
    r = replies.c
    return _of(_query(r.at, r.id, r.text, r.meaning, r.answer), r.contact_id == contact_id)


def _stages(contact_id: int) -> _Query:
    s = stage_history.c
    return _of(_query(s.since, literal(0), s.name, s.until, s.lifecycle_number), s.contact_id == contact_id)


def _groups(contact_id: int) -> _Query:
    g = group_history.c
    return _of(_query(g.since, literal(0), g.name, g.until), g.contact_id == contact_id)


_QUERIES = {
    "order": _orders,
    "event": _events,
    "decision": _decisions,
    "message": _messages,
    "delivery": _delivery,
    "consent": _consents,
    "coupon": _coupons,
    "redemption": _redemptions,
    "reply": _replies,
    "stage": _stages,
    "group": _groups,
}


def contact(tx: Transaction, contact_id: int) -> Found | None:
    """Who a contact is, with every column of theirs; None where there is no such contact."""
    return tx.execute(select(contacts).where(contacts.c.id == contact_id)).one_or_none()


def profile(tx: Transaction, contact_id: int) -> Found | None:
    """Every fact of a contact, by its name; None where there is no such contact."""
    return tx.execute(select(profiles).where(profiles.c.contact_id == contact_id)).one_or_none()


def bought(tx: Transaction, order_ids: Collection[int]) -> dict[int, list[Found]]:
    """What stands on orders, by order and in the order of its lines: quantity, and name, or the product's own id."""
    found: dict[int, list[Found]] = {}
    if order_ids:
        query = text(
            "SELECT l.order_id, l.quantity, COALESCE(l.name, p.name, l.product_id) AS name FROM order_lines l"
            " JOIN orders o ON o.id = l.order_id"
            " LEFT JOIN products p ON p.source = o.source AND p.product_id = l.product_id"
            f" WHERE l.order_id IN {ids_in(tx)} ORDER BY l.order_id, l.number"
        )
        for row in tx.execute(query, {"ids": ids_value(tx, order_ids)}):
            found.setdefault(row.order_id, []).append(row)
    return found


def find(tx: Transaction, wanted: str, *, limit: int) -> list[Found]:
    """Contacts whose id at the shop, e-mail or phone it is; in part: clm.store.finding."""
    c = contacts.c
    found = text("lower(contacts.email) = :email").bindparams(email=wanted.lower())
    where = or_(c.external_id == wanted, found, c.phone == wanted, c.phone == f"+{wanted}")
    return list(tx.execute(listed().where(where).order_by(c.id).limit(limit)))


def latest(tx: Transaction, *, limit: int) -> list[Found]:
    """The contacts of whom something was heard last; the same columns, and last_activity_at."""
    p = profiles.c
    query = listed().join(profiles, p.contact_id == contacts.c.id).where(p.last_activity_at.is_not(None))
    return list(tx.execute(query.order_by(p.last_activity_at.desc()).limit(limit)))


def listed() -> Select[Any]:
    """Contacts as lists show them: id, source, external_id, email, phone, names, country, locale."""
    c = contacts.c
    return select(c.id, c.source, c.external_id, c.email, c.phone, c.first_name, c.last_name, c.country, c.locale)


def enrolled(tx: Transaction, contact_id: int) -> list[Found]:
    """The campaigns a contact is or was in, newest first."""
    query = text(
        "SELECT campaign, version, status, exit_reason, entered_at, ended_at, goal_at, holdout, next_due_at"
        " FROM enrolments WHERE contact_id = :id ORDER BY entered_at DESC, id DESC"
    )
    return list(tx.execute(query, {"id": contact_id}))


def sent_as(tx: Transaction, message_ids: Collection[int]) -> dict[int, Found]:
    """What messages belong to, by id: campaign, step, contact_id, locale, status."""
    if not message_ids:
        return {}
    query = text(f"SELECT id, campaign, step, contact_id, locale, status FROM messages WHERE id IN {ids_in(tx)}")
    return {row.id: row for row in tx.execute(query, {"ids": ids_value(tx, message_ids)})}
