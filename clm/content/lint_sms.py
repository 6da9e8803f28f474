"""What an SMS costs more than it has to, and whether what it asks for can be answered as it says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

from babel.units import format_unit

from clm.content.locale import babel_locale
from clm.content.problem import Problem
from clm.domain.sms import BASIC, EXTENDED, segments

_PLAIN = {
    "‘": "'", "’": "'", "‚": ",", "′": "'", "“": '"', "”": '"', "„": '"', "″": '"', "«": '"', "»": '"',
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "…": "...", "•": "-", "·": "-", "×": "x",
    "\u200b": "", "\u200c": "", "\u200d": "", "\u200e": "", "\u200f": "", "\u00ad": "", "\u2060": "", "\ufeff": "",
    "‹": "'", "›": "'", "‛": "'", "‟": '"', "―": "-", "⁃": "-", "‧": "-", "∙": "-",
    "`": "'", "´": "'", "→": "->", "⁄": "/",
}  # fmt: skip
"""What typography has in place of what every phone has."""
_UNSEEN = frozenset({"Zs", "Cf"})
"""General categories of Unicode: spaces, and what is not seen at all."""
_URL = re.compile(r"https?://\S+")
_NUMBER = re.compile(
    r"(?<![A-Za-z\d/£$€¥])(?<![A-Za-z]-)(?<!\d[.,٫٬])\d{1,2}(?![A-Za-z\d/])(?!-[A-Za-z])(?![.,٫٬]\d)(?!\s?[%٪€£$])"
)
"""One that may be a mark: no price, no share, no part of a date or of a code."""
_RANGE = re.compile(rf"({_NUMBER.pattern})([^\d.!?؟;؛\n]{{1,40}}?)({_NUMBER.pattern})")
_LOWEST, _HIGHEST = frozenset({0, 1}), range(4, 11)
"""Where scales begin and end."""
_OUT_OF = range(11)
"""What marks are."""
_COUNTED = (1, 2, 5, 11, 21)
"""Of each plural form one."""
_LETTERS_MIN = 3
"""Shorter words for seconds and minutes begin others, save where one sign is a word."""
_IDEOGRAPHS = "\u3000"


def dear(text: str) -> Iterator[Problem]:
    """Typography that alone makes an SMS take more segments, with what it costs; other scripts have no choice."""
    beyond = list(dict.fromkeys(one for one in text if one not in BASIC and one not in EXTENDED))
    if not beyond or any(one not in _PLAIN and unicodedata.category(one) not in _UNSEEN for one in beyond):
        return
    instead_of = {one: _PLAIN.get(one, " " if unicodedata.category(one) == "Zs" else "") for one in beyond}
    plain = "".join(instead_of.get(one, one) for one in text)
    before, after = segments(text).count, segments(plain).count
    if before <= after:
        return
    named = ", ".join(f"`{one}` ({unicodedata.name(one, f'U+{ord(one):04X}').lower()})" for one in beyond)
    named_so = {"": "nothing", " ": "a plain space"}
    instead = ", ".join(named_so.get(one, f"`{one}`") for one in instead_of.values())
    message = f"takes {before} segments instead of {after}, because not every phone has {named}"
    yield Problem("sms.txt", message, f"write {instead} instead", "source", beyond[0])


@lru_cache(maxsize=256)
def _times(tag: str) -> re.Pattern[str]:
    """How a language goes on after a number of seconds or minutes, as babel knows it."""
    locale = babel_locale(tag)
    lengths: tuple[Literal["long", "short"], ...] = ("long", "short")
    said = {
        format_unit(count, f"duration-{unit}", length, locale=locale)
        for unit in ("second", "minute")
        for length in lengths
        for count in (_COUNTED if locale else ())
    }
    words = {re.sub(r"^\d+\s*", "", one) for one in said if one[0].isdigit() and "duration-" not in one}
    told = {one for one in words if len(one) >= _LETTERS_MIN or one >= _IDEOGRAPHS}
    whole = {re.escape(one) + ("" if one.upper() == one else r"(?!\w)") for one in told}  # where words are set apart
    return re.compile(rf"\s*(?:{'|'.join(sorted(whole))})" if whole else "(?!)")


def misasked(file: str, text: str, survey: Mapping[str, Any], *, locale: str) -> Iterator[Problem]:
    """Where the words of a file ask for marks that the survey does not have, or, by SMS, for none that a reply can be.

    Judged where marks are said in digits, whatever script these are of; what is said in words cannot be known, and
    what is counted in seconds or minutes, as the language `locale` calls them, is no mark.
    """
    marks = [score["value"] for score in survey.get("scores", ())]
    name, said, times = survey["name"], _URL.sub(" ", text), _times(locale)
    lowest, highest = (min(marks), max(marks)) if marks else (None, None)
    scale = f"goes from {lowest} to {highest}" if marks else "has no marks"
    for found in _RANGE.finditer(said):
        ends = int(found[1]), int(found[3])
        if times.match(said, found.end(1)) or times.match(said, found.end()):
            continue
        if ends[0] in _LOWEST and ends[1] in _HIGHEST and ends != (lowest, highest):
            remedy = f"ask for {lowest} to {highest}" if marks else "leave the numbers out"
            told = f"asks for a mark from {ends[0]} to {ends[1]}, but the survey `{name}` {scale}"
            yield Problem(file, told, f"{remedy}, or give the step another `survey:`", "words", found[0])
            return
    if file != "sms.txt" or survey["url"] in text:
        return
    if not marks:
        told = f"asks `{name}`, which no reply by SMS can answer: a reply is a number, and this survey {scale}"
        yield Problem(file, told, "write `{{ survey.url }}`", "words")
        return
    numbers = {int(found[0]) for found in _NUMBER.finditer(said) if not times.match(said, found.end())}
    if numbers & {*_OUT_OF} and not {lowest, highest} <= numbers:
        told = f"does not say that the survey `{name}` {scale}, and has no link to it"
        yield Problem(file, told, f"say both {lowest} and {highest}, or write `{{{{ survey.url }}}}`", "words")
