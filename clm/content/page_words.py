"""What customers' pages and answers by SMS say, in each language, and the pages made of it.

templates/_pages/<locale>.yaml holds the words of one language, templates/_pages/*.html the pages, style.css how they
look in the brand's colours. Values are put into words as `{brand}` or `{address}`, and escaped there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from string import Formatter
from typing import Any, ClassVar, Literal

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape
from pydantic import BaseModel, ConfigDict, model_validator

from clm.content.brand import Brand, spoken
from clm.content.formats import whole_number
from clm.content.locale import chain, direction, normalise
from clm.content.page_fault import page_fault
from clm.errors import ConfigurationError, Fault
from clm.yaml_file import read_yaml

PAGES = (
    *("unsubscribe", "unsubscribed", "preferences", "survey", "survey_thanks"),
    *("confirm", "confirmed", "join", "joined", "busy", "referral", "not_found", "unavailable", "home"),
)
_EVERYWHERE = ("brand", "reply_to")
_RUNS = {"date": "auto"}
"""Which way values run; addresses and numbers from left to right, dates as their own words do."""
_ACCEPTED_CHARACTERS_MAX = 500
_LAST_RESORT = "en"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    given: ClassVar[Mapping[str, str]] = {}
    """Words that are told a value more, and its name."""

    @model_validator(mode="after")
    def _names_only_known_values(self) -> _Part:
        for name, said in self:
            if isinstance(said, str):
                named = [found for found in Formatter().parse(said) if found[1] is not None]
                if any(how or converted for _, _, how, converted in named):
                    raise ValueError(f"`{name}` says in braces how to write a value; write its name alone")
                values = sorted({*_EVERYWHERE, self.given.get(name, "brand")})
                if unknown := {field for _, field, _, _ in named if field is not None}.difference(values):
                    known = ", ".join(f"{{{value}}}" for value in values)
                    raise ValueError(f"`{name}` names {{{min(unknown)}}}; there are {known}")
        return self


class UnsubscribeWords(_Part):
    """The page that asks before it unsubscribes."""

    given = {"lead": "address"}

    title: str
    lead: str
    button: str
    otherwise: str
    choose: str


class UnsubscribedWords(_Part):
    """The page afterwards."""

    given = {"lead": "address"}

    title: str
    lead: str
    note: str
    choose: str


class PreferenceWords(_Part):
    """The page on which people choose; what the two switches say is what they consent to."""

    given = dict.fromkeys(("email", "sms", "keep_lead"), "address")

    title: str
    lead: str
    legend: str
    email: str
    email_about: str
    sms: str
    sms_about: str
    save: str
    saved: str
    unchanged: str
    nothing: str
    barred_complained: str
    barred_bounced: str
    barred_other: str
    start_too: str
    topics_legend: str
    frequency_legend: str
    all: str
    weekly: str
    monthly: str
    keep_title: str
    keep_lead: str
    keep_button: str
    kept: str


class ConfirmWords(_Part):
    """The page on which people say that an address is theirs; its button is consent."""

    given = {"lead": "address"}

    title: str
    lead: str
    button: str
    otherwise: str


class ConfirmedWords(_Part):
    """The page afterwards."""

    given = {"lead": "address"}

    title: str
    lead: str
    choose: str


class JoinWords(_Part):
    """The form to sign up with."""

    title: str
    lead: str
    email: str
    first_name: str
    agree: str
    button: str
    wrong: str
    agree_first: str


class JoinedWords(_Part):
    """The page afterwards."""

    title: str
    lead: str
    note: str


class BusyWords(_Part):
    """The page for too many sign-ups at once."""

    title: str
    lead: str


class ReferralWords(_Part):
    """The page for whoever a friend has sent."""

    given = {"until": "date"}

    title: str
    lead: str
    code: str
    until: str
    button: str
    over: str
    join: str


class NotFoundWords(_Part):
    """The page for a link that is not ours."""

    title: str
    lead: str
    help: str


class UnavailableWords(_Part):
    """The page while the database is away."""

    title: str
    lead: str


class SurveyPageWords(_Part):
    """What every survey's page may say beside the survey's own words (config/surveys.yaml)."""

    choose: str


class SmsWords(_Part):
    """Answers by SMS; the brand's name is in each, as the law wants it."""

    stopped: str
    started: str
    help: str
    answered: str


class Words(_Part):
    """One language."""

    unsubscribe: UnsubscribeWords
    unsubscribed: UnsubscribedWords
    preferences: PreferenceWords
    survey: SurveyPageWords
    confirm: ConfirmWords
    confirmed: ConfirmedWords
    join: JoinWords
    joined: JoinedWords
    busy: BusyWords
    referral: ReferralWords
    not_found: NotFoundWords
    unavailable: UnavailableWords
    help_link: str
    sms: SmsWords

    @property
    def wording(self) -> str:
        """A name for the very words somebody consents to, so that consent can be proved."""
        asked = self.preferences
        return _named(
            [asked.lead, asked.legend, asked.email, asked.email_about, asked.sms, asked.sms_about, asked.save]
        )

    @property
    def keeping(self) -> str:
        """The same of the words by which somebody wants the letters still."""
        return _named([self.preferences.keep_lead, self.preferences.keep_button])

    @property
    def consent(self) -> str:
        """The same of the words somebody signs up and confirms with."""
        return _named([self.join.lead, self.join.agree, self.confirm.lead, self.confirm.button])


@lru_cache(maxsize=1)
def _pages_in(folder: Path) -> ImmutableSandboxedEnvironment:
    """What reads and keeps the pages of a folder; those that are changed are read again."""
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class PageWords:
    """Every language's words and the pages, checked once."""

    def __init__(
        self, words: Mapping[str, Words], pages: ImmutableSandboxedEnvironment, brand: Brand, default: str
    ) -> None:
        self._words = words
        self._brands = {locale: spoken(brand, locale) for locale in words}
        self._default = default
        self._pages = {name: pages.get_template(f"{name}.html") for name in PAGES}
        self.style = pages.get_template("style.css").render(brand=brand.model_dump())

    @classmethod
    def load(cls, folder: Path, *, brand: Brand, default_locale: str) -> PageWords:
        """All words and pages under `folder`; raises ConfigurationError with every fault of the words."""
        faults: list[Fault] = []
        words: dict[str, Words] = {}
        for path in sorted(folder.glob("*.yaml")):
            if normalise(path.stem) != path.stem:
                faults.append(Fault(str(path), "is not named for a locale, such as `en.yaml` or `pt-BR.yaml`"))
                continue
            try:
                words[path.stem] = read_yaml(path, Words)
            except ConfigurationError as error:
                faults += error.faults
        if not faults and _LAST_RESORT not in words:
            faults.append(Fault(str(folder / f"{_LAST_RESORT}.yaml"), "does not exist; it is everybody's last resort"))
        if faults:
            raise ConfigurationError(faults)
        try:
            return cls(words, _pages_in(folder), brand, default_locale)
        except TemplateError as error:
            raise ConfigurationError([page_fault(folder, error)]) from None

    @property
    def locales(self) -> tuple[str, ...]:
        """The languages there are words in."""
        return tuple(self._words)

    def locale(self, wanted: str | None, accepted: str = "", among: Collection[str] | None = None) -> str:
        """The language to answer in: the contact's own, else the first that their browser accepts, else the shop's.

        With `among`, of these alone: of a page that has words of its own beside ours.
        """
        for tag in (wanted, *_accepted(accepted), self._default, _LAST_RESORT):
            for name in chain(tag, ""):
                if name in self._words and (among is None or name in among):
                    return name
        return _LAST_RESORT

    def of(self, locale: str) -> Words:
        """The words of a language that `locale` has found."""
        return self._words[locale]

    def brand(self, locale: str) -> Mapping[str, Any]:
        """The brand as the pages of a language call it."""
        return self._brands[locale]

    def page(self, name: str, locale: str, **values: Any) -> str:
        """One page, whole."""
        words, brand = self._words[locale], self._brands[locale]

        def say(said: str, **more: str) -> Markup:
            """Words with values in them, each kept together whichever way the line runs."""
            known = {"brand": _apart(brand["name"]), "reply_to": _mail_to(brand["sender"]["reply_to"])}
            given = {name: _apart(value, _RUNS.get(name, "ltr")) for name, value in more.items()}
            return Markup(escape(said)).format(**known, **given)  # noqa: S704 - escaped first

        return self._pages[name].render(
            brand=brand,
            words=words.model_dump(),
            say=say,
            number=lambda value: whole_number(value, locale),
            locale=locale,
            direction=direction(locale),
            **values,
        )

    def sms(self, answer: Literal["stopped", "started", "help", "answered"], locale: str | None) -> str:
        """An answer by SMS in the contact's language, else in English."""
        for name in (*chain(locale, ""), _LAST_RESORT):
            if name in self._words:
                said: str = getattr(self._words[name].sms, answer)
                brand = self._brands[name]
                return said.format(brand=brand["name"], reply_to=brand["sender"]["reply_to"])
        raise AssertionError  # the last resort is always there


def _named(words: list[str]) -> str:
    return sha256(json.dumps(words).encode()).hexdigest()[:8]


def _apart(value: str, runs: str = "auto") -> Markup:
    return Markup('<bdi dir="{}">{}</bdi>').format(runs, value)


def _mail_to(address: str) -> Markup:
    return Markup('<a href="mailto:{0}"><bdi dir="ltr">{0}</bdi></a>').format(address)


def _accepted(header: str) -> list[str]:
    """The languages of an Accept-Language header, dearest first."""
    found: list[tuple[float, str]] = []
    for part in header[:_ACCEPTED_CHARACTERS_MAX].split(","):
        tag, _, rest = part.strip().partition(";")
        match = re.fullmatch(r"\s*q=(0(?:\.\d{1,3})?|1(?:\.0{1,3})?)\s*", rest)
        weight = float(match[1]) if match else (0.0 if rest else 1.0)
        if weight > 0 and normalise(tag):
            found.append((weight, tag))
    return [tag for _, tag in sorted(found, key=lambda one: -one[0])]
