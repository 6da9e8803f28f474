"""What an offer gives, as a phrase in each language: the words of templates/_base/<locale>/reward.txt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from clm.content.brand import Brand, spoken
from clm.content.context import plain
from clm.content.locale import chain, reading_locale
from clm.content.sandbox import Sandbox, short_range
from clm.errors import ConfigurationError, Fault

FILE = "reward.txt"


class Rewards:
    """The phrases of every language, for pages that show an offer outside a message."""

    def __init__(self, templates: Path, *, brand: Brand, default_locale: str) -> None:
        """Read them all; raises ConfigurationError for one that is no template."""
        sandbox = Sandbox(autoescape=False)
        self._default_locale = default_locale
        self._words = {}
        for path in sorted(templates.glob(f"_base/*/{FILE}")):
            locale = path.parent.name
            source = path.read_text(encoding="utf-8-sig").strip()
            try:
                self._words[locale] = sandbox.compile_words(source, {"brand": plain(spoken(brand, locale), "brand")})
            except TemplateError as error:
                raise ConfigurationError([Fault(str(path), f"is not Jinja: {error.message}")]) from None

    def say(self, locale: str, coupon: Mapping[str, Any], *, currency: str) -> str:
        """`15% off`, for a coupon as templates know it; empty where no language has words."""
        for used in chain(locale, self._default_locale):
            if used in self._words:
                values = {"coupon": plain(coupon, "coupon"), "currency": currency}
                values |= {"locale": reading_locale(locale, used), "range": short_range}
                return self._words[used].render(values).strip()
        return ""
