"""What people do with the letters that have come: enter their codes, answer, or have them opened by a scanner."""

from __future__ import annotations

from random import Random

from tests.reliability.simulation.history import HandOver
from tests.reliability.simulation.world import World

_WHAT = ("scan", "answer", "answer", "answer", "answer again", "reply", "reply", "put right")


class Readers:
    """Everybody who has a letter."""

    def __init__(self, world: World, chance: Random) -> None:
        self._world = world
        self._chance = chance
        self._posted: tuple[str, str, int] | None = None
        self._texts = 0

    def read(self) -> None:
        """Do something with a letter; nothing where none has come that it could be done with."""
        world, chance = self._world, self._chance
        what = chance.choice(_WHAT)
        asking = [one for one in world.history.handed if one.accepted and one.link is not None]
        texts = [one for one in asking if one.message.channel == "sms"]
        if what == "scan" and asking:
            world.answering.open(chance.choice(asking).link or "")
        elif what == "answer" and asking:
            one = chance.choice(asking)
            self._post(one.link or "", one.message.contact, self._mark())
        elif what == "answer again" and self._posted is not None:
            self._post(*self._posted)
        elif what == "reply" and texts:
            self._reply(chance.choice(texts))
        elif what == "put right" and (owed := sorted(world.history.answers.owed())):
            world.answering.put_right(chance.choice(owed))

    def code_for(self, name: str) -> str | None:
        """What somebody enters who orders: a code of theirs, a friend's, one they have come by, or most often none."""
        codes, chance = self._world.history.codes, self._chance
        told = [code for code in codes.letters if codes.may_be_used(code)]
        own = [code for code in told if codes.letters[code].contact == name]
        among = chance.choice(([], [], own, own, told, codes.lying_about()))
        return chance.choice(among) if among else None

    def _mark(self) -> int:
        return self._chance.choice((1, 2, 3, 4, 4, 5, 5, 5))

    def _post(self, link: str, name: str, mark: int) -> None:
        """Send the form, and again where the button is pressed twice."""
        self._posted = link, name, mark
        for _ in range(self._chance.choice((1, 1, 2, 3))):
            self._world.answering.answer(link, name, mark)

    def _reply(self, one: HandOver) -> None:
        """Answer the SMS from one's number, which its provider may tell more than once."""
        name, mark = one.message.contact, self._mark()
        number = self._world.history.people[name].phone
        if number is None:
            return
        self._texts += 1
        sid = f"SM{self._texts}"
        for _ in range(self._chance.choice((1, 1, 2))):
            self._world.answering.reply(sid, name, number, mark)
