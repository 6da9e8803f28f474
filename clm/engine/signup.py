"""Somebody asks for our letters on a page, and confirms from their own mailbox that they do (double opt-in).

Asking makes a contact without consent and an event, for which the campaign `confirm` writes one letter; only the
button that this letter leads to is consent. Later they say that they want the letters still, or how.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256

from clm.domain.instant import HOUR_MS
from clm.domain.record import OWN_SOURCE, ContactRecord, EventRecord
from clm.domain.wish import Wish
from clm.engine.ingest import Ingest
from clm.engine.subscription import SubscribedChannel, Subscriber, chosen, committed, subscriber
from clm.store import addressees, consents, contacts, events, profiles
from clm.store.database import Database, Transaction

ASKED = "signup_requested"
CONFIRMED = "signup_confirmed"
SAVED = "preferences_saved"
_MINUTE_MS = HOUR_MS // 60
_FIELDS = frozenset({"contact", "email", "first_name", "locale", "signed_up_at", "acquisition_source"})


def ask(
    database: Database,
    email: str,
    *,
    first_name: str | None,
    locale: str,
    friend_of: int | None = None,
    now: int,
) -> list[int]:
    """Note that somebody wants letters to an address, at most once an hour; `friend_of` is who sent them.

    Returns the contacts who have the address; whether it was known is told to nobody. Raises StoreError where nothing
    could be noted.
    """
    with database.read() as tx:
        known = addressees.holders(tx, "email", [email])
    # By its hash, so that two that ask at once are one contact.
    external_id = sha256(email.lower().encode()).hexdigest()[:24]
    if not known:
        person = ContactRecord(
            external_id,
            email=email,
            first_name=first_name,
            locale=locale,
            signed_up_at=now,
            acquisition_source="signup form" if friend_of is None else "friend",
        )
        Ingest(database, OWN_SOURCE, "contacts", "signup form", lambda: _FIELDS, now).run([person])
    how = {"how": "form" if friend_of is None else "friend"}

    def work(tx: Transaction) -> list[int]:
        own = contacts.known(tx, OWN_SOURCE, [external_id]).get(external_id)
        # By their address where an import has made them somebody meanwhile whom the shop knows by another name.
        whose = known or ([own.id] if own is not None else addressees.holders(tx, "email", [email]))
        _note(tx, f"{ASKED} {whose[0]} {now // HOUR_MS}", ASKED, whose[0], how, now=now)
        return whose

    return committed(database, work)


def asking(database: Database, contact_id: int, *, theirs: Callable[[str], bool]) -> Subscriber | None:
    """Whoever is asked to confirm; None where there is no such contact, or their address is not `theirs` any more."""
    with database.read() as tx:
        if not _known_by(tx, contact_id, theirs):
            return None
    return subscriber(database, contact_id)


def confirm(
    database: Database, contact_id: int, *, theirs: Callable[[str], bool], source: str, now: int
) -> Subscriber | None:
    """Take the button for consent to e-mail; None as of `asking`. Again changes nothing.

    `source` is the proof: the page, the language and the wording that they saw.
    """

    def work(tx: Transaction) -> Subscriber | None:
        if not _known_by(tx, contact_id, theirs):
            return None
        found = chosen(tx, contact_id, {"email": True}, source=source, now=now)
        if found is not None and found.gets("email"):
            # Not later: the page has no button for whoever gets letters, and nobody would press it again.
            _confirmed(tx, contact_id, now=now)
        return found

    return committed(database, work)


def _known_by(tx: Transaction, contact_id: int, theirs: Callable[[str], bool]) -> bool:
    contact = addressees.of(tx, contact_id)
    return contact is not None and contact.email is not None and theirs(contact.email)


def save(
    database: Database,
    before: Subscriber,
    wanted: Mapping[SubscribedChannel, bool],
    wish: Wish,
    *,
    source: str,
    came: bool,
    now: int,
) -> Subscriber | None:
    """Keep what somebody says on the preference page; None where there is no such contact.

    Saying anything that is new, or with `came` anything at all, is a sign of life, as a click is: an event tells in
    `letters` whether mail reaches them now. Once a minute, so that no button fills the table.
    """

    def work(tx: Transaction) -> Subscriber | None:
        after = chosen(tx, before.contact_id, wanted, wish, source=source, now=now)
        if after is not None and (came or after != before):
            letters = "yes" if after.gets("email") else "no"
            external_id = f"{SAVED} {after.contact_id} {letters} {now // _MINUTE_MS}"
            _note(tx, external_id, SAVED, after.contact_id, {"letters": letters}, now=now)
            profiles.note_reactions(tx, {after.contact_id: now})
        return after

    return committed(database, work)


def _confirmed(tx: Transaction, contact_id: int, *, now: int) -> None:
    """Once for each consent, so that a button pressed again tells nothing new."""
    given = max(one.at for one in consents.of(tx, [contact_id]) if one.channel == "email" and one.granted)
    external_id = f"{CONFIRMED} {contact_id} {given}"
    if not events.known(tx, OWN_SOURCE, [external_id]):
        contacts.signed_up(tx, contact_id, at=now)  # until then they had only asked; the welcome begins now
        _note(tx, external_id, CONFIRMED, contact_id, {}, now=now)


def _note(
    tx: Transaction, external_id: str, name: str, contact_id: int, properties: dict[str, str], *, now: int
) -> None:
    profiles.hold(tx, [contact_id])
    if events.known(tx, OWN_SOURCE, [external_id]):
        return
    record = EventRecord(external_id, str(contact_id), name, now, json.dumps(properties, sort_keys=True))
    events.add(tx, OWN_SOURCE, [(record, contact_id)], now=now)
    profiles.recompute(tx, [contact_id], now=now)
