"""What a contact wishes of marketing beside channels: no word on some topics, and no more than so often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, StringConstraints

from clm.domain.instant import DAY_MS

Frequency = Literal["all", "weekly", "monthly"]
FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)
EVERY_MS: Mapping[Frequency, int] = {"all": 0, "weekly": 7 * DAY_MS, "monthly": 30 * DAY_MS}
"""So long after one marketing e-mail comes the next at the earliest, in milliseconds."""

Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\r\n]+$")]


class TopicWords(BaseModel):
    """How one topic is called to customers, in one language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Said
    about: Said


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that campaigns are about and that a person may not want to hear of."""

    name: str
    words: Mapping[str, TopicWords]
    """By locale."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The latest choice of one contact; without one they want everything."""

    topics_off: frozenset[str] = frozenset()
    frequency: Frequency = "all"

    @property
    def every_ms(self) -> int:
        """The gap between marketing e-mails that they wish for."""
        return EVERY_MS[self.frequency]
