"""Reads config/surveys.yaml: every survey in every language of the shop, or it is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Formatter

from pydantic import BaseModel, ConfigDict, Field

from clm.domain.campaign import Campaign, SendStep, every_step
from clm.domain.naming import Name
from clm.domain.nearest import nearest
from clm.domain.survey import SCALES, Survey, SurveyWords
from clm.errors import ConfigurationError, Fault
from clm.yaml_file import Loc, YamlFile

SURVEYS_MAX = 50
_VALUES = ("brand", "reply_to")
_RESERVED = ("survey", "score", "comment", "order_id", "message_id", "within", "at_least")
"""What an answer says beside its questions, and what the condition language asks of events."""


class SurveysFile(BaseModel):
    """config/surveys.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    surveys: dict[Name, Survey] = Field(max_length=SURVEYS_MAX)


def load_surveys(folder: Path, locales: Sequence[str]) -> dict[str, Survey]:
    """The surveys under `folder` by name; none where there is no file.

    Each has words in all of `locales`, or, where the shop names none, in every language that any of them has.
    Raises ConfigurationError listing every fault.
    """
    path = folder / "surveys.yaml"
    if not path.exists():
        return {}
    file = YamlFile(path)
    surveys = file.validate(SurveysFile).surveys
    wanted = locales or list(dict.fromkeys(locale for survey in surveys.values() for locale in survey.words))
    faults = [
        file.fault(("surveys", name, *loc), message)
        for name, survey in surveys.items()
        for loc, message in _faults(name, survey, wanted)
    ]
    if faults:
        raise ConfigurationError(faults)
    return surveys


def unknown_surveys(folder: Path, campaigns: Iterable[Campaign], surveys: Mapping[str, Survey]) -> list[Fault]:
    """Steps of the campaigns in `folder` that ask for a survey which is not there."""
    known = f"(known: {', '.join(surveys)})" if surveys else "(there is none)"
    return [
        YamlFile(folder / f"{campaign.campaign}.yaml").fault(
            (*loc, "survey"),
            f"`{step.survey}` is no survey of config/surveys.yaml{nearest(step.survey, surveys)} {known}",
        )
        for campaign in campaigns
        for loc, step in every_step(campaign.steps)
        if isinstance(step, SendStep) and step.survey is not None and step.survey not in surveys
    ]


def _faults(name: str, survey: Survey, locales: Sequence[str]) -> Iterator[tuple[Loc, str]]:
    """What is wrong with a survey whose parts are each sound."""
    if name in SCALES and survey.kind != name:
        yield ("kind",), f"must be `{name}`: facts and conditions know these answers by that name"
    if survey.kind == "questions":
        yield from _questions(survey)
    else:
        yield from _bounds(survey)
    for locale in locales:
        if locale not in survey.words:
            yield ("words",), f"lacks the language `{locale}`; write `{locale}:` with what the others have"
    for locale, words in survey.words.items():
        where: Loc = ("words", locale)
        yield from (((*where, *loc), message) for loc, message in _words(survey, words))


def _bounds(survey: Survey) -> Iterator[tuple[Loc, str]]:
    lowest, highest = SCALES[survey.kind]
    for setting, bound in (("low", survey.low), ("high", survey.high)):
        if bound is None:
            yield (
                (setting,),
                f"is required: the mark, {lowest} to {highest}, up to or from which answers count as {setting}",
            )
        elif bound not in survey.marks:
            yield (setting,), f"is {bound}; marks go from {lowest} to {highest}"
    if survey.low in survey.marks and survey.high in survey.marks and survey.is_low(survey.high):
        yield ("low",), f"is {survey.low}, which is not below `high`, {survey.high}"
    if survey.questions is not None:
        yield ("questions",), f"are for `kind: questions`; of kind {survey.kind} there is one, with a scale"


def _questions(survey: Survey) -> Iterator[tuple[Loc, str]]:
    if not survey.questions:
        yield ("questions",), "is required, with one question at least"
    for setting, value in (("low", survey.low), ("high", survey.high)):
        if value is not None:
            yield (setting,), "is for surveys that ask for a mark"
    if survey.comment:
        yield ("comment",), "is for surveys that ask for a mark; make it a question of kind text"
    for name, question in (survey.questions or {}).items():
        if name in _RESERVED:
            yield ("questions", name), f"is a name that means something else of an answer; not {', '.join(_RESERVED)}"
        if question.kind == "choice" and question.choices is None:
            yield ("questions", name), "needs `choices: [one, another]`"
        elif question.kind == "text" and question.choices is not None:
            yield ("questions", name, "choices"), "are for `kind: choice`"
        elif question.choices is not None and len(set(question.choices)) < len(question.choices):
            yield ("questions", name, "choices"), "names one choice twice"


def _words(survey: Survey, words: SurveyWords) -> Iterator[tuple[Loc, str]]:
    scored = survey.kind != "questions"
    wanted: dict[Loc, tuple[object, bool]] = {
        ("question",): (words.question, scored),
        ("low_end",): (words.low_end, scored),
        ("high_end",): (words.high_end, scored),
        ("comment",): (words.comment, scored and survey.comment),
        ("thanks", "sorry"): (words.thanks.sorry, scored),
        ("questions",): (words.questions, not scored),
    }
    for loc, (said, needed) in wanted.items():
        if needed and said is None:
            yield loc, "is required"
        elif said is not None and not needed:
            yield loc, "is never shown: the survey does not ask for it"
    if not scored and words.questions is not None:
        yield from _asked(survey, words)
    for loc, said in _texts(words.model_dump(exclude_none=True), ()):
        yield from ((loc, message) for message in _unsayable(said))


def _asked(survey: Survey, words: SurveyWords) -> Iterator[tuple[Loc, str]]:
    said, questions = words.questions or {}, survey.questions or {}
    yield from _same(said, questions, ("questions",), "question")
    for name in (name for name in questions if name in said):
        where: Loc = ("questions", name, "choices")
        yield from _same(said[name].choices or {}, questions[name].choices or [], where, "choice")


def _same(
    said: Mapping[str, object], wanted: Mapping[str, object] | list[str], loc: Loc, what: str
) -> Iterator[tuple[Loc, str]]:
    for name in wanted:
        if name not in said:
            yield loc, f"lacks the {what} `{name}`"
    for name in said:
        if name not in wanted:
            yield (*loc, name), f"is no {what} of the survey{nearest(name, list(wanted))}"


def _texts(value: object, loc: Loc) -> Iterator[tuple[Loc, str]]:
    if isinstance(value, str):
        yield loc, value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _texts(part, (*loc, name))


def _unsayable(said: str) -> Iterator[str]:
    """Braces are for values; whatever else stands in them would fail when somebody opens the page."""
    try:
        named = [found for found in Formatter().parse(said) if found[1] is not None]
    except ValueError:
        yield "has a brace that stands alone; write {{ or }} for one that is shown"
        return
    if any(how or converted for _, _, how, converted in named):
        yield "says in braces how to write a value; write its name alone, such as {brand}"
    for name in sorted({name for _, name, _, _ in named if name is not None} - set(_VALUES)):
        yield f"names {{{name}}}; there are {{{'}, {'.join(_VALUES)}}}"
