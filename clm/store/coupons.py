"""Coupons: codes that are free, held for a message that is being written, given to a contact, and closed.

A contact has one standing code of an offer at most. Whoever holds or gives codes has held their contacts before
(clm.store.contacted), so that nobody else decides on the same contact meanwhile; a free code is locked by whoever takes
it, and passed over by the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Text, select, text
from sqlalchemy.types import TypeEngine

from clm.store.contacted import NOT_LEFT
from clm.store.database import Found, Transaction
from clm.store.dialect import ids_in, ids_value, insert_many, lock, texts_in, texts_value, update_each, update_many
from clm.store.schema import coupons

_ISSUED: Mapping[str, TypeEngine[Any]] = {
    "now": BigInteger(),
    "expires_at": BigInteger(),
    "message_id": BigInteger(),
    "code": Text(),
}


class Standing(NamedTuple):
    """A code that a contact has, or that is held for them."""

    code: str
    contact_id: int
    offer: str
    issued_at: int | None
    """Null while it is only held."""
    expires_at: int | None
    message_id: int


class Holder(NamedTuple):
    """Who needs a code, and for which message."""

    contact_id: int
    message_id: int


class Terms(NamedTuple):
    """What a code is good for, kept with it: later changes of the offer are not about it."""

    uses: int
    for_friends: bool


def standing(tx: Transaction, contact_ids: Collection[int]) -> dict[tuple[int, str], Standing]:
    """The codes that the contacts have or that are held for them, run out or not, by contact and offer."""
    query = text(
        "SELECT code, contact_id, offer, issued_at, expires_at, message_id FROM coupons"
        f" WHERE contact_id IN {ids_in(tx)} AND closed_at IS NULL"
    )
    found = (Standing(*row) for row in tx.execute(query, {"ids": ids_value(tx, set(contact_ids))}))
    return {(one.contact_id, one.offer): one for one in found}


def close(tx: Transaction, codes: Collection[str], *, now: int) -> None:
    """Never give these out again."""
    if codes:
        statement = text(f"UPDATE coupons SET closed_at = :now WHERE code IN {texts_in(tx)}")
        tx.execute(statement, {"now": now, "texts": texts_value(tx, codes)})


def make(tx: Transaction, offer: str, made: Mapping[str, Holder], terms: Terms, *, now: int) -> set[str]:
    """Hold codes that were just made, each for somebody; returns those that nobody had had before."""
    columns = ("offer", "code", "pooled", "uses", "for_friends", "created_at", "contact_id", "message_id")
    rows = [(offer, code, False, *terms, now, *holder) for code, holder in made.items()]
    if insert_many(tx, coupons, columns, rows, on_conflict="ON CONFLICT DO NOTHING") == len(rows):
        return set(made)
    query = text(f"SELECT code, contact_id, message_id FROM coupons WHERE code IN {texts_in(tx)}")
    found = tx.execute(query, {"texts": texts_value(tx, made)})
    return {code for code, *holder in found if Holder(*holder) == made[code]}


def take(tx: Transaction, offer: str, holders: Sequence[Holder], terms: Terms) -> list[str]:
    """Hold free codes of a pool, the oldest first; as many as there are, in the order of the holders."""
    c = coupons.c
    free = (
        select(c.id, c.code)
        .where(c.offer == offer, c.contact_id.is_(None), c.closed_at.is_(None))
        .order_by(c.id)
        .limit(len(holders))
        .with_for_update(skip_locked=True)
    )
    found = tx.execute(free).all()
    rows = [(*holder, *terms, row.id) for row, holder in zip(found, holders, strict=False)]
    update_many(tx, coupons, ("contact_id", "message_id", "uses", "for_friends"), rows)
    return [row.code for row in found]


def hold_pool(tx: Transaction, offer: str) -> None:
    """Let one transaction at a time add codes to a pool, or put messages off because it is empty."""
    lock(tx, f"pool of {offer}")


def left(tx: Transaction, offer: str, *, at_most: int) -> int:
    """How many free codes a pool has, those included that others are just taking; counted up to `at_most`."""
    query = text(
        "SELECT COUNT(*) FROM (SELECT 1 FROM coupons WHERE offer = :offer AND contact_id IS NULL AND closed_at IS NULL"
        " LIMIT :at_most) AS free"
    )
    return int(tx.scalar(query, {"offer": offer, "at_most": at_most}) or 0)


def owners(tx: Transaction, codes: Collection[str]) -> dict[str, int]:
    """Whose those of the codes are that stand; they stay so until the transaction ends."""
    c = coupons.c
    given = text(f"coupons.code IN {texts_in(tx)}").bindparams(texts=texts_value(tx, codes))
    query = select(c.code, c.contact_id).where(given, c.contact_id.is_not(None), c.closed_at.is_(None))
    return {row.code: row.contact_id for row in tx.execute(query.order_by(c.id).with_for_update())}


def issue(tx: Transaction, carried: Sequence[tuple[str, int, int]], *, now: int) -> None:
    """Give the codes that messages carry, each (code, until when, which message).

    What another message has given before stays as that one gave it, and holds as long as either says.
    """
    mine = "(coupons.issued_at IS NULL OR coupons.message_id = {message_id})"
    statement = (
        f"UPDATE coupons SET issued_at = CASE WHEN {mine} THEN {{now}} ELSE coupons.issued_at END,"
        f" expires_at = CASE WHEN {mine} OR coupons.expires_at < {{expires_at}} THEN {{expires_at}}"
        " ELSE coupons.expires_at END,"
        " message_id = CASE WHEN coupons.issued_at IS NULL THEN {message_id} ELSE coupons.message_id END,"
        f" carried_again = coupons.carried_again OR NOT {mine} {{given}} WHERE coupons.code = {{code}}"
    )
    update_each(tx, statement, _ISSUED, [(now, until, message_id, code) for code, until, message_id in carried])


def hold_again(tx: Transaction, message_ids: Collection[int]) -> None:
    """Only hold what messages had given that never left: nobody has seen it, and it goes back with its message.

    In any doubt it stays given: an attempt of which nobody knows, another message that carried it, an order with it.
    """
    c = coupons.c
    by_these = text(f"coupons.message_id IN {ids_in(tx)}").bindparams(ids=ids_value(tx, message_ids))
    given = select(c.id).where(by_these, c.issued_at.is_not(None), c.closed_at.is_(None), ~c.carried_again)
    # Held first: an order with the code that is taken in meanwhile is waited for, and seen.
    ids = tx.scalars(given.order_by(c.id).with_for_update()).all()
    if ids:
        statement = text(
            f"UPDATE coupons SET issued_at = NULL, expires_at = NULL WHERE id IN {ids_in(tx)}"
            " AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.message_id = coupons.message_id"
            f" AND COALESCE(a.outcome, '') NOT IN {NOT_LEFT})"
            " AND NOT EXISTS (SELECT 1 FROM redemptions r WHERE r.coupon_id = coupons.id)"
        )
        tx.execute(statement, {"ids": ids_value(tx, ids)})


def never_seen(tx: Transaction, message_ids: Collection[int]) -> None:
    """Give back what messages carried that their provider refused for good or let lapse, in any doubt not."""
    if message_ids:
        hold_again(tx, message_ids)
        give_back(tx, message_ids)


def give_back(tx: Transaction, message_ids: Collection[int]) -> None:
    """Give back what is only held for messages that do not need it: to the pool, and what was made here to nobody."""
    held = f"message_id IN {ids_in(tx)} AND issued_at IS NULL AND closed_at IS NULL"
    given = {"ids": ids_value(tx, message_ids)}
    for pooled in tx.scalars(text(f"SELECT DISTINCT pooled FROM coupons WHERE {held}"), given).all():
        if pooled:
            tx.execute(text(f"UPDATE coupons SET contact_id = NULL, message_id = NULL WHERE {held} AND pooled"), given)
        else:
            tx.execute(text(f"DELETE FROM coupons WHERE {held} AND NOT pooled"), given)


def offers_of(tx: Transaction, codes: Collection[str]) -> dict[str, str]:
    """Which offer those of the codes are of that are known."""
    query = text(f"SELECT code, offer FROM coupons WHERE code IN {texts_in(tx)}")
    return {row.code: row.offer for row in tx.execute(query, {"texts": texts_value(tx, codes)})}


def add(tx: Transaction, offer: str, codes: Collection[str], *, now: int) -> int:
    """Add codes to a pool; those that are known are left alone. Returns how many were new."""
    rows = [(offer, code, True, now) for code in codes]
    columns = ("offer", "code", "pooled", "created_at")
    return insert_many(tx, coupons, columns, rows, on_conflict="ON CONFLICT DO NOTHING")


def census(tx: Transaction, *, now: int) -> dict[str, Found]:
    """How many codes of each offer are free, held, given, used and expired, each counted once; and their orders."""
    query = text(
        "SELECT c.offer, COUNT(*) AS codes, SUM(CASE WHEN r.orders IS NULL AND c.contact_id IS NULL THEN 1 ELSE 0 END)"
        " AS free, SUM(CASE WHEN r.orders IS NULL AND c.contact_id IS NOT NULL AND c.issued_at IS NULL THEN 1 ELSE 0"
        " END) AS held, SUM(CASE WHEN r.orders IS NULL AND c.expires_at > :now AND c.closed_at IS NULL THEN 1 ELSE 0"
        " END) AS given, COUNT(r.orders) AS used, SUM(CASE WHEN r.orders IS NULL AND c.issued_at IS NOT NULL"
        " AND (c.expires_at <= :now OR c.closed_at IS NOT NULL) THEN 1 ELSE 0 END) AS expired,"
        " COALESCE(SUM(r.orders), 0) AS orders FROM coupons c"
        " LEFT JOIN (SELECT coupon_id, COUNT(*) AS orders FROM redemptions GROUP BY coupon_id) AS r"
        " ON r.coupon_id = c.id GROUP BY c.offer ORDER BY c.offer"
    )
    return {row.offer: row for row in tx.execute(query, {"now": now})}


def find(tx: Transaction, code: str) -> Found | None:
    """All that is known of a code: whose it is (the source's own id), which message gave it, and until when."""
    query = text(
        "SELECT p.id, p.code, p.offer, p.pooled, p.uses, p.created_at, p.contact_id, p.issued_at, p.expires_at,"
        " p.closed_at, c.source, c.external_id AS contact, p.message_id, m.campaign, m.step FROM coupons p"
        " LEFT JOIN contacts c ON c.id = p.contact_id LEFT JOIN messages m ON m.id = p.message_id WHERE p.code = :code"
    )
    return tx.execute(query, {"code": code}).first()


def standing_codes(tx: Transaction, offer: str, *, now: int, after: int, limit: int) -> list[Found]:
    """A page of the codes of an offer that somebody may use, in the order of their ids: id, code, expires_at, uses."""
    query = text(
        "SELECT id, code, uses, issued_at, expires_at FROM coupons WHERE offer = :offer AND id > :after"
        " AND contact_id IS NOT NULL AND closed_at IS NULL AND (expires_at IS NULL OR expires_at > :now)"
        " ORDER BY id LIMIT :limit"
    )
    return list(tx.execute(query, {"offer": offer, "after": after, "now": now, "limit": limit}))
