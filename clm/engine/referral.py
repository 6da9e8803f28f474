"""What somebody who was sent by a friend is shown: the friend's code, and nothing about the friend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clm.domain.offer import Offer
from clm.store import addressees, coupons
from clm.store.database import Database


@dataclass(frozen=True, slots=True)
class Invitation:
    """The code that a contact has to hand on; none where it has run out, or was used up."""

    code: str | None
    offer: Offer | None
    expires_at: int | None
    zone: str
    """In which the code's last day ends."""


def invitation(
    database: Database, offers: Mapping[str, Offer], contact_id: int, *, zone: str, now: int
) -> Invitation | None:
    """What the link of a contact leads to; None where there is no such contact. Changes nothing.

    `zone` is the shop's own, for contacts of whom none is known.
    """
    with database.read() as tx:
        if addressees.of(tx, contact_id) is None:
            return None
        zone = addressees.zone_of(tx, contact_id) or zone
        for (_, name), standing in sorted(coupons.standing(tx, [contact_id]).items()):
            offer = offers.get(name)
            if offer is None or not offer.for_friends or standing.issued_at is None:
                continue
            if standing.expires_at is not None and standing.expires_at > now:
                return Invitation(standing.code, offer, standing.expires_at, zone)
    return Invitation(None, None, None, zone)
