"""One seed, one story: processes that run into each other and die, a provider at its worst; then peace, and an end."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from clm import faults
from clm.domain.instant import HOUR_MS, SECOND_MS
from clm.errors import StoreBusyError
from clm.faults import FaultPoint
from tests.reliability.simulation import promises
from tests.reliability.simulation.history import Person
from tests.reliability.simulation.moment import START
from tests.reliability.simulation.peace import Peace
from tests.reliability.simulation.provider import LEASE_MS
from tests.reliability.simulation.readers import Readers
from tests.reliability.simulation.schedule import Killed, Schedule
from tests.reliability.simulation.world import BrokenPromiseError, WatchedDatabase, World

INTERVAL_MS = 2 * HOUR_MS
"""Within so long every process comes round again."""
FAULTS_MS = 12 * HOUR_MS
PEOPLE = 6
_ZONES = ("UTC", "Asia/Kathmandu", "America/New_York")
_PAUSES_MS = (0, 0, 5, SECOND_MS, 5 * SECOND_MS)
_STOPS_MS = (LEASE_MS + 1, 3 * LEASE_MS, HOUR_MS, 8 * HOUR_MS)
"""How long a process may be stopped at any point, as by SIGSTOP."""
_ENDED = (
    "SELECT 'waited for a code', m.status FROM messages m WHERE EXISTS (SELECT 1 FROM decisions d"
    f" WHERE d.message_id = m.id AND d.reason LIKE '{promises.NO_CODE}%')"
    " UNION ALL SELECT 'task', m.status FROM messages m WHERE m.channel = 'staff'"
)
"""What became of those that are worth telling of."""


@dataclass(frozen=True, slots=True)
class Story:
    """What one seed came to."""

    seed: int
    trace: Sequence[str]
    broken: Sequence[str]
    figures: dict[str, dict[str, int]]

    @property
    def hash(self) -> str:
        """A name for everything that happened."""
        return sha256("\n".join(self.trace).encode()).hexdigest()[:16]


class Stage:
    """A database file in memory that is made new for each seed; what SQLAlchemy has compiled stays."""

    def __init__(self, folder: Path) -> None:
        self._fresh = folder / "fresh.db"
        self._file = folder / "clm.db"
        migrated = WatchedDatabase(f"sqlite:///{self._fresh}")
        migrated.upgrade()
        migrated.close()
        self.database = WatchedDatabase(f"sqlite:///{self._file}")

    def clear(self) -> WatchedDatabase:
        """An empty, migrated database."""
        self.database.close()
        for end in ("-wal", "-shm"):
            self._file.with_name(f"{self._file.name}{end}").unlink(missing_ok=True)
        shutil.copyfile(self._fresh, self._file)
        return self.database


class Simulated:
    """The moment as the scheduler makes it: waiting lets others go on, and anybody may be killed."""

    def __init__(self, schedule: Schedule, chance: Random) -> None:
        self.schedule = schedule
        self.chance = chance
        self.faults = True
        self.world: World | None = None
        self._nobody: list[Any] = []
        self._telling: dict[str, list[Any]] = {}

    @property
    def time(self) -> int:
        """What time it really is."""
        return self.schedule.time

    @property
    def clock(self) -> int:
        """What a process reads from its clock."""
        return self.schedule.clock

    @property
    def turned(self) -> int:
        """How often the clocks have been turned."""
        return self.schedule.turned

    @property
    def telling(self) -> list[Any]:
        """The events that the process at work is taking in."""
        return self._telling.get(self._who, self._nobody)

    @telling.setter
    def telling(self, events: list[Any]) -> None:
        self._telling[self._who] = events

    @property
    def _who(self) -> str:
        actor = self.schedule.current
        return actor.name if actor else "-"

    def wait(self, ms: int) -> None:
        """Others go on."""
        self.schedule.pause(ms if self.faults else 1)

    def note(self, what: str) -> None:
        """Into the trace."""
        self.schedule.note(what)

    def kill(self) -> None:
        """The process at work is gone."""
        actor = self.schedule.current
        self.schedule.note("is killed")
        self.telling = []
        if actor is not None:
            actor.doomed = True
            raise Killed

    def reach(self, point: FaultPoint) -> None:
        """The engine has come to a fault point."""
        self._come_to(point.value, inside=point.value.startswith("inside"))

    def before_commit(self) -> None:
        """A transaction is about to be committed."""
        self._come_to("before commit", inside=True)

    def committed(self) -> None:
        """A transaction has been committed."""
        assert self.world is not None
        self.world.note_commit()
        self._come_to("committed", inside=False)

    def _come_to(self, where: str, *, inside: bool) -> None:
        actor = self.schedule.current
        if actor is None:
            return
        assert self.world is not None
        if actor.doomed:
            self.world.history.broken.append(f"{actor.name} was killed and came to `{where}` all the same")
        self.schedule.note(where)
        if not self.faults:
            return
        draw = self.chance.random()
        if draw < 0.008:
            self.kill()
        elif inside:
            if draw < 0.02:
                raise StoreBusyError("the database is away for a moment")
        elif self.world.database.engine.pool.checkedout() == 0:  # type: ignore[attr-defined]
            if draw < 0.02:
                self.wait(self.chance.choice(_STOPS_MS))
            elif draw < 0.5:
                self.wait(self.chance.choice(_PAUSES_MS))


class Simulation:
    """Everything that one seed decides."""

    def __init__(self, seed: int, stage: Stage) -> None:
        self.seed = seed
        self.chance = Random(seed)
        self.schedule = Schedule(self.chance, start=START + 8 * HOUR_MS, interval=INTERVAL_MS)
        self.moment = Simulated(self.schedule, self.chance)
        database = stage.clear()
        self.world = self.moment.world = World(database, self.chance, self.moment)
        self.readers = Readers(self.world, self.chance)
        database.before_commit, database.committed = self.moment.before_commit, self.moment.committed

    def run(self) -> Story:
        """The whole story; what was found to be wrong is in it."""
        faults.arm(self.moment.reach)
        broken: Sequence[str] = ()
        try:
            self._begin()
            self.schedule.run(until=START + 8 * HOUR_MS + FAULTS_MS, after_each=self._look)
            self._end()
        except BrokenPromiseError as error:
            broken = error.broken
            self.schedule.note(f"BROKEN: {error}")
        finally:
            faults.arm(None)
            self.world.database.before_commit = self.world.database.committed = lambda: None
            self.schedule.close()
            figures = promises.figures(self.world.rows(), self.world.history, self.world.held)
            self.world.close()
        return Story(self.seed, self.schedule.trace, broken, figures)

    def _begin(self) -> None:
        people = [
            Person(f"c{number}", f"c{number}@example.com", f"+4477009001{number:02}", self.chance.choice(_ZONES))
            for number in range(PEOPLE)
        ]
        self.world.customers.fill(self.chance.choice((0, 0, 1, 9)))
        self.world.customers.sign_up(*people)
        self.world.customers.purchase(*(one.name for one in people))
        self.world.run_campaigns()
        for number in (1, 2, 3)[: self.chance.choice((2, 3))]:
            self.schedule.add(f"dispatcher {number}", self._dispatch, share=0.8)
        for number in (1, 2):
            self.schedule.add(f"sweeper {number}", self.world.reconcile, share=0.6)
            self.schedule.add(f"campaigns {number}", self.world.run_campaigns, share=0.3)
            self.schedule.add(f"webhook {number}", self._receive, share=0.5)
            self.schedule.add(f"people {number}", self._live)
            self.schedule.add(f"reader {number}", self.readers.read, share=0.6)
        self.schedule.add("shop 1", self._fill, share=0.5)
        self.schedule.add("clock", self._set_clock, share=0.3)

    def _look(self) -> None:
        if self.world.changed:
            self.world.check(whole=len(self.schedule.trace) % 16 == 0)

    # What the processes and people do.

    def _dispatch(self) -> None:
        self.schedule.note(f"leased {self.world.dispatch()}")

    def _receive(self) -> None:
        world, chance = self.world, self.chance
        due = world.due()
        due = chance.sample(due, chance.randint(0, len(due)))
        due += chance.sample(due, chance.randint(0, len(due)))
        self.schedule.note(f"{len(due)} events come")
        self.moment.telling = []
        world.receive(due, foreign=chance.choice((0, 0, 1, 2)))

    def _live(self) -> None:
        world, chance = self.world, self.chance
        name = chance.choice(list(world.history.people))
        channel = chance.choice(("email", "email", "sms"))
        what = chance.choice(("buy", "buy", "no", "yes", "unsubscribe", "resubscribe", "move", "vanish", "nothing"))
        self.schedule.note(f"{name}: {what} {channel}")
        match what:
            case "buy":
                world.customers.purchase(name, code=self.readers.code_for(name))
            case "no" | "yes":
                world.customers.consent(name, channel, yes=what == "yes")
            case "unsubscribe":
                world.customers.unsubscribe(name, channel)
            case "resubscribe":
                world.customers.resubscribe(name, channel)
            case "move":
                number = chance.randint(10, 99)
                fresh = f"{name}.{number}@example.com" if channel == "email" else f"+4477009{number}{name[1:]:0>3}"
                world.customers.move(name, channel, fresh)
            case "vanish":
                world.customers.move(name, channel, None)

    def _fill(self) -> None:
        self.world.customers.fill(self.chance.randint(1, 2))

    def _set_clock(self) -> None:
        self.schedule.skew = self.chance.choice((0, 0, -HOUR_MS, HOUR_MS, -20 * SECOND_MS)) if self.moment.faults else 0
        self.schedule.turned += 1
        self.schedule.note(f"clocks are {self.schedule.skew} ms off")

    # Peace.

    def _end(self) -> None:
        """Faults stop: whoever was at work comes to an end or is killed, and then everything has to."""
        self.moment.faults = False
        skew, self.schedule.skew = self.schedule.skew, 0
        self.schedule.finish(kill=lambda: self.chance.random() < 0.5, after_each=self._look)
        peace = Peace(self.world, self._pass, INTERVAL_MS)
        peace.come(clock_was_ahead_ms=max(0, skew))
        for what, status in self.world.look(_ENDED):
            self.schedule.note(f"{what}: {status}")

    def _pass(self, ms: int) -> None:
        self.schedule.time += ms
        self.schedule.note(f"{ms} ms pass in peace")
