"""Which language a reader gets: the closest one there are words in, else the shop's own."""

from __future__ import annotations

import re
from functools import lru_cache

from babel import Locale, UnknownLocaleError

# Language, script, region: all that a folder of words is ever named by.
_TAG = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|[0-9]{3}))?(?:[-_].*)?", re.IGNORECASE)


@lru_cache(maxsize=4096)
def normalise(tag: str) -> str | None:
    """`tag` as BCP 47 writes it (`pt_br` → `pt-BR`, `zh-hant-tw` → `zh-Hant-TW`); None when it names no language."""
    match = _TAG.fullmatch(tag.strip())
    if match is None:
        return None
    language, script, region = match.groups()
    parts = [language.lower()]
    if script:
        parts.append(script.title())
    if region:
        parts.append(region.upper())
    return "-".join(parts)


@lru_cache(maxsize=4096)
def chain(tag: str | None, default: str) -> tuple[str, ...]:
    """Locales to try, best first: `pt-BR` → `pt-BR`, `pt`, then the default's own chain."""
    found: list[str] = []
    for start in (tag, default):
        name = normalise(start) if start else None
        while name:
            if name not in found:
                found.append(name)
            name = name.rpartition("-")[0]
    return tuple(found)


@lru_cache(maxsize=4096)
def babel_locale(tag: str) -> Locale | None:
    """Babel's data for `tag`, or for its language when the region is unknown; None when even that is unknown."""
    for name in chain(tag, ""):
        try:
            return Locale.parse(name, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return None


def direction(tag: str) -> str:
    """`rtl` for languages written from right to left, else `ltr`."""
    found = babel_locale(tag)
    return found.text_direction if found else "ltr"


def reading_locale(tag: str | None, template: str) -> str:
    """How to write dates and money for a reader of `template`'s words.

    The reader's own region counts when it belongs to the language of the words: `en-GB` reading `en` gets British
    dates, `de-AT` reading `en` gets those of `en`.
    """
    wanted = normalise(tag) if tag else None
    if wanted and wanted.partition("-")[0] == template.partition("-")[0] and babel_locale(wanted):
        return wanted
    return template


def with_region(tag: str | None, default: str) -> str:
    """The reader's locale; where it names no region, a default of the same language says how dates and money look."""
    if not tag or default.partition("-")[0] == normalise(tag):
        return default
    return tag
