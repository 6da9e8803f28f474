"""Which forms a language has for counted things, as CLDR tells it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import timedelta
from functools import lru_cache

from babel import Locale
from babel.dates import format_timedelta

from clm.content.locale import babel_locale
from clm.domain.nearest import nearest

FORMS = ("zero", "one", "two", "few", "many", "other")
"""All that any language has, in CLDR's order; a template always gives the last."""
_COUNTED = range(1_001)
"""What letters count: some languages have one form more, for whole millions alone, which is not asked for."""
_DIGITS = re.compile(r"\d+")
_WITHOUT_LARGER_UNITS = 1e9


@lru_cache(maxsize=256)
def forms_needed(tag: str) -> frozenset[str]:
    """The forms in which words for whole numbers have to be given; empty for what is not a language.

    `other` alone where words stay as they are after any number, as those for days and hours of that language do.
    """
    locale = babel_locale(tag)
    if locale is None:
        return frozenset()
    of_each = {str(locale.plural_form(count)): count for count in _COUNTED}
    changes = any(len({_said(locale, unit, count) for count in of_each.values()}) > 1 for unit in ("day", "hour"))
    return frozenset({"other", *of_each}) if changes else frozenset({"other"})


def _said(locale: Locale, unit: str, count: int) -> str:
    """`in # days`: babel has these words of nearly all languages, and units by themselves of few."""
    said = format_timedelta(
        timedelta(**{f"{unit}s": count}),
        granularity="day" if unit == "day" else "hour",
        threshold=_WITHOUT_LARGER_UNITS,
        add_direction=True,
        locale=locale,
    )
    return _DIGITS.sub("#", said)


def wrong_forms(given: Collection[str], tag: str) -> Iterator[str]:
    """What is wrong with the forms that a template gives, in the language `tag`; nothing for what is not a language."""
    for name in given:
        if name not in FORMS:
            yield f"`plural` has no form `{name}`{nearest(name, list(FORMS))}"
    needed = [form for form in FORMS if form in forms_needed(tag)]
    lacking = [f"`{form}`" for form in needed if form not in given]
    locale = babel_locale(tag)
    if lacking and locale is not None:
        yield f"`plural` lacks {_listed(lacking)}; {locale.get_language_name('en')} counts with {_listed(needed)}"


def _listed(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
