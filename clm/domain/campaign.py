"""A campaign as marketers write it: who enters, what is sent when, and what ends it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from clm.domain.clock import Weekday
from clm.domain.condition_parser import ConditionError, parse_events
from clm.domain.content import ChannelName
from clm.domain.duration import at_least, or_kept, within_reason
from clm.domain.instant import DAY_MS
from clm.domain.naming import Name
from clm.domain.nearest import nearest
from clm.domain.policy import Purpose

_KEYS = ("contact", "first_order", "last_order", "lifecycle")
STEPS_MAX = 50
ARMS_MAX = 10
EXITS_MAX = 10
WEIGHT_MAX = 1_000

Loc = tuple[int | str, ...]
"""Where something stands in a campaign file: keys and positions, from the top."""


def _percent(value: Any) -> float:
    if isinstance(value, float) or value == 0:
        share = float(value)
    else:
        match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)\s*%", str(value))
        if match is None:
            raise ValueError(f"`{value}` is not a share; write 10%")
        share = float(match[1]) / 100
    if not 0 <= share <= 0.5:
        raise ValueError("lies between 0% and 50%; holding out more than half leaves hardly a campaign")
    return share


def _time_of_day(value: Any) -> str:
    # YAML takes 10:00 without quotes for a number to the base of sixty.
    match = re.fullmatch(r"(\d{1,2}):(\d\d)", str(value))
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise ValueError(f'`{value}` is not a time of day; write it in quotes, "09:00"')
    return f"{int(match[1]):02}:{match[2]}"


def _entry_key(value: Any) -> str:
    text = str(value)
    if text in _KEYS:
        return text
    if "(" in text:
        try:
            return " or ".join(event.name for event in parse_events(text))
        except ConditionError as error:
            raise ValueError(f"`{text}` names no fact to enter by: {error}; e.g. last('cart_updated')") from None
    raise ValueError(
        f"`{text}` names no fact to enter by{nearest(text, _KEYS)} "
        f"(known: {', '.join(_KEYS)}, and an event: last('cart_updated') or first('trial_started'))"
    )


Length = Annotated[int, BeforeValidator(within_reason)]
"""Milliseconds, written as 30m, 4h, 6d or 2w; none at all, 0d, is one."""
Duration = Annotated[int, BeforeValidator(at_least("1m"))]
"""A length that is not nothing."""
_Stretch = Annotated[int, BeforeValidator(or_kept(at_least("1m")))]
"""A duration of a campaign, as its file says or as its definition has kept it."""
Lateness = Annotated[int, BeforeValidator(or_kept(at_least("1h", " for runs to come to it")))]
"""How long after it is due a message may still leave."""
Percent = Annotated[float, BeforeValidator(_percent)]
"""A share from 0 to 0.5, written as 10%."""
TimeOfDay = Annotated[str, BeforeValidator(_time_of_day)]
"""A time on the clock, "09:00"."""
EntryKey = Annotated[str, BeforeValidator(_entry_key)]
"""The fact that names an enrolment: contact, first_order, last_order, lifecycle, first('event'), last('event'), or the
latest of several, last('event') or last('other', score <= 2)."""
Reason = Annotated[str, Field(min_length=1, max_length=200)]
Condition = Annotated[str, Field(min_length=1)]
"""Kept as text, and parsed where it is compiled."""


def _given(default: Any = None) -> Any:
    """A setting that a definition mentions only where it differs.

    So the definitions, and with them the versions, of campaigns written before there was such a setting stay as they
    were.
    """
    return Field(default=default, exclude_if=lambda value: value == default)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EntryCap(_Strict):
    """How many may enter in a stretch of time; the rest enter later, if it still holds of them."""

    entries: int = Field(ge=1)
    within: _Stretch


class Enter(_Strict):
    """Who enters, and which fact names the enrolment so that it happens once."""

    when: Condition
    once_per: EntryKey
    again_after: _Stretch | None = _given()
    """At least so long between two entries of one contact; with `once_per: contact`, what allows a second at all."""
    at_most: EntryCap | None = _given()


class Goal(_Strict):
    """What the campaign is for; reaching it ends the journey."""

    when: Condition
    within: _Stretch | None = None


class ExitRule(_Strict):
    """What ends the journey early, whatever step somebody is at."""

    when: Condition
    reason: Reason


class _Step(_Strict):
    name: Name | None = Field(default=None, exclude_if=lambda name: name is None)
    """What `go_to`, diagrams and edited files know the step by."""


class SendStep(_Strict):
    """Sends the words of templates/<campaign>/<send>/ by one channel."""

    send: Name
    channel: ChannelName
    within: Lateness = 3 * DAY_MS
    """How late it may leave; after that it ends as expired. Three days covers a week-end without anybody at work."""
    coupon: str | None = _given()
    """The offer of config/offers.yaml that the message carries; the offer guard looks at those that carry one."""
    survey: str | None = _given()
    """The survey of config/surveys.yaml that the message asks for."""

    @property
    def name(self) -> str:
        """A send is known by what it sends."""
        return self.send


class WaitStep(_Step):
    """Waits, counted from the moment the step before was passed."""

    wait: _Stretch


class UntilTrue(_Strict):
    """Waiting for a condition, and what then if it never holds."""

    when: Condition
    at_most: _Stretch
    otherwise: str = _given("continue")
    """`continue`, `exit`, or the name of a later step."""


class UntilTime(_Strict):
    """Waiting for a time of day where the contact lives."""

    at: TimeOfDay
    on: Annotated[list[Weekday], Field(min_length=1)] | None = _given()
    at_most: _Stretch | None = _given()


def _until(value: Any, info: ValidationInfo) -> Any:
    """Name the fault of a `wait_until` once, as the kind of waiting it is."""
    if isinstance(value, BaseModel):
        return value
    if isinstance(value, dict) and "when" in value and "at" in value:
        raise ValueError("waits for a condition (`when`) or for a time of day (`at`), not for both; make it two steps")
    if isinstance(value, dict) and "when" in value:
        if "at_most" not in value:
            raise ValueError("would wait for ever; say how long, `at_most: 11d`")
        return UntilTrue.model_validate(value, context=info.context)
    if isinstance(value, dict) and "at" in value:
        return UntilTime.model_validate(value, context=info.context)
    raise ValueError('needs `when: <condition>` with `at_most: 11d`, or `at: "09:00"`')


class WaitUntilStep(_Step):
    """Waits until a condition holds, or until a time of day."""

    wait_until: Annotated[UntilTrue | UntilTime, BeforeValidator(_until)]


class Arm(_Strict):
    """One way on from a branch; without `when` it is for everybody who is left."""

    when: Condition | None = _given()
    steps: list[Step] = Field(max_length=STEPS_MAX)


class BranchStep(_Step):
    """Goes on by the first arm whose condition holds; where none does, after the branch."""

    branch: list[Arm] = Field(min_length=1, max_length=ARMS_MAX)


class SplitArm(_Strict):
    """One arm of an experiment."""

    name: Name
    weight: int = Field(ge=1, le=WEIGHT_MAX)
    steps: list[Step] = Field(max_length=STEPS_MAX)


class SplitStep(_Step):
    """Draws lots between arms, by weight; the same contact always draws the same arm."""

    split: list[SplitArm] = Field(min_length=2, max_length=ARMS_MAX)

    @field_validator("split")
    @classmethod
    def _arms_have_names_of_their_own(cls, arms: list[SplitArm]) -> list[SplitArm]:
        names = [arm.name for arm in arms]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two arms are called `{name}`; reports could not tell them apart")
        return arms


class GoToStep(_Step):
    """Goes on at a later step."""

    go_to: Name


class ExitStep(_Step):
    """Ends the journey, with a reason."""

    exit: Reason


class SuppressStep(_Step):
    """Adds the contact's address to the suppressions of a channel."""

    suppress: Literal["email", "sms"]


_KINDS: dict[str, type[BaseModel]] = {
    "send": SendStep,
    "wait": WaitStep,
    "wait_until": WaitUntilStep,
    "branch": BranchStep,
    "split": SplitStep,
    "go_to": GoToStep,
    "exit": ExitStep,
    "suppress": SuppressStep,
}


def _step(value: Any, info: ValidationInfo) -> Any:
    """Name the fault of a step once, instead of once per kind of step it might have been."""
    if isinstance(value, BaseModel):
        return value
    found = [kind for kind in _KINDS if isinstance(value, dict) and kind in value]
    if len(found) == 1:
        return _KINDS[found[0]].model_validate(value, context=info.context)
    if found:
        raise ValueError(f"is both `{found[0]}` and `{found[1]}`; a step does one thing, make it two")
    meant = next((near for key in value if (near := nearest(str(key), _KINDS))), "") if isinstance(value, dict) else ""
    raise ValueError(f"is no step{meant} (known: {', '.join(_KINDS)})")


Step = Annotated[
    SendStep | WaitStep | WaitUntilStep | BranchStep | SplitStep | GoToStep | ExitStep | SuppressStep,
    BeforeValidator(_step),
]
"""One thing that a campaign does."""


class Campaign(_Strict):
    """One file of config/campaigns/; conditions are kept as text and parsed where they are compiled."""

    campaign: Name
    title: str
    status: Literal["draft", "live", "paused"]
    purpose: Purpose = "marketing"
    topic: Name | None = None
    """What it is about (config/topics.yaml): people may say that they want no word on it; today's file decides."""
    priority: int = Field(default=50, ge=0, le=100)
    enter: Enter
    unless: Condition | None = None
    exit: list[ExitRule] = Field(default=[], max_length=EXITS_MAX, exclude_if=lambda rules: not rules)
    goal: Goal | None = None
    holdout: Percent = _given(0.0)
    in_flight: Literal["stay", "move"] = "stay"
    """What an edit does to people in flight; today's file decides, so it is no part of a definition."""
    service_first: Literal["hold", "ignore"] = _given("hold")
    delivery: Literal["at_most_once", "at_least_once"] = _given("at_most_once")
    """What becomes of a message in doubt of which the provider stays silent: it ends, or it is handed over again;
    today's file decides, so it is no part of a definition."""
    steps: list[Step] = Field(min_length=1, max_length=STEPS_MAX)

    @field_validator("steps")
    @classmethod
    def _something_is_sent(cls, steps: list[Step]) -> list[Step]:
        if not any(isinstance(step, SendStep) for _, step in every_step(steps)):
            raise ValueError("sends nothing; add a step `send: <name>`")
        return steps

    @property
    def sends(self) -> list[SendStep]:
        """The steps that send, in the order of the file, those in branches and splits included."""
        return [step for _, step in every_step(self.steps) if isinstance(step, SendStep)]

    def conditions(self) -> Iterator[tuple[Loc, str, Literal["contact", "enrolment"]]]:
        """Every condition, with its place in the file and what it may speak of."""
        return conditions_in(self.model_dump(mode="json"))

    def definition(self) -> str:
        """What people in flight stay on, as JSON: everything but what is always as today's file says."""
        kept = self.model_dump(mode="json", exclude=TODAYS)
        return json.dumps(kept, sort_keys=True, separators=(",", ":"))

    @property
    def version(self) -> str:
        """A name for `definition()`: the first 12 hex digits of its SHA-256."""
        return hashlib.sha256(self.definition().encode()).hexdigest()[:12]


TODAYS = {"title", "status", "topic", "priority", "in_flight", "delivery"}
"""What is always as today's file says, whatever version people are on."""


def every_step(steps: list[Step], loc: Loc = ("steps",)) -> Iterator[tuple[Loc, Step]]:
    """All steps with their places, in the order of the file, those in arms included."""
    for index, step in enumerate(steps):
        here = (*loc, index)
        yield here, step
        for arm_loc, arm in arms_of(step, here):
            yield from every_step(arm.steps, (*arm_loc, "steps"))


def arms_of(step: Step, loc: Loc = ()) -> Iterator[tuple[Loc, Arm | SplitArm]]:
    """The arms of a branch or a split with their places; other steps have none."""
    match step:
        case BranchStep(branch=arms):
            yield from (((*loc, "branch", index), arm) for index, arm in enumerate(arms))
        case SplitStep(split=arms):
            yield from (((*loc, "split", index), arm) for index, arm in enumerate(arms))


def conditions_in(data: Any) -> Iterator[tuple[Loc, str, Literal["contact", "enrolment"]]]:
    """Every condition of a campaign file as it was read, sound or not, with its place and what it may speak of."""
    for loc, text in _whens(data, ()):
        yield loc, text, "contact" if loc == ("enter", "when") else "enrolment"


def _whens(data: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:
    pairs: Any = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in pairs:
        here = (*loc, key)
        if isinstance(value, str):
            if key == "when" or here == ("unless",):
                yield here, value
        else:
            yield from _whens(value, here)
