"""The life of a message: the table of its ways, and the picture of it."""

from __future__ import annotations

from clm.domain.message import ENDS, STATUSES, TRANSITIONS, MessageStatus
from tests.conftest import PROJECT

DOCUMENT = PROJECT / "docs" / "messages.md"


def test_ends_have_no_way_out() -> None:
    """What was sent, refused, rejected, expired or given up stays so."""
    assert {"sent", "refused", "rejected", "expired", "dead"} == ENDS
    assert not [way for way in TRANSITIONS if way[0] in ENDS]


def test_every_status_can_be_reached_and_can_end() -> None:
    """No status is only a word, and no message is caught for ever."""
    assert _reached("queued") == set(STATUSES)
    assert all(_reached(status) & ENDS for status in STATUSES)


def test_the_document_shows_the_ways_there_are() -> None:
    """docs/messages.md holds the diagram that the table makes; on a difference, copy it from this failure."""
    assert diagram() in DOCUMENT.read_text(encoding="utf-8"), f"put this into {DOCUMENT.name}:\n{diagram()}"


def _reached(status: MessageStatus) -> set[MessageStatus]:
    found = {status}
    while more := {after for before, after in TRANSITIONS if before in found} - found:
        found |= more
    return found


def diagram() -> str:
    """The ways of TRANSITIONS as a Mermaid state diagram."""
    # Mermaid takes a second colon for the end of a description.
    ways = [f"    {before} --> {after}: {why.replace(':', ' –')}" for (before, after), why in TRANSITIONS.items()]
    ends = [f"    {status} --> [*]" for status in STATUSES if status in ENDS]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> queued: a step is due", *ways, *ends, "```"])
