"""What clm promises, each as a comparison of its tables with the history of what really happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from clm.domain.campaign import Campaign
from clm.domain.content import TEAM
from clm.domain.message import ENDS
from clm.domain.policy import Policy
from tests.reliability.simulation import words
from tests.reliability.simulation.codes import letter_faults
from tests.reliability.simulation.history import Authorised, HandOver, History
from tests.reliability.simulation.provider import LEASE_MS

OPEN_HOUR, CLOSE_HOUR = 9, 20
IN_DOUBT = "in doubt"
NO_CODE = "no code of offer"


class Held(NamedTuple):
    """What a campaign's file and the policy say, as far as promises depend on it."""

    campaigns: Mapping[str, Campaign]
    policy: Policy

    def repeats(self, campaign: str) -> bool:
        """Whether the campaign would rather say something twice than not at all."""
        return self.campaigns[campaign].delivery == "at_least_once"

    def aims(self, campaign: str) -> bool:
        """Whether who has ordered again is left in peace."""
        goal = self.campaigns[campaign].goal
        return goal is not None and goal.when == "ordered_since_entry"

    def waits(self, campaign: str) -> bool:
        """Whether whom something is owed gets nothing of it meanwhile."""
        return self.campaigns[campaign].service_first == "hold"


def hand_over_faults(
    one: HandOver, history: History, authorised: Authorised | None, held: Held, *, status: str, clock: int
) -> Iterator[str]:
    """What is wrong with handing this message over, now."""
    message = one.message
    if authorised is None or status != "sending":
        yield f"is handed over without a recorded intent (it is {status})"
        return
    offer = words.GIVING.get((message.campaign, message.step))
    yield from _timely(one, authorised, clock)
    yield from letter_faults(one.told, offer, history.codes, authorised.spent)
    if message.channel in TEAM:
        yield from _task(one, history)
    else:
        yield from _lawful(one, authorised)
        yield from _wanted(one, authorised, held)
    if _counts(one):
        yield from _within_caps(one, history, held.policy)
    yield from _once(one, history, authorised, held)


def _counts(one: HandOver) -> bool:
    """Whether caps and hours are about it."""
    return one.message.purpose == "marketing" and one.message.channel not in TEAM


def _task(one: HandOver, history: History) -> Iterator[str]:
    """What goes to the team is about a low mark, and each low mark has a task of its own."""
    if one.to != words.brand().team.email:
        yield "is for the team and goes to somebody else"
    if one.message.trigger not in history.answers.low():
        yield f"has the team look into {one.message.trigger}, which is no low mark"


def _lawful(one: HandOver, authorised: Authorised) -> Iterator[str]:
    message = one.message
    where = (message.channel, one.to)
    if where in authorised.suppressed:
        yield f"goes to an address that was suppressed before ({', '.join(sorted(authorised.suppressed[where]))})"
    person = authorised.people[message.contact]
    if message.purpose == "marketing" and message.channel in person.said_no:
        yield "goes to somebody who had said no before"
    if person.address(message.channel) != one.to:
        yield "goes to an address that was no longer theirs"


def _timely(one: HandOver, authorised: Authorised, clock: int) -> Iterator[str]:
    message = one.message
    if one.at < message.due_at:
        yield f"leaves {message.due_at - one.at} ms before it is due"
    if one.at > message.expires_at:
        yield f"leaves {one.at - message.expires_at} ms after it has expired"
    if authorised.clock - one.at > LEASE_MS:
        yield f"was authorised for an instant {authorised.clock - one.at} ms ago"
    if clock > authorised.clock + LEASE_MS:
        yield f"leaves {clock - authorised.clock} ms after its intent, when its lease has run out"
    zone = ZoneInfo(authorised.people[message.contact].zone)
    local = datetime.fromtimestamp(one.at / 1000, zone)
    if _counts(one) and not OPEN_HOUR <= local.hour < CLOSE_HOUR:
        yield f"leaves at {local:%H:%M} where they live"


def _wanted(one: HandOver, authorised: Authorised, held: Held) -> Iterator[str]:
    message = one.message
    if message.held_out:
        yield "goes to somebody who is held out"
    if held.aims(message.campaign) and authorised.people[message.contact].last_order_at > message.entered_at:
        yield "goes to somebody who had reached the goal before"
    if held.waits(message.campaign) and _counts(one) and message.contact in authorised.owed:
        yield "promotes something to somebody whose low mark nobody had put right"


def _within_caps(one: HandOver, history: History, policy: Policy) -> Iterator[str]:
    """Counting everything that may have left, each message at the latest instant at which it may have."""
    latest = {
        each.message.id: each
        for each in history.by_contact[one.message.contact]
        if _counts(each) and each.message.id != one.message.id and each.may_have_left
    }
    for cap in policy.caps:
        if cap.channel not in {one.message.channel, "any"}:
            continue
        counted = [
            each
            for each in latest.values()
            if cap.channel in {each.message.channel, "any"} and each.at > one.at - cap.within
        ]
        if len(counted) >= cap.at_most:
            yield f"is one more than {cap.at_most} by {cap.channel} ({[each.message.id for each in counted]} before)"
    gap = policy.gaps.get(one.message.channel, 0)
    for each in latest.values():
        if each.message.channel == one.message.channel and each.at + gap > one.at:
            yield f"comes {one.at - each.at} ms after message {each.message.id}"


def _once(one: HandOver, history: History, authorised: Authorised, held: Held) -> Iterator[str]:
    """Handed over again only when nothing can have left before or, on request, when nobody knows after all the time."""
    before = [each for each in history.by_key[one.message.key] if each is not one]
    for each in before:
        if each.answer == "not_sent":
            if one.came_at < each.not_before and one.turned == each.turned:
                yield f"comes {each.not_before - one.came_at} ms before the provider wants to see it again"
        elif each.answer == "rejected" and each.settled:
            yield "is handed over again after it was refused"
        elif not held.repeats(one.message.campaign):
            yield f"may go out a second time (before: {each.answer})"
        elif each.message.id in authorised.told_of:
            yield "goes out a second time although an event had told that it was accepted"
        elif each.answer == "accepted" and each.settled:
            yield "goes out a second time although the provider had said that it was accepted"
        elif one.turned == each.turned and one.at - each.at < held.policy.delivery.silence - LEASE_MS:
            # Looked for up to a lease ago; and clocks that were turned show another time.
            yield f"goes out a second time after {one.at - each.at} ms of silence"


class Row(NamedTuple):
    """A message as clm's table shows it."""

    id: int
    status: str
    reason: str | None
    campaign: str
    contact_id: int
    expires_at: int
    ended_at: int | None


class Ends:
    """Remembers how messages ended, because an end never changes."""

    def __init__(self) -> None:
        self._seen: dict[int, Row] = {}

    def faults(self, rows: Sequence[Row], history: History, held: Held) -> Iterator[str]:
        """What is wrong with the messages as they stand."""
        for row in rows:
            before = self._seen.get(row.id)
            if before is not None and (before.status, before.reason) != (row.status, row.reason):
                yield f"message {row.id} had ended as {before.status} ({before.reason}) and is {row.status} now"
            if row.status in ENDS:
                self._seen[row.id] = row
                if row.status != "sent" and not row.reason:
                    yield f"message {row.id} ended as {row.status} without a reason"
                if row.status == "dead" and IN_DOUBT not in (row.reason or ""):
                    yield f"message {row.id} is dead: {row.reason}"
                if NO_CODE in (row.reason or "") and (row.status != "expired" or (row.ended_at or 0) < row.expires_at):
                    yield f"message {row.id} ended as {row.status} before its deadline, for want of a code"
            yield from (f"message {row.id} {fault}" for fault in _true(row, history, held))
        in_hand = Counter(row.contact_id for row in rows if row.status == "sending")
        yield from (f"contact {who} is sent {count} messages at once" for who, count in in_hand.items() if count > 1)


def _true(row: Row, history: History, held: Held) -> Iterator[str]:
    """Whether the status says what really happened."""
    handed = history.by_message.get(row.id, [])
    accepted = [one for one in handed if one.accepted]
    if row.status == "sent" and not accepted:
        yield "is sent, and the provider never accepted it"
    if row.status in {"sending", "in_doubt", "sent"} or not accepted:
        return
    if row.status == "dead" and IN_DOUBT in (row.reason or ""):
        if held.repeats(row.campaign):
            yield "ended in doubt, although its campaign would have it sent again"
        return
    if not held.repeats(row.campaign):
        yield f"was accepted and is {row.status} ({row.reason})"


def event_faults(stored: Sequence[tuple[str, str]], history: History) -> Iterator[str]:
    """Each event that was acknowledged is kept, once, and nothing else is."""
    counted = Counter(stored)
    yield from (f"event {event} is kept {count} times" for event, count in counted.items() if count > 1)
    lost = history.acknowledged - counted.keys()
    yield from (f"event {event} was acknowledged and is not kept" for event in sorted(lost))
    made_up = counted.keys() - history.told
    yield from (f"event {event} was never told" for event in sorted(made_up))


def cap_faults(history: History, policy: Policy) -> Iterator[str]:
    """What contacts really got, whatever anybody thought: never more than the caps in any stretch of time."""
    for contact, handed in history.by_contact.items():
        got = sorted({one.message.id: one for one in handed if one.accepted}.values(), key=lambda one: one.at)
        promoted = [one for one in got if _counts(one)]
        for cap in policy.caps:
            times = [one.at for one in promoted if cap.channel in {one.message.channel, "any"}]
            for first, last in zip(times, times[cap.at_most :], strict=False):
                if last - first < cap.within:
                    yield f"{contact} got more than {cap.at_most} by {cap.channel} within {cap.within} ms"


def attempt_faults(attempts: Sequence[tuple[int, int]], history: History) -> Iterator[str]:
    """Each hand-over stands in the attempts, and they are numbered without a gap."""
    numbers: dict[int, list[int]] = {}
    for message_id, number in attempts:
        numbers.setdefault(message_id, []).append(number)
    for message_id, found in numbers.items():
        if any(after != before + 1 for before, after in pairwise(sorted([0, *found]))):
            yield f"attempts of message {message_id} are numbered {sorted(found)}"
    for message_id, handed in history.by_message.items():
        if len(numbers.get(message_id, [])) < len(handed):
            yield f"message {message_id} was handed over {len(handed)} times and has fewer attempts"


def figures(rows: Sequence[Row], history: History, held: Held) -> dict[str, dict[str, int]]:
    """Of each kind of campaign: messages handed over, duplicates, losses, and how many were ever in doubt."""
    found: dict[str, dict[str, Any]] = {}
    status = {row.id: row for row in rows}
    for message_id, handed in history.by_message.items():
        message = handed[0].message
        kind = "at_least_once" if held.repeats(message.campaign) else "at_most_once"
        counts = found.setdefault(kind, {"messages": 0, "duplicates": 0, "losses": 0, "in_doubt": 0, "in_doubt_now": 0})
        accepted = sum(one.accepted for one in handed)
        unknown = any(one.answer in {None, "in_doubt"} for one in handed)
        row = status[message_id]
        counts["messages"] += 1
        counts["duplicates"] += max(0, accepted - 1)
        counts["in_doubt"] += unknown
        counts["in_doubt_now"] += row.status == "in_doubt"
        counts["losses"] += accepted == 0 and unknown and row.status in ENDS
    return found
