"""What became of each broadcast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from clm.config import Configuration
from clm.domain.broadcast import Broadcast
from clm.insight.standing import Standing, standings
from clm.store import broadcasts
from clm.store.database import Database

_NOT_SENT = ("refused", "rejected", "expired", "dead")
State = Literal["not announced", "announced", "gone out", "called off"]


@dataclass(frozen=True, slots=True)
class Outing:
    """One broadcast, in people."""

    broadcast: Broadcast
    standing: Standing
    off: bool
    """Whether it has been called off."""
    called_off: int
    """For how many people that was in time."""
    begun_at: int | None
    """Of one that is due at once: the instant (milliseconds) at which it was announced."""

    @property
    def state(self) -> State:
        """Where it is between being written and having gone out."""
        if self.off:
            return "called off"
        if not self.standing.versions:
            return "not announced"
        under_way = self.standing.total("active") or self.queued
        return "announced" if under_way else "gone out"

    @property
    def announced(self) -> int:
        """To whom it has been announced, those held out among them."""
        return sum(self.standing.total(name) for name in ("active", "completed", "exited"))

    @property
    def queued(self) -> int:
        """Whose letter is about to leave, or on its way."""
        return sum(self.standing.messages.get(status, 0) for status in ("queued", "sending"))

    @property
    def not_sent(self) -> int:
        """Whose letter was not sent, for reasons that `clm messages` tells."""
        return sum(self.standing.messages.get(status, 0) for status in _NOT_SENT)


def outings(database: Database, configuration: Configuration) -> list[Outing]:
    """Every broadcast that there is a file of, the latest first."""
    return outings_of(database, configuration.broadcasts, standings(database, configuration))


def outings_of(database: Database, files: Iterable[Broadcast], known: Iterable[Standing]) -> list[Outing]:
    """Some broadcasts, the latest first; `known` is how each of them stands, and maybe others."""
    latest = sorted(files, key=lambda one: (one.at, one.campaign), reverse=True)
    found, names = {one.campaign: one for one in known}, [one.campaign for one in latest]
    with database.read() as tx:
        begun = {one.campaign: broadcasts.begun_at(tx, one.campaign) for one in latest if one.at_once}
        off, spared = broadcasts.called_off(tx, names), broadcasts.spared(tx, names)
    return [
        Outing(one, found[one.campaign], one.campaign in off, spared.get(one.campaign, 0), begun.get(one.campaign))
        for one in latest
    ]
