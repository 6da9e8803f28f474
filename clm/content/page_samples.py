"""Every page of customers' made as its readers get it, so that what is wrong with one is told before it is opened.

A page has several samples, so that each of its branches is made. Their names are those that the web application
gives, which a test compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clm.content.page_fault import page_fault
from clm.content.page_words import PAGES, PageWords
from clm.domain.survey import COMMENT_CHARACTERS_MAX, QuestionWords, SurveyWords, Thanks
from clm.domain.wish import FREQUENCIES, TopicWords
from clm.errors import Fault

Values = Mapping[str, Any]

_BARRED = (None, "complained", "bounced", "invalid", "other")
"""Each is said in words of its own."""


def _choice(channel: str, address: str, barred: str | None = None, *, on: bool = True) -> dict[str, Any]:
    return {"channel": channel, "address": address, "on": on and barred is None, "barred": barred}


def _reader(choices: list[dict[str, Any]], *, topics: bool = True) -> dict[str, Any]:
    """What every page has of a contact who has opened it by a link of theirs."""
    about = TopicWords(name="Offers", about="When something costs less.").model_dump()
    return {
        "choices": choices,
        "topics": [{"topic": "offers", **about, "on": on} for on in (True, False)] if topics else [],
        "frequencies": FREQUENCIES,
        "frequency": FREQUENCIES[-1],
        "preferences_path": "../p/x",
    }


def _chosen(**said: Any) -> dict[str, Any]:
    return {"keep": None, "kept": False, "saved": False, "changed": False, "started": False, **said}


def _form(*, wrong: bool = False, agree_first: bool = False) -> dict[str, Any]:
    given = {"email": "ada@shop.example", "first_name": "Ada"}
    return {"given": given, "agreed": not agree_first, "wrong": wrong, "agree_first": agree_first}


_MAIL, _SMS = _choice("email", "a••@s•••.example"), _choice("sms", "•••• 123", on=False)
_WITH_MAIL, _UNKNOWN = _reader([_MAIL, _SMS]), _reader([])
_ASKED = {
    "chosen": QuestionWords(ask="Which one?", choices={"first": "This", "second": "That"}).model_dump(),
    "typed": QuestionWords(ask="Why?").model_dump(),
}
_SURVEY = SurveyWords(
    title="Your order",
    lead="It takes a minute.",
    question="How was it?",
    low_end="Bad",
    high_end="Good",
    comment="What else?",
    button="Send",
    thanks=Thanks(title="Thank you", text="It helps us.", sorry="We are sorry."),
).model_dump()


def _survey(marks: list[int], *, chosen: int | None = None, lacking: bool = False) -> dict[str, Any]:
    return {
        "survey": _SURVEY if marks else _SURVEY | {"comment": None},  # which only some ask for
        "marks": marks,
        "chosen": chosen,
        "comment": "",
        "questions": [] if marks else [{"name": name, **words} for name, words in _ASKED.items()],
        "answers": {"chosen": "first", "typed": ""},
        "characters_max": COMMENT_CHARACTERS_MAX,
        "lacking": lacking,
    }


SAMPLES: Mapping[str, tuple[Values, ...]] = {
    "unsubscribe": (_WITH_MAIL,),
    "unsubscribed": (_WITH_MAIL, _UNKNOWN),
    "preferences": (
        _reader([_MAIL, _SMS]) | _chosen(),
        _reader([_MAIL], topics=False) | _chosen(),
        _reader([_MAIL]) | _chosen(keep=_MAIL["address"]),
        _reader([_MAIL]) | _chosen(saved=True, kept=True),
        _reader([_MAIL]) | _chosen(saved=True, changed=True, started=True),
        _reader([_MAIL]) | _chosen(saved=True),
        *(_reader([_choice(one, "•••", why) for one in ("email", "sms")]) | _chosen() for why in _BARRED),
        _UNKNOWN | _chosen(),
    ),
    "survey": (
        _survey([1, 2, 3, 4, 5], chosen=3),
        _survey(list(range(11))),
        _survey([], lacking=True),
    ),
    "survey_thanks": tuple({"survey": _SURVEY, "low": low} for low in (True, False)),
    "confirm": (_WITH_MAIL, _UNKNOWN),
    "confirmed": (_WITH_MAIL, _UNKNOWN),
    "join": (_form(), _form(wrong=True), _form(agree_first=True)),
    "referral": (
        _form() | {"code": "TEA-1", "reward": "10% off", "until": "5 April 2027"},
        _form() | {"code": None},
    ),
    **dict.fromkeys(("joined", "busy", "not_found", "unavailable", "home"), ({},)),
}
"""By page: what its readers may see of it."""


def unreadable(words: PageWords, folder: Path) -> list[Fault]:
    """What is wrong with the pages of `folder`, in any language; each place once."""
    faults: dict[tuple[str, int | None], Fault] = {}
    for name in PAGES:
        for locale in words.locales:
            for sample in SAMPLES[name]:
                try:
                    words.page(name, locale, root="../", **sample)
                except Exception as error:  # noqa: BLE001 - whatever it is, a customer's page would be none
                    said = {"brand": words.brand(locale), "words": words.of(locale).model_dump(), **sample}
                    fault = page_fault(folder, error, said)
                    faults.setdefault((fault.file, fault.line), fault)
    return list(faults.values())
