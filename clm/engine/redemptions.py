"""Tells from orders which coupons were used: by whom they had been given to, or by a friend of theirs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from clm.domain.record import OWN_SOURCE, EventRecord
from clm.store import events, orders, redemptions
from clm.store.alerts import Matter, note
from clm.store.database import Transaction
from clm.store.orders import Placed
from clm.store.redemptions import Matched, Redemption

REDEEMED, REFERRED = "coupon_redeemed", "referral_made"


class Used(NamedTuple):
    """A coupon of ours that was entered for an order."""

    coupon: Matched
    order_id: int
    external_id: str
    """The order's, as its source says it."""
    contact_id: int
    """Who ordered."""
    at: int


def used(tx: Transaction, source: str, placed: Sequence[Placed]) -> list[Used]:
    """The coupons of ours that orders just put were placed with; looks nothing up where none was entered."""
    entered = {
        one.record.external_id: (one, one.record.coupon.split(","))
        for one in placed
        if one.record.kind == "order" and one.record.coupon
    }
    if not entered:
        return []
    ours = redemptions.matching(tx, {code for _, codes in entered.values() for code in codes})
    ids = orders.known(tx, source, entered.keys()) if ours else {}
    return [
        Used(ours[code], ids[external_id].id, external_id, one.contact_id, one.record.ordered_at)
        for external_id, (one, codes) in entered.items()
        for code in dict.fromkeys(codes)
        if code in ours
    ]


def owners(found: Sequence[Used]) -> dict[int, int]:
    """Who had been given the coupons, each with when one was used last; their profiles are to be held."""
    latest: dict[int, int] = {}
    for one in found:
        if one.coupon.contact_id is not None and one.coupon.issued_at is not None:
            latest[one.coupon.contact_id] = max(one.at, latest.get(one.coupon.contact_id, one.at))
    return latest


def redeem(tx: Transaction, found: Sequence[Used], *, now: int) -> None:
    """Keep which coupons were used for which orders, and tell their owners' stories; told again, it changes nothing.

    An order that is cancelled later does not give its coupon back: the code may be on a second one by then.
    """
    if not found:
        return
    rows = [Redemption(one.coupon.id, one.order_id, one.contact_id, one.at) for one in found]
    fresh = redemptions.record(tx, rows, now=now)
    _tell_overused(tx, {coupon_id for coupon_id, _ in fresh}, now=now)
    given = [
        (one, one.coupon.contact_id)
        for one in found
        if (one.coupon.id, one.order_id) in fresh
        and one.coupon.contact_id is not None
        and one.coupon.issued_at is not None
    ]
    handed_on = {(owner, one.contact_id) for one, owner in given if one.coupon.for_friends}
    own = redemptions.same_person(tx, handed_on) if handed_on else set()
    brought = [(one, owner) for one, owner in given if (owner, one.contact_id) in handed_on - own]
    again = redemptions.not_first(tx, {one.order_id for one, _ in brought}) if brought else set()
    told = [_redeemed(one, owner) for one, owner in given]
    told += [_referred(one, owner) for one, owner in brought if one.order_id not in again]
    events.add(tx, OWN_SOURCE, told, now=now)


def _tell_overused(tx: Transaction, coupon_ids: set[int], *, now: int) -> None:
    """Alert the team of codes that their shop took more often than they are good for, of each once."""
    for one in redemptions.overused(tx, coupon_ids) if coupon_ids else []:
        text = (
            f"code {one.code} of offer `{one.offer}` was used for {one.orders:,} orders, and is good for {one.uses:,}"
        )
        remedy = f"`clm coupons find {one.code}` lists them; see that your shop ends a code that is used up"
        note(tx, Matter("overused", one.code, text, remedy), now=now, once=True)


def _redeemed(one: Used, owner: int) -> tuple[EventRecord, int]:
    said = json.dumps({"offer": one.coupon.offer, "order_id": one.external_id}, ensure_ascii=False)
    name = f"coupon {one.coupon.id} order {one.order_id}"
    return EventRecord(name, str(owner), REDEEMED, one.at, said), owner


def _referred(one: Used, owner: int) -> tuple[EventRecord, int]:
    said = json.dumps({"order_id": one.external_id}, ensure_ascii=False)
    return EventRecord(f"referral order {one.order_id}", str(owner), REFERRED, one.at, said), owner
