"""A campaign as marketers write it: who enters, what is sent when, and what ends it."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from clm.domain.content import ChannelName
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.policy import Purpose

_UNITS_MS = {"m": HOUR_MS // 60, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
_NAME = r"^[a-z][a-z0-9_]{0,39}$"
STEPS_MAX = 50


def _duration(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = re.fullmatch(r"(\d{1,4})\s*([mhdw])", str(value))
    if match is None:
        raise ValueError(f"`{value}` is not a duration; write 30m, 4h, 6d or 2w")
    return int(match[1]) * _UNITS_MS[match[2]]


Duration = Annotated[int, BeforeValidator(_duration)]
"""Milliseconds, written as 30m, 4h, 6d or 2w."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Enter(_Strict):
    """Who enters, and which fact names the enrolment so that it happens once."""

    when: str
    once_per: Literal["contact", "first_order", "last_order"]


class Goal(_Strict):
    """What the campaign is for; reaching it ends the journey."""

    when: str
    within: Duration | None = None


class SendStep(_Strict):
    """Sends the words of templates/<campaign>/<send>/ by one channel."""

    send: str = Field(pattern=_NAME)
    channel: ChannelName
    within: Duration = 3 * DAY_MS
    """How late it may leave; after that it ends as expired. Three days covers a week-end without anybody at work."""


class WaitStep(_Strict):
    """Waits, counted from the moment the step before was passed."""

    wait: Duration


def _step(value: Any) -> Any:
    """Name the fault of a step once, instead of once per kind of step it might have been."""
    if isinstance(value, dict) and "send" in value:
        return SendStep.model_validate(value)
    if isinstance(value, dict) and "wait" in value:
        return WaitStep.model_validate(value)
    if isinstance(value, BaseModel):
        return value
    raise ValueError("is neither `send: <name>` nor `wait: <duration>`")


Step = Annotated[SendStep | WaitStep, BeforeValidator(_step)]
"""One thing that a campaign does."""


class Campaign(_Strict):
    """One file of config/campaigns/; conditions are kept as text and parsed where they are compiled."""

    campaign: str = Field(pattern=_NAME)
    title: str
    status: Literal["draft", "live", "paused"]
    purpose: Purpose = "marketing"
    priority: int = Field(default=50, ge=0, le=100)
    enter: Enter
    unless: str | None = None
    goal: Goal | None = None
    steps: list[Step] = Field(min_length=1, max_length=STEPS_MAX)

    @field_validator("steps")
    @classmethod
    def _steps_have_names_of_their_own(cls, steps: list[SendStep | WaitStep]) -> list[SendStep | WaitStep]:
        names = [step.send for step in steps if isinstance(step, SendStep)]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two steps send `{name}`; a step's name is what makes its message once")
        if not names:
            raise ValueError("sends nothing; add a step `send: <name>`")
        return steps

    @property
    def sends(self) -> list[SendStep]:
        """The steps that send, in order."""
        return [step for step in self.steps if isinstance(step, SendStep)]

    def definition(self) -> str:
        """What people in flight stay on, as JSON: everything but title, status and priority."""
        kept = self.model_dump(mode="json", exclude={"title", "status", "priority"})
        return json.dumps(kept, sort_keys=True, separators=(",", ":"))

    @property
    def version(self) -> str:
        """A name for `definition()`: the first 12 hex digits of its SHA-256."""
        return hashlib.sha256(self.definition().encode()).hexdigest()[:12]
