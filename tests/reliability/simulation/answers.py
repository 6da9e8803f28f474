"""What people answer: the book that is trusted, those who write into it, and what clm has to have kept of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from clm.domain.survey import Given
from clm.engine import surveys
from clm.engine.inbound import Sms, hear
from clm.store.database import Database
from tests.reliability.simulation import words
from tests.reliability.simulation.moment import Moment, NextCommit

ANSWERS = "SELECT external_id, properties FROM events WHERE source = 'clm' AND name = 'survey_answered' ORDER BY id"
TICKETS = "SELECT external_id FROM events WHERE source = 'clm' AND name = 'ticket_opened'"


class Mark(NamedTuple):
    """One answer, and when it counts as given."""

    mark: int
    at: int
    order: int
    """Of all answers; of two at one instant the later one counts."""

    @property
    def is_low(self) -> bool:
        """Whether somebody of the team has to look into it."""
        return words.surveys()["rating"].is_low(self.mark)


@dataclass(slots=True)
class AnswerBook:
    """What was answered to which message, by whom, and what is over since."""

    marks: dict[int, list[Mark]] = field(default_factory=dict)
    """By message, oldest first; what says nothing new is not in it."""
    whose: dict[int, str] = field(default_factory=dict)
    opened: dict[int, int] = field(default_factory=dict)
    """By message, when its ticket was opened last."""
    closed: dict[int, int] = field(default_factory=dict)
    ahead: set[int] = field(default_factory=set)
    """Messages whose ticket was opened by a clock that was ahead."""

    def answer(self, message_id: int, name: str, mark: int, clock: int, time: int) -> bool:
        """Somebody answers; False where it says nothing new."""
        before = self.marks.setdefault(message_id, [])
        if before and before[-1].mark == mark:
            return False
        order = sum(map(len, self.marks.values()))
        one = Mark(mark, max([clock, *(each.at + 1 for each in before)]), order)
        before.append(one)
        self.whose[message_id] = name
        if one.is_low:
            self.opened[message_id] = one.at
            if one.at > time:
                self.ahead.add(message_id)
        else:
            self.put_right(name, one.at)
        return True

    def put_right(self, name: str, at: int) -> None:
        """What was open for somebody is over."""
        for message_id in self._open(name):
            self.closed[message_id] = max(at, self.opened[message_id])

    def _open(self, name: str) -> list[int]:
        return [
            message_id
            for message_id, at in self.opened.items()
            if self.whose[message_id] == name and at > self.closed.get(message_id, at - 1)
        ]

    def owed(self) -> frozenset[str]:
        """Whom something is owed: promotions to them wait.

        What a clock that was ahead has written is left out: facts that are counted by another clock meanwhile do not
        know of it yet.
        """
        names = (self.whose[message_id] for message_id in self.opened)
        return frozenset(name for name in names if any(one not in self.ahead for one in self._open(name)))

    def low(self) -> set[str]:
        """What the follow-ups of all low marks are named after."""
        return {
            f"clm:survey {message_id} {number}"
            for message_id, marks in self.marks.items()
            for number, one in enumerate(marks, start=1)
            if one.is_low
        }

    def to_follow_up(self) -> Iterator[tuple[str, str]]:
        """Each person whose latest answer is a low mark that nobody has put right, with what its follow-up is named."""
        for name in dict.fromkeys(self.whose.values()):
            theirs = [message_id for message_id in self.marks if self.whose.get(message_id) == name]
            latest = max(theirs, key=lambda message_id: self.marks[message_id][-1][1:])
            last = self.marks[latest][-1]
            ends = [at for message_id, at in self.closed.items() if self.whose[message_id] == name]
            if last.is_low and max(ends, default=last.at - 1) < last.at:
                yield name, f"clm:survey {latest} {len(self.marks[latest])}"


def answer_faults(kept: Sequence[tuple[str, str]], opened: Sequence[str], book: AnswerBook) -> Iterator[str]:
    """Where clm's events say something else than was answered: each new mark once, and a ticket for each low one."""
    found: dict[str, Any] = {}
    for name, properties in kept:
        found[name] = json.loads(properties)["score"]
    said = {
        f"survey {message_id} {number}": one.mark
        for message_id, marks in book.marks.items()
        for number, one in enumerate(marks, start=1)
    }
    if found != said or len(kept) != len(said):
        yield f"answered was {said}, and kept is {found}"
    tickets = sorted(f"ticket {name.rpartition(' ')[0]} opened {name.rpartition(' ')[2]}" for name in _named(book))
    if sorted(opened) != tickets:
        yield f"there are tickets {sorted(opened)}, and should be {tickets}"


def _named(book: AnswerBook) -> list[str]:
    return [name.removeprefix("clm:") for name in book.low()]


@dataclass(frozen=True, slots=True)
class Answering:
    """The ways by which people answer, scanners look, and the team puts things right."""

    database: Database
    book: AnswerBook
    moment: Moment
    commit: NextCommit
    look: Callable[[str], Sequence[Sequence[Any]]]
    broken: list[str]

    def open(self, link: str) -> surveys.Asked | None:
        """Follow the link in a letter, as a reader does and every scanner: nothing is answered by that."""
        message_id = words.links().message_of(link.rpartition("/")[2])
        assert message_id is not None
        return surveys.asked(self.database, words.surveys(), message_id)

    def answer(self, link: str, name: str, mark: int) -> None:
        """Send the form behind a link."""
        found = self.open(link)
        if found is None:
            self.broken.append(f"{name} cannot answer by {link}")
            return
        clock = self.moment.clock
        with self.commit.makes(lambda: self._remember(found.message_id, name, mark, clock)):
            surveys.answer(self.database, found, Given(mark=mark), now=clock)

    def reply(self, sid: str, name: str, number: str, mark: int) -> None:
        """Answer by SMS; its provider may tell the same one, by its `sid`, again and again."""
        clock, before = self.moment.clock, self._kept()
        with self.commit.makes(lambda: self._remember_reply(before, name, mark, clock)):
            sms = Sms("twilio", sid, number, str(mark))
            heard = hear(self.database, sms, surveys=words.surveys(), now=clock)
        if heard.meaning not in {"answer", None}:
            self.broken.append(f"the SMS {mark} is taken for {heard.meaning}")

    def put_right(self, name: str) -> None:
        """Somebody of the team says that all is well again."""
        ((contact_id,),) = self.look(f"SELECT id FROM contacts WHERE external_id = '{name}'")
        clock = self.moment.clock
        with self.commit.makes(lambda: self.book.put_right(name, clock)):
            surveys.resolve(self.database, contact_id, by="team", now=clock)

    def _remember(self, message_id: int, name: str, mark: int, clock: int) -> None:
        new = self.book.answer(message_id, name, mark, clock, self.moment.time)
        self.moment.note(f"{name} answers {mark} to message {message_id}{'' if new else ', as before'}")

    def _kept(self) -> int:
        ((count,),) = self.look("SELECT COUNT(*) FROM events WHERE source = 'clm' AND name = 'survey_answered'")
        return int(count)

    def _remember_reply(self, before: int, name: str, mark: int, clock: int) -> None:
        """Which of their messages it was taken to answer is up to clm, as long as it is one that asked them."""
        fresh = self.look(ANSWERS)[before:]
        if len(fresh) > 1:
            self.broken.append(f"one SMS of {name} is kept as {len(fresh)} answers")
        for _, properties in fresh:
            message_id = json.loads(properties)["message_id"]
            asked = self.look(
                "SELECT c.external_id, m.campaign, m.step FROM messages m JOIN contacts c ON c.id = m.contact_id"
                f" WHERE m.id = {message_id}"
            )
            if [(name, True)] != [(whose, (campaign, step) in words.ASKING) for whose, campaign, step in asked]:
                self.broken.append(f"the SMS of {name} answers message {message_id}, which did not ask them")
            self._remember(message_id, name, mark, clock)
