"""What each kind of step does to those who come to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from clm.domain.broadcast import Broadcast
from clm.domain.campaign import SendStep
from clm.domain.clock import zone_of
from clm.domain.condition import Condition
from clm.domain.instant import SECOND_MS
from clm.domain.local_time import next_at
from clm.domain.lot import LOTS, mixed
from clm.domain.node import (
    ArmUntil,
    Branch,
    End,
    Exit,
    Hold,
    LocalTime,
    Node,
    Send,
    Split,
    Suppress,
    Wait,
)
from clm.engine.journey import Journey
from clm.store import enrolments, flight, messages, suppressions
from clm.store.database import Transaction
from clm.store.enrolments import Moved, Standing
from clm.store.messages import Queueing

_UNDER_WAY = {"queued", "sending"}
_HANDED_OVER = {"sent", "in_doubt"}


class Passage:
    """Takes people past nodes of one journey, within one transaction."""

    def __init__(
        self,
        tx: Transaction,
        journey: Journey,
        *,
        now: int,
        shop_zone: str = "UTC",
        among: Collection[int] | None = None,
    ) -> None:
        """Of everybody, or of a few contacts alone."""
        self.queued = 0
        """Messages queued."""
        self.came_to: set[int] = set()
        """Nodes at which somebody now stands who may be due."""
        self.ended: set[int] = set()
        """Contacts whose journeys have ended."""
        self._tx = tx
        self._journey = journey
        self._campaign = journey.campaign.campaign
        self._now = now
        self._zone = shop_zone
        self._among = among

    def take(self, index: int, *, limit: int) -> int:
        """Take up to `limit` of those who are due at a node past it; returns how many those were."""
        node = self._journey.program.nodes[index]
        match node:
            case Send():
                who = self._due(index, limit)
                self._send(node.step, who)
                self._go(who, node.next)
            case Wait():
                who = self._due(index, limit)
                self._go(who, node.next, due_at=self._now + node.duration)
            case ArmUntil():
                who = self._begin_to_wait(node, index, limit)
            case Hold():
                who = self._due(index, limit)
                self._let_go(node, who)
            case LocalTime():
                who = self._due(index, limit, profile=True)
                self._wait_for_time(node, who)
            case Branch():
                who = self._branch(node, index, limit)
            case Split():
                who = self._due(index, limit, profile=True)
                self._split(node, who)
            case Suppress():
                who = self._due(index, limit)
                self._suppress(node, who)
            case Exit(reason=reason):
                who = self._due(index, limit)
                self.end(who, reason)
            case _:
                who = self._due(index, limit)
                self.end(who, None)
        return len(who)

    def end(self, who: Sequence[Standing], reason: str | None) -> None:
        """End journeys for a reason or, without one, with all steps done."""
        enrolments.end(self._tx, who, campaign=self._campaign, reason=reason, now=self._now)
        self.ended |= {one.contact_id for one in who}

    def let_through(self, node: Hold, who: Sequence[Standing]) -> None:
        """Let those go on of whom has come true what they waited for."""
        if node.next != node.otherwise:
            self._decide(who, "branched", f"{node.key}: {node.when}")
        self._go(who, node.next)

    def _let_go(self, node: Hold, who: Sequence[Standing]) -> None:
        """Send those on otherwise whose waiting was in vain; where they leave, the exit tells why.

        A look has been just before: of whom it had come true by then has gone on.
        """
        if node.next != node.otherwise and not isinstance(self._node(node.otherwise), Exit):
            self._decide(who, "branched", f"{node.key}: {node.in_vain}")
        self._go(who, node.otherwise)

    def _begin_to_wait(self, node: ArmUntil, index: int, limit: int) -> list[Standing]:
        journey = self._journey
        asked_at = flight.begin_to_hold(self._tx, journey.flight, asking=journey.looked_for, now=self._now)
        who = self._due(index, limit, [self._condition(node.when)], asked_at=asked_at)
        hold = self._node(node.hold)
        if isinstance(hold, Hold):
            self.let_through(hold, [one for one in who if one.answer is not None])
        waiting = [one for one in who if one.answer is None]
        self._go(waiting, node.hold, due_at=self._now + node.at_most)
        return who

    def _wait_for_time(self, node: LocalTime, who: Sequence[Standing]) -> None:
        until = node.until
        latest = None if until.at_most is None else self._now + until.at_most
        in_zone: dict[str | None, int] = {}
        for zone in {one.home_zone for one in who}:
            comes = next_at(self._now, zone_of(zone, self._zone), until.at, until.on)
            in_zone[zone] = comes if latest is None else min(comes, latest)
        for comes in sorted(set(in_zone.values())):
            self._go([one for one in who if in_zone[one.home_zone] == comes], node.next, due_at=comes)

    def _branch(self, node: Branch, index: int, limit: int) -> list[Standing]:
        asked = [(arm, arm.when) for arm in node.arms if arm.when is not None]
        who = self._due(index, limit, [self._condition(when) for _, when in asked])
        for number, (arm, when) in enumerate(asked):
            taken = [one for one in who if one.answer == number]
            self._decide(taken, "branched", f"{node.key}: {when}")
            self._go(taken, arm.to)
        left = [one for one in who if one.answer is None]
        otherwise = next((arm for arm in node.arms if arm.when is None), None)
        why = "otherwise" if otherwise else "none of its conditions holds"
        self._decide(left, "branched", f"{node.key}: {why}")
        self._go(left, otherwise.to if otherwise else node.next)
        return who

    def _split(self, node: Split, who: Sequence[Standing]) -> None:
        salt = f"split {self._campaign} {node.key}"
        drawn = {one.id: node.drawn(mixed(one.lot, salt) / LOTS) for one in who}
        for arm in node.arms:
            theirs = [one for one in who if drawn[one.id] is arm]
            enrolments.draw(self._tx, [one.id for one in theirs], f"{node.key}={arm.name}")
            self._decide(theirs, "split", f"{node.key}: {arm.name}")
            self._go(theirs, arm.to)

    def _send(self, step: SendStep, who: Sequence[Standing]) -> None:
        """Queue the message for all but those held out, who get nothing."""
        getting = [Moved(one.id, one.contact_id) for one in who if not one.held_out]
        for at, theirs in sorted(self._due_since(getting).items()):
            self._queue(step, theirs, at)

    def _due_since(self, getting: Sequence[Moved]) -> dict[int, list[Moved]]:
        """Who is due since when: now, but for a broadcast, which is out of date however late this run is."""
        if not isinstance(self._journey.campaign, Broadcast):
            return {self._now: list(getting)}
        entered = enrolments.entered_at(self._tx, [one.id for one in getting])
        found: dict[int, list[Moved]] = {}
        for one in getting:
            found.setdefault(entered[one.id], []).append(one)
        return found

    def _queue(self, step: SendStep, getting: Sequence[Moved], due_at: int) -> None:
        campaign = self._journey.campaign
        what = Queueing(
            campaign=campaign.campaign,
            step=step.send,
            channel=step.channel,
            purpose=campaign.purpose,
            priority=campaign.priority,
            due_at=due_at,
            expires_at=due_at + step.within,
        )
        self.queued += messages.queue(self._tx, getting, what, now=self._now)

    def _suppress(self, node: Suppress, who: Sequence[Standing]) -> None:
        """Stop writing to those who were asked and gave no sign; those held out go on, and nothing is done to them.

        Silence means something only of somebody who was written to. Who may still get a message waits for what becomes
        of it, and who never got one leaves.
        """
        theirs = [one for one in who if not one.held_out]
        statuses = enrolments.written_to(self._tx, theirs, node.channel)
        waiting = [one for one in theirs if statuses[one.id] & _UNDER_WAY]
        known = [one for one in theirs if not statuses[one.id] & _UNDER_WAY]
        asked = [one for one in known if statuses[one.id] & _HANDED_OVER]
        # Not now: each is taken once in a pass.
        enrolments.put_off(self._tx, [one.id for one in waiting], due_at=self._now + SECOND_MS)
        self.end([one for one in known if not statuses[one.id] & _HANDED_OVER], "nobody was asked: not suppressed")
        self._suppress_all(node, asked)
        self._go([*asked, *(one for one in who if one.held_out)], node.next)

    def _suppress_all(self, node: Suppress, theirs: Sequence[Standing]) -> None:
        found = enrolments.addresses(self._tx, theirs, node.channel)
        source = f"campaign {self._campaign}"
        suppressions.suppress_all(
            self._tx, channel=node.channel, addresses=set(found.values()), reason="sunset", source=source, at=self._now
        )
        reached = [one for one in theirs if one.id in found]
        self._decide(reached, "suppressed", f"{node.key}: no more messages by {node.channel}")

    def _due(
        self,
        index: int,
        limit: int,
        asking: Sequence[Condition] = (),
        *,
        asked_at: int | None = None,
        profile: bool = False,
    ) -> list[Standing]:
        return flight.due(
            self._tx,
            self._journey.flight,
            index,
            now=self._now,
            limit=limit,
            asking=asking,
            asked_at=asked_at,
            profile=profile,
            among=self._among,
        )

    def _go(self, who: Iterable[Standing], to: int, *, due_at: int | None = None) -> None:
        """Move people to a node, due now unless told otherwise; who comes to the end is done."""
        moving = list(who)
        if not moving:
            return
        due_at = self._now if due_at is None else due_at
        if isinstance(self._node(to), End) and due_at <= self._now:
            self.end(moving, None)
            return
        enrolments.go_on(self._tx, [one.id for one in moving], to=to, due_at=due_at)
        self.came_to.add(to)

    def _decide(self, who: Sequence[Standing], kind: str, reason: str) -> None:
        enrolments.decide(self._tx, who, campaign=self._campaign, kind=kind, reason=reason, now=self._now)

    def _condition(self, text: str) -> Condition:
        return self._journey.conditions[text]

    def _node(self, index: int) -> Node:
        return self._journey.program.nodes[index]
