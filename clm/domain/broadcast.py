"""A letter that goes out once, to everybody of whom something holds at the time it is announced.

To the engine it is a campaign of one send, with the same guards, hold-out and reports. But no run takes anybody into
it: `clm broadcast` announces it, and whoever it is announced to enters at the instant at which their letter is due.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ValidationInfo

from clm.domain.campaign import Campaign
from clm.domain.clock import zone_of
from clm.domain.duration import is_from_file
from clm.domain.instant import to_ms

CALLED_OFF = "called off"
"""Why the journeys of a broadcast end that is not sent any more."""

Where = Literal["shop", "contact"]
AT_ONCE = "now"
"""What `at` may say instead of a time: the instant at which it is first announced."""
YEARS = range(2000, 2100)
"""Those in which a letter may be due; what lies far outside is no instant, and what lies near it a slip."""


def _wall_time(value: Any, info: ValidationInfo) -> str:
    if value == AT_ONCE:
        return AT_ONCE
    text = value.strftime("%Y-%m-%d %H:%M") if isinstance(value, datetime) and value.tzinfo is None else str(value)
    if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", text) is None or not _is_a_time(text):
        raise ValueError(f'`{value}` is not a date and a time of day; write it in quotes, "2026-12-01 09:00", or `now`')
    if is_from_file(info) and int(text[:4]) not in YEARS:
        raise ValueError(f"`{text}` lies outside of {YEARS[0]} to {YEARS[-1]}; is the year right?")
    return text


def _is_a_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


WallTime = Annotated[str, BeforeValidator(_wall_time)]
"""What a clock on the wall shows, "2026-12-01 09:00", in a zone that is said elsewhere; or `now`."""


class Broadcast(Campaign):
    """One file of config/broadcasts/, as the campaign that it is."""

    at: WallTime
    where: Where
    """Whose clock shows `at`: the shop's, or each contact's own. Of no matter where it is `now`."""

    @property
    def at_once(self) -> bool:
        """Whether it is due at the instant at which it is first announced, for all."""
        return self.at == AT_ONCE

    def is_late(self, due_at: int, now: int) -> bool:
        """Whether nobody is taken in any more whose letter is due at an instant (milliseconds).

        A time that was written down and has passed was a slip, or is for another day. What is due at once has passed
        as soon as somebody goes on announcing it, and is late where the letter could not leave in time any more.
        """
        return due_at + (self.sends[0].within if self.at_once else 0) <= now

    def due_at(self, home_zone: str | None, shop_zone: str) -> int:
        """The instant (milliseconds) at which the letter to somebody who lives in `home_zone` is due, if not at once.

        Where clocks are put back over `at`, the first time that they show it; where they are put forward over it, as
        long after the gap as `at` is after its beginning.
        """
        zone = zone_of(home_zone, shop_zone) if self.where == "contact" else zone_of(shop_zone)
        return to_ms(datetime.fromisoformat(self.at).replace(tzinfo=zone))
