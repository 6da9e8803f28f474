"""Peace: faults have stopped, and within lease, silence and two intervals everything has to come to an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clm.domain.message import ENDS
from tests.reliability.simulation.history import Person
from tests.reliability.simulation.provider import LEASE_MS, Fate
from tests.reliability.simulation.words import SILENCE_MS, WITHIN_MS
from tests.reliability.simulation.world import World

_IN_DOUBT = (
    "SELECT m.id, m.channel, a.intended_at FROM messages m"
    " JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts WHERE m.status = 'in_doubt'"
)


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
        self.pass_time(LEASE_MS + clock_was_ahead_ms + self.interval_ms)
        # Silence counts once something later has been told of: somebody new comes, and their message is told of.
        world.sign_up(Person("later", "later@example.com", None, "UTC"))
        world.purchase("later")
        self._round(campaigns=True)
        self._none_is_being_sent()
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
        world.check()

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
