"""Who goes on when: processes as greenlets under one virtual clock, chosen by one random number generator."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from greenlet import getcurrent, greenlet

from clm.errors import StoreError
from tests.reliability.simulation.history import Authorised


class Killed(BaseException):
    """The process is gone at this very point, as by SIGKILL."""


class Actor(greenlet):
    """A process that does one thing again and again, and is started anew when it was killed."""

    def __init__(self, schedule: Schedule, name: str, once: Callable[[], None], share: float) -> None:
        super().__init__(self._live, parent=getcurrent())
        self.name = name
        self.wake = schedule.time
        self.doomed = False
        """Killed, and not started again yet: whatever it still does, somebody has swallowed its end."""
        self.idle = True
        self.authorised: Authorised | None = None
        self._schedule = schedule
        self._once = once
        self._share = share

    def _live(self) -> None:
        while not self._schedule.closing:
            self.idle = False
            try:
                self._once()
            except Killed:
                self.doomed = False
                self._schedule.note("is started again")
            except StoreError as error:
                self._schedule.note(f"gives up: {error}")
            self.idle = True
            self._schedule.pause(self._until_next())

    def _until_next(self) -> int:
        """Everybody starts by the same clock, so that as much as can be happens at once; not everybody each time."""
        schedule = self._schedule
        intervals = 1
        while schedule.chance.random() > self._share:
            intervals += 1
        next_at = (schedule.time // schedule.interval + intervals) * schedule.interval
        return next_at - schedule.time + schedule.chance.randint(0, 3_000)


class Schedule:
    """The hub: virtual time, whose turn it is, and the trace of all of it."""

    def __init__(self, chance: Random, *, start: int, interval: int) -> None:
        self.chance = chance
        self.interval = interval
        self.time = start
        self.skew = 0
        """How far the clocks of all processes are wrong."""
        self.turned = 0
        self.actors: list[Actor] = []
        self.trace: list[str] = []
        self.closing = False
        self._hub = getcurrent()

    @property
    def clock(self) -> int:
        """What a process reads from its clock."""
        return self.time + self.skew

    @property
    def current(self) -> Actor | None:
        """The process that is at work; None outside of all of them."""
        here = getcurrent()
        return here if isinstance(here, Actor) else None

    def add(self, name: str, once: Callable[[], None], *, share: float = 1.0) -> None:
        """Let a process do something in that share of all intervals."""
        self.actors.append(Actor(self, name, once, share))

    def note(self, what: str) -> None:
        """Write down what happens; two runs of one seed write the same."""
        actor = self.current
        self.trace.append(f"{self.time} {actor.name if actor else '-'} {what}")

    def pause(self, ms: int) -> None:
        """Let others go on, for so long at least."""
        actor = self.current
        if actor is None:
            self.time += ms
            return
        actor.wake = self.time + ms
        self._hub.switch()

    def run(self, *, until: int, after_each: Callable[[], None]) -> None:
        """Take turns until that time."""
        while True:
            ready = [actor for actor in self.actors if not actor.dead and actor.wake <= self.time]
            if not ready:
                self.time = min((actor.wake for actor in self.actors if not actor.dead), default=until)
                if self.time >= until:
                    self.time = until
                    return
                continue
            self.chance.choice(ready).switch()
            self.time += self.chance.randint(0, 200)
            after_each()

    def finish(self, *, kill: Callable[[], bool], after_each: Callable[[], None]) -> None:
        """Let every process come to the end of what it is at, or be killed there, in some order."""
        self.closing = True
        for actor in self.chance.sample(self.actors, len(self.actors)):
            if not actor:  # was never started
                continue
            if not actor.idle and kill():
                actor.doomed = True
                actor.throw(Killed)
            while not actor.dead:
                self.time = max(self.time, actor.wake) if not actor.idle else self.time
                actor.switch()
            after_each()

    def close(self) -> None:
        """End what is left of all processes."""
        for actor in self.actors:
            if actor:
                actor.throw()
