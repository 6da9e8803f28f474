"""The life of one message: its states, and the only ways from one to another.

`TRANSITIONS` is the rule; `clm.store.messages` moves messages by it, and the diagram in docs/messages.md is made of it.
"""

from __future__ import annotations

from typing import Literal

MessageStatus = Literal["queued", "sending", "in_doubt", "sent", "refused", "rejected", "expired", "dead"]
STATUSES: tuple[MessageStatus, ...] = (
    "queued",
    "sending",
    "in_doubt",
    "sent",
    "refused",
    "rejected",
    "expired",
    "dead",
)

TRANSITIONS: dict[tuple[MessageStatus, MessageStatus], str] = {
    ("queued", "sending"): "authorised, and the intent to send recorded",
    ("queued", "refused"): "policy refused it: no consent, no address, goal reached, not eligible",
    ("queued", "expired"): "too late to be worth sending",
    ("queued", "dead"): "its words could not be made",
    ("sending", "sent"): "the provider accepted it",
    ("sending", "rejected"): "the provider refused it for good",
    ("sending", "queued"): "nothing can have left, or the channel is idempotent",
    ("sending", "in_doubt"): "the answer was lost",
    ("queued", "sent"): "evidence that an earlier hand-over was accepted after all",
    ("in_doubt", "sent"): "evidence that it was accepted",
    ("in_doubt", "rejected"): "evidence that it was refused",
    ("in_doubt", "queued"): "evidence that it was not sent",
    ("in_doubt", "dead"): "no evidence, and the campaign sends at most once",
}

ENDS: frozenset[MessageStatus] = frozenset(set(STATUSES) - {source for source, _ in TRANSITIONS})
