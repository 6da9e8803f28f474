"""What happened with one contact, in sentences: a word for the kind of each, a line, and what is to be added."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from babel.numbers import format_currency, get_currency_precision

from clm.domain.fact import FACTS
from clm.domain.instant import to_ms
from clm.store import timeline
from clm.store.database import Found, Transaction
from clm.store.timeline import Entry, Place

_DETAIL_CHARACTERS_MAX = 600
_ISO = "%Y-%m-%dT%H:%M:%SZ"
_INSTANTS_FROM = 100_000_000_000
"""Milliseconds since 1970 are more than that, and no other number is that conditions speak of."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a timeline; `at` is milliseconds since 1970 UTC."""

    at: int
    icon: str
    """A word for what kind of thing it is."""
    title: str
    detail: str
    message_id: int | None = None
    """Of a message that was handed over, here or at a provider."""
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of one; the next begins below `before`."""

    moments: list[Moment]
    before: Place | None


_LISTED_MAX = 5


When = Callable[[int], str]
"""How an instant, milliseconds since 1970 UTC, is written by the clock of the shop."""


def timeline_of(
    tx: Transaction, contact_id: int, *, before: Place | None, limit: int, currency: str, when: When
) -> Timeline:
    """What happened with a contact, newest first; `currency` is that of the facts, `when` writes what it names."""
    entries = timeline.page(tx, contact_id, before=before, limit=limit + 1)
    more = len(entries) > limit
    shown = entries[:limit]
    bought = timeline.bought(tx, [entry.place.id for entry in shown if entry.kind == "order"])
    moments = [_moment(entry, currency, when, bought.get(entry.place.id, ())) for entry in shown]
    return Timeline(moments, shown[-1].place if more else None)


def _moment(entry: Entry, currency: str, when: When, bought: Iterable[Found]) -> Moment:
    icon, title, detail = _TOLD[entry.kind](entry.row, when)
    if entry.kind == "order":
        detail = "; ".join(filter(None, (" · ".join(f"{line.quantity} × {line.name}" for line in bought), detail)))
    if entry.kind == "decision":
        detail = _facts(_object(entry.row.facts), currency, when)
    told = Moment(entry.place.at, icon, title, detail[:_DETAIL_CHARACTERS_MAX])
    if entry.kind == "message" and entry.row.status == "sent":
        return replace(told, message_id=entry.place.id, channel=entry.row.channel)
    return told


Told = tuple[str, str, str]


def _order(row: Found, _: When) -> Told:
    of = f" of {row.cancels}" if row.cancels else ""
    code = f"with the code {row.coupon}" if row.coupon else ""
    return row.kind, f"{row.external_id}{of}, {money(row.original_amount, row.currency)}", code


def _event(row: Found, _: When) -> Told:
    said = _object(row.properties)
    if row.name == "survey_answered":
        mark = said.pop("score", None)
        answered = f"answered {said.pop('survey', 'a survey')}"
        return "answer", answered + (f": {mark}" if mark is not None else ""), _pairs(said)
    icon = "ticket" if row.name.startswith("ticket_") else "event"
    return icon, row.name.replace("_", " "), _pairs(said)


def _decision(row: Found, _: When) -> Told:
    return "decision", f"{row.campaign}: {row.kind.replace('_', ' ')}, {row.reason}", ""


def _message(row: Found, when: When) -> Told:
    by = {"email": "e-mail", "sms": "SMS", "staff": "to the team", "webhook": "to a program"}[row.channel]
    told = row.subject or ""
    if row.status == "queued":
        told = f"due {when(row.due_at)}" + (f", {row.reason}" if row.reason else "")
    elif row.reason:
        told = row.reason
    parts = f", {row.segments} segments" if row.segments else ""
    return "message", f"{row.status.replace('_', ' ')}: {row.campaign} / {row.step}, {by}{parts}", told


def _delivery(row: Found, _: When) -> Told:
    machine = " by a machine" if row.by_machine else ""
    return "delivery", f"{row.kind.replace('_', ' ')}{machine}: {row.campaign} / {row.step}", row.detail or ""


def _consent(row: Found, _: When) -> Told:
    return "consent", f"{'gave' if row.granted else 'withdrew'} consent to {row.channel}", row.source


def _coupon(row: Found, when: When) -> Told:
    state = "was given" if row.issued_at is not None else "is kept for them"
    until = f"holds until {when(row.expires_at)}" if row.expires_at else ""
    return "coupon", f"{row.code} ({row.offer}) {state}", f"{until}{', closed' if row.closed_at else ''}".strip(", ")


def _redemption(row: Found, _: When) -> Told:
    return "coupon", f"used {row.code} ({row.offer})", f"for order {row.order_id}"


def _reply(row: Found, _: When) -> Told:
    return "reply", f"SMS: {row.text}", f"understood as {row.meaning}" if row.meaning else ""


def _stage(row: Found, _: When) -> Told:
    again = f", lifecycle {row.lifecycle_number}" if row.lifecycle_number > 1 else ""
    return "stage", f"came into {row.name}{again}", ""


def _group(row: Found, _: When) -> Told:
    return "group", f"came into {row.name.replace('_', ' ')}", ""


_TOLD: dict[str, Callable[[Found, When], Told]] = {
    "order": _order,
    "event": _event,
    "decision": _decision,
    "message": _message,
    "delivery": _delivery,
    "consent": _consent,
    "coupon": _coupon,
    "redemption": _redemption,
    "reply": _reply,
    "stage": _stage,
    "group": _group,
}


def _facts(known: dict[str, Any], currency: str, when: When) -> str:
    """The facts that a decision was made by, as people write them."""
    return _pairs({name: _fact(name, value, currency, when) for name, value in known.items()})


def _fact(name: str, value: Any, currency: str, when: When) -> Any:
    if isinstance(value, dict):  # those that one guard was asked by
        told = _facts(value, currency, when)
        return f"({told})" if told else None
    if isinstance(value, str):  # also when quiet hours end, or a message is too late
        try:
            return when(to_ms(datetime.strptime(value, _ISO).replace(tzinfo=UTC)))
        except ValueError:
            return value
    kind = FACTS[name].type if name in FACTS else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if kind == "time" or (kind is None and value > _INSTANTS_FROM):  # when an event was: last('order_delivered')
        return when(int(value))
    return money(int(value), currency) if kind == "money" else f"{round(value, 2):.15g}"


def money(amount: int, currency: str) -> str:
    """Minor units as people write them, in English."""
    return format_currency(amount / 10 ** get_currency_precision(currency), currency, locale="en_GB")


def _object(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _pairs(said: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')}: {_plain(value)}" for name, value in said.items() if value is not None)


def _plain(value: Any) -> Any:
    """A value as people write it: of a basket's `items` how many of which product, of long lists the first few."""
    if isinstance(value, list):
        more = f" and {len(value) - _LISTED_MAX} more" if len(value) > _LISTED_MAX else ""
        return "; ".join(str(_plain(one)) for one in value[:_LISTED_MAX]) + more
    if isinstance(value, dict) and "product_id" in value:
        return f"{value.get('quantity') or 1} × {value['product_id']}"
    return value
