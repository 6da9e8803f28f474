"""Times as files write them, as milliseconds since 1970 UTC."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final

from clm.domain.instant import DAY_MS, iso, to_ms
from clm.sources.values import plain_text

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

_EARLIEST_MS: Final = to_ms(datetime(1900, 1, 1, tzinfo=UTC))
_LATEST_MS: Final = to_ms(datetime(2200, 1, 1, tzinfo=UTC))

_BORN_YEAR_MIN: Final = 1900

AHEAD_MS_MAX: Final = {"ordered_at": DAY_MS, "signed_up_at": DAY_MS, "at": 3_653 * DAY_MS}
"""How far ahead of the reading a time may lie: a day for what has happened, because clocks and zones differ; ten years
for an event, which may be told before it comes."""

_SECONDS_BELOW: Final = 100_000_000_000
"""A number below is epoch seconds (until the year 5138), one above epoch milliseconds (from March 1973)."""

_NUMBER: Final = re.compile(r"-?\d{9,17}(\.\d{1,9})?")  # eight digits are a date, 20101201
_LOOSE: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<hour>\d{1,2})(?P<rest>:[\d:.]+?)? ?(?P<zone>UTC|GMT|[zZ])?"
)


def instants(zone: tzinfo) -> Callable[[Any], int | None]:
    """A reader of times that takes those without a zone as local time in `zone`.

    Understands ISO 8601 with and without zone, a date alone (its midnight), epoch seconds and milliseconds. A local
    time that the clock change repeats is its first occurrence; one that it skips is read with the offset before it.
    The reader returns None for an empty value and raises ValueError for anything else.
    """

    def read(value: Any) -> int | None:
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the zone is put on below
        else:
            text = plain_text(value)
            if text is None:
                return None
            if _NUMBER.fullmatch(text):
                return _from_number(text)
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                moment = _from_loose(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone, fold=0)
        return _within_reason((moment - _EPOCH) // _MILLISECOND)

    return read


def require_not_ahead(field: str, ms: int, now: int) -> None:
    """Raise ValueError for a time that lies further ahead of `now` than the field may."""
    if ms > now + AHEAD_MS_MAX[field]:
        ahead = "more than ten years ahead" if field == "at" else "still to come"
        raise ValueError(
            f"is {iso(ms)}, which is {ahead}; is it the wrong year, are day and month swapped, or is it the wrong time"
            " zone?"
        )


def birth_date(value: Any) -> int | None:
    """A date of birth in ISO 8601 as its midnight UTC, whatever zone the person was born in; an hour is left out.

    Whether it lies in the future is for those to say who know what time it is.
    """
    if isinstance(value, datetime):
        day = value.date()
    elif isinstance(value, date):
        day = value
    else:
        text = plain_text(value)
        if text is None:
            return None
        try:
            day = datetime.fromisoformat(text).date()
        except ValueError:
            raise ValueError(f"is not a date: `{text[:40]}`; write ISO 8601, such as 1990-05-17") from None
    if day.year < _BORN_YEAR_MIN:
        raise ValueError(f"is a date before {_BORN_YEAR_MIN}; is this the right column?")
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _from_number(text: str) -> int:
    number = float(text)
    return _within_reason(round(number * 1_000) if abs(number) < _SECONDS_BELOW else round(number))


def _from_loose(text: str) -> datetime:
    """`2010-12-01 7:45` and `2010-12-01 07:45:00 UTC`, which shops write and ISO 8601 does not have."""
    match = _LOOSE.fullmatch(text)
    if match is not None:
        zone = "Z" if match["zone"] else ""
        try:
            return datetime.fromisoformat(f"{match['day']}T{match['hour']:0>2}{match['rest'] or ''}{zone}")
        except ValueError:
            pass
    raise ValueError(f"is not a time: `{text[:40]}`; write ISO 8601, such as 2010-12-01 09:00 or 2010-12-01T09:00:00Z")


def _within_reason(ms: int) -> int:
    if not _EARLIEST_MS <= ms < _LATEST_MS:
        raise ValueError("is a time before 1900 or after 2199; is this the right column?")
    return ms
