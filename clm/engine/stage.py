"""Places contacts in the stages of the lifecycle, and keeps their history."""

from __future__ import annotations

from typing import NamedTuple

from clm.domain.stage import Stages
from clm.store import stages as store
from clm.store import watermarks
from clm.store.database import Database

BATCH_CONTACTS = 5_000


class Placed(NamedTuple):
    """What came of placing."""

    everybody: bool
    """Whether all contacts were looked at, and not only those of whom something may have changed."""
    moved: int


def place_contacts(database: Database, stages: Stages, *, now: int, force: bool = False) -> Placed:
    """Put every contact into the first stage that holds at `now`; cost follows what changed since the last time.

    With `force` everybody is looked at. A run for an earlier instant than the last one changes nothing. Two runs at
    once are safe: each writes only where nobody has changed the contact since it looked.
    """
    if not stages.stages:
        return Placed(False, 0)
    with database.read() as tx:
        look = watermarks.begin(tx, "stages", rules=store.rules(tx, stages), now=now)
        if look.before is not None and now < look.before.evaluated_at:
            return Placed(False, 0)
        turned = None if force else store.turned(tx, stages, look.mark, now=now)
        last = store.last_contact(tx)
    if turned is None:
        moved = sum(_place_page(database, stages, after, now) for after in range(0, last, store.PAGE_CONTACTS))
    else:
        moved = _move(database, stages, turned, now)
    with database.write() as tx:
        watermarks.end(tx, look, now=now)
    return Placed(turned is None, moved)


def _place_page(database: Database, stages: Stages, after: int, now: int) -> int:
    with database.read() as tx:
        moving = store.misplaced(tx, stages, after=after, now=now)
    return _move(database, stages, moving, now)


def _move(database: Database, stages: Stages, moving: list[store.Mover], now: int) -> int:
    moved = 0
    for low in range(0, len(moving), BATCH_CONTACTS):
        with database.write() as tx:
            moved += store.move(tx, moving[low : low + BATCH_CONTACTS], stages.begins_a_cycle, now=now)
    return moved
