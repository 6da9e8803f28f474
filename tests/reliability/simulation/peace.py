"""Peace: faults have stopped, and within lease, silence and two intervals everything has to come to an end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clm.domain.message import ENDS
from clm.engine.coupons import LOOK_AGAIN_MS
from tests.reliability.simulation.history import Person
from tests.reliability.simulation.promises import IN_DOUBT, NO_CODE
from tests.reliability.simulation.provider import LEASE_MS, Fate
from tests.reliability.simulation.words import SILENCE_MS, WITHIN_MS
from tests.reliability.simulation.world import World

_IN_DOUBT = (
    "SELECT m.id, m.channel, a.intended_at FROM messages m"
    " JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts WHERE m.status = 'in_doubt'"
)

_TASKS = (
    "SELECT c.external_id, e.trigger_key, m.status, m.reason FROM messages m JOIN enrolments e ON e.id = m.enrolment_id"
    " JOIN contacts c ON c.id = m.contact_id WHERE m.channel = 'staff' AND m.step = 'alert'"
)
_FILLED, _PLENTY = 0.75, 20
"""How often the pool is filled for good, and with how many codes: more than there are people."""


@dataclass(frozen=True, slots=True)
class Peace:
    """A world in which nothing goes wrong any more."""

    world: World
    pass_time: Callable[[int], None]
    interval_ms: int
    """Within so long every process comes round again."""

    def come(self, *, clock_was_ahead_ms: int = 0) -> None:
        """Let everything end; raises AssertionError where something does not.

        A clock that was ahead has made leases that are longer by as much.
        """
        world = self.world
        for provider in (world.mail, world.sms):
            provider.weights, provider.next_fates, provider.loses = {Fate.ACCEPTED: 1}, [], 0
        filled = world.chance.random() < _FILLED
        if filled:
            world.customers.fill(_PLENTY)
        self.pass_time(LEASE_MS + clock_was_ahead_ms + self.interval_ms)
        looked_at = world.moment.clock
        # Silence counts once something later has been told of: somebody new comes, and their message is told of.
        world.customers.sign_up(Person("later", "later@example.com", None, "UTC"))
        world.customers.purchase("later")
        waiting = [row.id for row in world.rows() if row.status == "queued" and NO_CODE in (row.reason or "")]
        self._round(campaigns=True)
        self._none_is_being_sent()
        if filled:
            self._none_waits_for_a_code(waiting)
        for ms in (self.interval_ms, SILENCE_MS):
            self.pass_time(ms)
            self._round()
        self._silence_has_ended_doubts()
        for ms in (WITHIN_MS, self.interval_ms):
            self.pass_time(ms)
            self._round()
        self._silence_has_ended_doubts()
        for row in world.rows():
            if row.status not in ENDS and row.status != "in_doubt":  # those have just been looked at
                world.history.broken.append(f"message {row.id} never ends: it is {row.status} ({row.reason})")
            if filled and NO_CODE in (row.reason or "") and row.expires_at > looked_at + LOOK_AGAIN_MS:
                world.history.broken.append(f"message {row.id} waited in vain for a code that there was ({row.reason})")
        self._low_marks_were_followed_up()
        world.check()

    def _none_waits_for_a_code(self, waiting: Sequence[int]) -> None:
        """Whoever waited goes on once there are codes: to their reader, or to whatever else is to be waited for."""
        still = [row.id for row in self.world.rows() if row.status == "queued" and NO_CODE in (row.reason or "")]
        self.world.history.broken += [
            f"message {one} still waits for a code, of which there are many" for one in still if one in waiting
        ]
        self.world.check()

    def _low_marks_were_followed_up(self) -> None:
        """One task each; where it is in doubt or refused, the team sees that on the staff pages."""
        world = self.world
        tasks: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for name, trigger, status, reason in world.look(_TASKS):
            tasks.setdefault((name, trigger), []).append((status, reason or ""))
        for one in world.history.answers.to_follow_up():
            found = tasks.get(one, [])
            if [status in {"sent", "in_doubt", "rejected"} or IN_DOUBT in why for status, why in found] != [True]:
                world.history.broken.append(f"the low mark of {one} has led to these tasks: {found}")

    def _round(self, *, campaigns: bool = False) -> None:
        """Everything that runs every so often runs once."""
        world = self.world
        self._hear()
        world.reconcile()
        if campaigns:
            world.run_campaigns()
        while world.dispatch():
            pass
        self._hear()
        world.check()

    def _hear(self) -> None:
        for provider in (self.world.mail, self.world.sms):
            for one in provider.on_their_way:
                one.copies = 1
        self.world.receive(self.world.due())

    def _none_is_being_sent(self) -> None:
        stuck = [row.id for row in self.world.rows() if row.status == "sending"]
        self.world.history.broken += [f"message {one} is still being sent, after its lease" for one in stuck]
        self.world.check()

    def _silence_has_ended_doubts(self) -> None:
        """A doubt ends where the provider has told of at least half of what it took in the time after."""
        world = self.world
        for message_id, channel, at in world.look(_IN_DOUBT):
            later = [
                one.message.id in world.history.told_of
                for one in world.history.handed
                if one.settled and one.answer == "accepted" and one.message.channel == channel
                and at <= one.at <= at + SILENCE_MS
            ]  # fmt: skip
            if later and 2 * sum(later) >= len(later):
                world.history.broken.append(f"message {message_id} is in doubt although its provider is silent")
        world.check()
