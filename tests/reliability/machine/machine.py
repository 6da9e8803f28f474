"""One shop as a state machine: what may happen to it, and that no promise is ever broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from clm import faults
from clm.domain.instant import HOUR_MS, SECOND_MS
from clm.faults import FaultPoint
from tests.reliability.simulation import words
from tests.reliability.simulation.history import HandOver, Person
from tests.reliability.simulation.moment import START, Moment
from tests.reliability.simulation.peace import Peace
from tests.reliability.simulation.provider import Fate
from tests.reliability.simulation.schedule import Killed
from tests.reliability.simulation.world import WatchedDatabase, World

_CHANNELS = st.sampled_from(("email", "sms"))
_NUMBERS = st.integers(0, 9)
_POINTS = [point for point in FaultPoint if point is not FaultPoint.EVENTS_CHECKED]  # where only a web server comes to
_DISPATCHING = [point for point in _POINTS if "events" not in point and "recovery" not in point]
_FATES = st.lists(st.sampled_from(list(Fate)), max_size=8)
_INTERVAL_MS = HOUR_MS


class Still(Moment):
    """Nothing happens by itself; whoever is killed ends with an exception that nothing catches."""

    def kill(self) -> None:
        """The process at work is gone."""
        self.telling = []
        raise Killed


class ShopMachine(RuleBasedStateMachine):
    """Everybody is known by a number, taken round the list of those there are."""

    fresh: ClassVar[Callable[[], WatchedDatabase]]

    def __init__(self) -> None:
        super().__init__()
        self.moment = Still(START + 10 * HOUR_MS)
        self.world = World(type(self).fresh(), Random(1), self.moment)
        self.world.database.committed = self.world.note_commit
        for provider in (self.world.mail, self.world.sms):
            provider.weights = {Fate.ACCEPTED: 1}

    def teardown(self) -> None:
        """Whatever has happened: when it stops, everything ends."""
        try:
            if not self.world.history.broken:
                Peace(self.world, self.moment.wait, _INTERVAL_MS).come()
        finally:
            self.world.database.committed = lambda: None
            self.world.close()

    def _who(self, number: int) -> str:
        names = list(self.world.history.people)
        return names[number % len(names)]

    def _accepted(self, number: int) -> HandOver | None:
        accepted = [one for one in self.world.history.handed if one.accepted]
        return accepted[number % len(accepted)] if accepted else None

    @contextmanager
    def _dying(
        self, point: FaultPoint | None, times: int = 1, meanwhile: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """Be killed when it comes to a point for so many times, or let something happen there instead."""
        left = times

        def reach(here: FaultPoint) -> None:
            nonlocal left
            left -= here is point
            if here is point and left == 0:
                if meanwhile is None:
                    self.moment.kill()
                else:
                    meanwhile()

        faults.arm(reach)
        try:
            yield
        except Killed:
            pass
        finally:
            faults.arm(None)

    # People.

    @initialize(people=st.integers(2, 4), codes=st.sampled_from((20, 20, 1)))
    def open_the_shop(self, people: int, codes: int) -> None:
        """Some have ordered before anybody looks."""
        self.world.customers.fill(codes)
        for number in range(people):
            self.sign_up(number, frozenset())
        self.world.customers.purchase(*self.world.history.people)
        self._as_usual()

    @rule(zone=st.integers(0, 4), said_no=st.frozensets(_CHANNELS, max_size=1))
    def sign_up(self, zone: int, said_no: frozenset[str]) -> None:
        """Somebody new."""
        number = len(self.world.history.people)
        if number < 8:
            zones = ("UTC", "Asia/Kathmandu", "UTC", "UTC", "America/New_York")
            phone = f"+4477009001{number:02}"
            self.world.customers.sign_up(
                Person(f"c{number}", f"c{number}@example.com", phone, zones[zone % len(zones)], said_no)
            )

    @rule(who=_NUMBERS)
    def purchase(self, who: int) -> None:
        """Somebody orders."""
        self.world.customers.purchase(self._who(who))

    @rule(number=_NUMBERS, who=_NUMBERS)
    def purchase_with_a_code(self, number: int, who: int) -> None:
        """Somebody orders with a code that a letter has told, them or a friend."""
        told = list(self.world.history.codes.letters)
        self.world.customers.purchase(self._who(who), code=told[number % len(told)] if told else None)

    @rule(count=st.integers(1, 3))
    def bring_codes(self, count: int) -> None:
        """The shop fills its pool."""
        self.world.customers.fill(count)

    @rule(number=_NUMBERS, mark=st.integers(1, 5), times=st.integers(1, 2))
    def answer(self, number: int, mark: int, times: int) -> None:
        """Somebody is asked by a letter, and presses the button once or twice."""
        asking = [one for one in self.world.history.handed if one.accepted and one.link is not None]
        for one in [asking[number % len(asking)]] * times if asking else []:
            self.world.answering.answer(one.link or "", one.message.contact, mark)

    @rule(number=_NUMBERS)
    def refund(self, number: int) -> None:
        """A part of an order is paid back."""
        self.world.customers.refund(number)

    @rule(who=_NUMBERS, channel=_CHANNELS, address=st.none() | st.integers(10, 99))
    def change_address(self, who: int, channel: str, address: int | None) -> None:
        """Somebody moves, or cannot be reached any more."""
        name = self._who(who)
        fresh = None
        if address is not None:
            fresh = f"{name}.{address}@example.com" if channel == "email" else f"+4477009{address}{name[1:]:0>3}"
        self.world.customers.move(name, channel, fresh)

    @rule(who=_NUMBERS, channel=_CHANNELS, by_link=st.booleans())
    def opt_out(self, who: int, channel: str, by_link: bool) -> None:
        """Somebody wants no more, and says so in a mail or to the shop."""
        if by_link:
            self.world.customers.unsubscribe(self._who(who), channel)
        else:
            self.world.customers.consent(self._who(who), channel, yes=False)

    @rule(who=_NUMBERS, channel=_CHANNELS)
    def opt_in(self, who: int, channel: str) -> None:
        """Somebody wants to hear from us again."""
        self.world.customers.consent(self._who(who), channel, yes=True)
        self.world.customers.resubscribe(self._who(who), channel)

    @rule()
    def sync(self) -> None:
        """The shop tells the same facts again."""
        self.world.customers.sync()

    # Providers.

    @rule(number=_NUMBERS, kind=st.sampled_from(("bounced", "complained", "unsubscribed")), at_once=st.booleans())
    def bounce_or_complain(self, number: int, kind: Any, at_once: bool) -> None:
        """Something that was delivered comes back, or is complained of."""
        one = self._accepted(number)
        if one is not None:
            provider = self.world.sms if one.message.channel == "sms" else self.world.mail
            provider.tell(one, kind, kind)
            if at_once:
                self.world.receive([(provider, provider.on_their_way[-1])])

    @precondition(lambda self: self.world.mail.on_their_way or self.world.sms.on_their_way)
    @rule(data=st.data(), dies=st.none() | st.sampled_from((FaultPoint.INSIDE_EVENTS, FaultPoint.EVENTS_COMMITTED)))
    def receive_events(self, data: st.DataObject, dies: FaultPoint | None) -> None:
        """Some of what the provider has to tell comes, in any order, some of it more than once."""
        pending = [(provider, one) for provider in (self.world.mail, self.world.sms) for one in provider.on_their_way]
        come = data.draw(st.lists(st.integers(0, len(pending) - 1), min_size=1, max_size=6))
        with self._dying(dies):
            self.world.receive([pending[index] for index in come], foreign=data.draw(st.integers(0, 1)))

    # The engine.

    @rule(dies=st.none() | st.integers(1, 9))
    def run_campaigns(self, dies: int | None) -> None:
        """A tick; another at the same instant changes nothing; one may die at any of its commits."""
        if dies is not None:
            left = iter(range(dies - 1, -1, -1))

            def before_commit() -> None:
                if next(left, None) == 0:
                    self.moment.kill()

            self.world.database.before_commit = before_commit
            try:
                self.world.run_campaigns()
            except Killed:
                pass
            finally:
                self.world.database.before_commit = lambda: None
            return
        self.world.run_campaigns()
        once = self.world.rows()
        self.world.run_campaigns()
        assert self.world.rows() == once, "a second tick at the same instant changed something"

    @rule(fates=_FATES)
    def dispatch(self, fates: list[Fate]) -> None:
        """Hand over what is due; the provider does as told."""
        self._dispatch(fates)

    @rule(fates=_FATES, point=st.sampled_from(_DISPATCHING), times=st.integers(1, 3))
    def dispatch_and_die(self, fates: list[Fate], point: FaultPoint, times: int) -> None:
        """Hand over what is due, and be killed at some point."""
        with self._dying(point, times):
            self._dispatch(fates)

    @rule(
        fates=_FATES,
        who=_NUMBERS,
        channel=_CHANNELS,
        what=st.sampled_from(("unsubscribe", "no", "buy", "move", "sweep")),
    )
    def dispatch_while(self, fates: list[Fate], who: int, channel: str, what: str) -> None:
        """Just before a dispatcher decides, somebody opts out, orders or moves, or a sweeper comes by."""
        name = self._who(who)
        happens: dict[str, Callable[[], None]] = {
            "unsubscribe": lambda: self.world.customers.unsubscribe(name, channel),
            "no": lambda: self.world.customers.consent(name, channel, yes=False),
            "buy": lambda: self.world.customers.purchase(name),
            "move": lambda: self.world.customers.move(name, channel, None),
            "sweep": self.world.reconcile,
        }
        with self._dying(FaultPoint.RENDERED, 1, happens[what]):
            self._dispatch(fates)

    def _dispatch(self, fates: list[Fate]) -> None:
        for provider in (self.world.mail, self.world.sms):
            provider.next_fates = list(fates)
        with suppress(Killed):  # by what the provider was told to do
            self.world.dispatch(batches=2)

    @rule(dies=st.booleans())
    def reconcile(self, dies: bool) -> None:
        """Somebody puts right what was left behind."""
        with self._dying(FaultPoint.INSIDE_RECOVERY if dies else None):
            self.world.reconcile()

    @rule(ms=st.sampled_from((SECOND_MS, 31 * SECOND_MS, HOUR_MS, 4 * HOUR_MS)))
    def advance(self, ms: int) -> None:
        """Time passes."""
        self.moment.wait(ms)

    @rule(fates=_FATES)
    def idle(self, fates: list[Fate]) -> None:
        """Nobody does anything for a day, and everything runs as it always does."""
        for ms in (HOUR_MS, 5 * HOUR_MS, 18 * HOUR_MS):
            self.moment.wait(ms)
            self._as_usual(fates)

    @rule(who=_NUMBERS, fates=_FATES)
    def order_and_hear(self, who: int, fates: list[Fate]) -> None:
        """Somebody orders, and everything runs as it always does."""
        self.world.customers.purchase(self._who(who))
        self._as_usual(fates)

    def _as_usual(self, fates: list[Fate] | None = None) -> None:
        self.world.reconcile()
        self.world.run_campaigns()
        self._dispatch(fates or [])

    @rule()
    def restart(self) -> None:
        """Every process is new: no connection, no configuration and nothing read is kept."""
        self.world.database.close()
        words.journeys.cache_clear()

    @rule()
    def edit_campaign(self) -> None:
        """A step is renamed while people are under way, or the edit is taken back."""
        self.world.edited = not self.world.edited

    @invariant()
    def every_promise_holds(self) -> None:
        """What clm's tables say is what really happened, and what happened was allowed."""
        self.world.check()
