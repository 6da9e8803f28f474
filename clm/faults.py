"""The points at which a process may die, wake up late, or lose its database, each named where the real code passes it.

`reach` costs one comparison and does nothing, until a test has armed it: the crash suite kills a process at each point,
the simulation decides at each point who goes on. Nothing in clm arms it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class FaultPoint(StrEnum):
    """Where the life of a message may be interrupted, in the order in which it passes."""

    BEFORE_LEASE = "before_lease"
    LEASE_COMMITTED = "lease_committed"
    RENDERING = "rendering"
    RENDERED = "rendered"
    """Words are made and nothing is decided: an opt-out or an order may be committed now."""
    INSIDE_INTENT = "inside_intent"
    INTENT_COMMITTED = "intent_committed"
    """The intent is recorded and nothing has been sent."""
    ANSWER_IN_HAND = "answer_in_hand"
    """The provider has answered, and nobody else knows."""
    INSIDE_SETTLEMENT = "inside_settlement"
    SETTLED = "settled"
    INSIDE_RECOVERY = "inside_recovery"
    """A sweeper has moved what a dead dispatcher held, and has not committed."""
    EVENTS_CHECKED = "events_checked"
    """A webhook's signature is right, and nothing is stored."""
    INSIDE_EVENTS = "inside_events"
    EVENTS_COMMITTED = "events_committed"
    """A webhook's events are stored, and the provider has no answer yet."""


_hook: Callable[[FaultPoint], None] | None = None


def reach(point: FaultPoint) -> None:
    """Say that the code has come to `point`."""
    if _hook is not None:
        _hook(point)


def arm(hook: Callable[[FaultPoint], None] | None) -> None:
    """Let `hook` be called at every point from now on; None lets nothing be called."""
    global _hook  # noqa: PLW0603 - one process has one fate
    _hook = hook
