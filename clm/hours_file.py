"""The legal hours of SMS by place, read from config/sms_hours.yaml.

Each row says where it comes from and when somebody looked it up, so that whoever doubts it can look again.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from clm.domain.atlas import places
from clm.domain.hours import QuietHours, Week
from clm.domain.nearest import nearest
from clm.errors import ConfigurationError
from clm.yaml_file import YamlFile

_ROWS_MAX = 1_000
_CLOSED_MAX = 1_000
_SOURCE_MAX = 500
_A_LEAP_YEAR = 2028
_CLOSED_DAY = re.compile(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})")


def _place(text: str) -> str:
    if text not in places():
        remedy = nearest(text, places()) or "; write a country as `FR`, a state or province as `US-FL`"
        raise ValueError(f"`{text}` is no country, and no state or province of US, CA or AU{remedy}")
    return text


def _closed_day(value: Any) -> str:
    text = str(value)  # YAML reads 2027-04-05 as a date and 12-25 as text
    found = _CLOSED_DAY.fullmatch(text)
    try:
        date(*(int(part) for part in (found[1] or _A_LEAP_YEAR, found[2], found[3]))) if found else date(0, 0, 0)
    except ValueError:
        raise ValueError(f"`{text}` is no date; write 2027-04-05, or 12-25 for every year") from None
    return text


class LegalHours(BaseModel):
    """One place's law or regulator's rule, and when somebody last looked it up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    place: Annotated[str, AfterValidator(_place)]
    hours: QuietHours
    closed_on: Annotated[tuple[Annotated[str, BeforeValidator(_closed_day)], ...], Field(max_length=_CLOSED_MAX)] = ()
    """Dates on which no message may go: 2027-04-05, or 12-25 for every year."""
    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=_SOURCE_MAX)]
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s\"'<>]+$", max_length=_SOURCE_MAX)] | None = None
    checked: date

    @property
    def week(self) -> Week:
        """The hours as they are reckoned with."""
        return Week(self.hours.week.days, frozenset(self.closed_on))


class _HoursFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    places: Annotated[tuple[LegalHours, ...], Field(max_length=_ROWS_MAX)]


def read_hours(path: Path) -> tuple[LegalHours, ...]:
    """The rows of the file at `path`; raises ConfigurationError with every fault, also a place that has two rows."""
    file = YamlFile(path)
    rows = file.validate(_HoursFile).places
    named = [row.place for row in rows]
    twice = [
        file.fault(("places", number, "place"), f"`{row.place}` has a row already; keep one, with the stricter hours")
        for number, row in enumerate(rows)
        if row.place in named[:number]
    ]
    if twice:
        raise ConfigurationError(twice)
    return rows


def load_hours(path: Path) -> dict[str, Week]:
    """The legal hours by place, for `Hours.legal`; raises ConfigurationError with every fault."""
    return {row.place: row.week for row in read_hours(path)}
