"""All templates, found and checked once, rendered per message.

templates/<campaign>/<step>/<locale>/ holds `subject.txt`, `body.mjml` and `body.txt` for e-mail, `sms.txt` for SMS,
`subject.txt` and `task.txt` for a mail to staff, who read the default locale whatever the contact reads.
Parts that many mails share lie in templates/_base/ and, where they hold words, in templates/_base/<locale>/.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2.exceptions import SecurityError

from clm.content.catalogue import FILES, Catalogue, Key, Words
from clm.content.context import missing_path, plain
from clm.content.formats import WrongValueError
from clm.content.locale import chain, direction, reading_locale
from clm.content.sandbox import MissingValueError, short_range
from clm.domain.content import TEAM, ChannelName, Content
from clm.errors import ConfigurationError, Fault, RenderError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from clm.content.brand import Brand

OUTPUT_BYTES_MAX = {
    "subject.txt": 500,  # a header line ends at 998
    "body.mjml": 100_000,  # Gmail hides what comes after 102 KB, the unsubscribe link first
    "body.txt": 50_000,
    "sms.txt": 6_400,  # 1,600 characters, the most a provider takes
    "task.txt": 10_000,
}

_LINE_OR_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_UTF8_BYTES_PER_CHARACTER_MAX = 4
_SPACES = re.compile(" {2,}")
_BLANK_LINES = re.compile(r"\n{3,}")


class TemplateLibrary:
    """Every campaign's words, ready to render; made by `load`, unchanged afterwards."""

    def __init__(self, words: dict[Key, tuple[Words, ...]], *, brand: Brand, default_locale: str) -> None:
        self._words = words
        self._brand = plain(brand.model_dump(), "brand")
        self._default_locale = default_locale

    @classmethod
    def load(
        cls, root: Path, *, brand: Brand, default_locale: str, facts: Collection[str] | None = None
    ) -> TemplateLibrary:
        """All templates under `root`; raises ConfigurationError with every fault of all of them.

        With `facts`, the names of the profile's facts, a template that names an unknown one is a fault here rather
        than a stopped message later.
        """
        catalogue = Catalogue(root, brand=brand, default_locale=default_locale, facts=facts)
        if catalogue.faults:
            raise ConfigurationError(catalogue.faults)
        return cls(catalogue.words, brand=brand, default_locale=default_locale)

    def steps(self) -> list[tuple[str, str]]:
        """Every (campaign, step) there are words for, in order."""
        return sorted({(campaign, step) for campaign, step, _, _ in self._words})

    def channels(self, campaign: str, step: str) -> set[ChannelName]:
        """The channels a step has words for in the default locale, so that everybody can be reached."""
        defaults = chain(None, self._default_locale)
        return {channel for channel in FILES for name in defaults if (campaign, step, channel, name) in self._words}

    def locales(self, campaign: str, step: str) -> list[str]:
        """The locales a step has words in, in order."""
        return sorted({locale for known, name, _, locale in self._words if (known, name) == (campaign, step)})

    def marketing_faults(self, campaign: str, step: str, channel: ChannelName) -> list[Fault]:
        """What the law wants of a step's words, were they marketing, and they do not say, in each locale."""
        found = [words for key, words in sorted(self._words.items()) if key[:3] == (campaign, step, channel)]
        return [Fault(file.file, said) for words in found for file in words for said in file.lacks]

    def render(
        self, campaign: str, step: str, channel: ChannelName, locale: str | None, context: Mapping[str, Any]
    ) -> Content:
        """The words of one message for one reader.

        `context` holds plain values alone; None and blank text count as missing. Raises RenderError when there are no
        words, a value is missing without fallback, or the result can't be sent; its text names the template and the
        value's name, never the value.
        """
        if channel in TEAM:
            channel, locale = "staff", None
        for used in chain(locale, self._default_locale):
            if words := self._words.get((campaign, step, channel, used)):
                break
        else:
            raise RenderError(f"there are no words for step {campaign}/{step} by {channel}")
        values = {"range": short_range, **plain(context, "")}
        # Where the reader names no locale, the default's region still says how dates and money look.
        values |= {"brand": self._brand, **_manner(locale or self._default_locale, used)}
        texts = {part.name: _render(part, values) for part in words}
        if channel == "sms":
            return Content(locale=used, text=" ".join(texts["sms.txt"].split()))
        body = texts["task.txt" if channel == "staff" else "body.txt"]
        return Content(
            locale=used,
            subject=_SPACES.sub(" ", texts["subject.txt"]).strip(),
            html=texts.get("body.mjml"),
            text=(_BLANK_LINES.sub("\n\n", body) if "\n\n\n" in body else body).strip() + "\n",
        )


@lru_cache(maxsize=4096)
def _manner(locale: str, template: str) -> dict[str, str]:
    """How words are written for a reader: nobody changes what is given out here."""
    return {"locale": reading_locale(locale, template), "direction": direction(template)}


def _render(words: Words, values: dict[str, Any]) -> str:
    """One file's words; stops as soon as they grow beyond their limit."""
    parts: list[str] = []
    limit = OUTPUT_BYTES_MAX[words.name]
    left = limit
    try:
        # Not `generate`, which copies all values for each file, and passes each piece through a generator more.
        for part in words.template.root_render_func(words.template.new_context(values, shared=True)):
            parts.append(part)
            left -= len(part)
            if left < 0:
                break
    except MissingValueError as error:
        raise RenderError(f"missing value {missing_path(values, error)} ({words.file})") from None
    except (WrongValueError, SecurityError) as error:
        raise RenderError(f"{error} ({words.file})") from None
    except Exception as error:  # whatever a template does, it stops its own message alone
        # Not the error's own text, which may quote a customer's data: reasons are stored and logged.
        raise RenderError(f"{type(error).__name__} ({words.file})") from error
    text = "".join(parts)
    short = len(text) * _UTF8_BYTES_PER_CHARACTER_MAX <= limit
    if left < 0 or not (short or len(text.encode()) <= limit):
        raise RenderError(f"longer than {limit:,} bytes ({words.file})")
    if not text or text.isspace():
        raise RenderError(f"nothing to say ({words.file})")
    if words.name == "subject.txt" and _LINE_OR_CONTROL.search(text):
        raise RenderError(f"line break or control character in the subject ({words.file})")
    return text
