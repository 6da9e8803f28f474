"""All templates, found and checked once, rendered per message.

templates/<campaign>/<step>/<locale>/ holds `subject.txt`, `body.mjml` and `body.txt` for e-mail, `sms.txt` for SMS,
`subject.txt` and `task.txt` for a mail to staff, who read the default locale whatever the contact reads.
Parts that many mails share lie in templates/_base/ and, where they hold words, in templates/_base/<locale>/.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2.exceptions import SecurityError

from clm.content.bidi import keep_right_to_left
from clm.content.brand import Brand, spoken
from clm.content.catalogue import FILES, Catalogue, Key, Place, Words
from clm.content.context import missing_path, plain
from clm.content.formats import WrongValueError
from clm.content.legal import unanswerable
from clm.content.locale import chain, direction, reading_locale, with_region
from clm.content.parts import Parts
from clm.content.sandbox import MissingValueError, short_range
from clm.domain.content import TEAM, ChannelName, Content
from clm.errors import ConfigurationError, Fault, RenderError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path


OUTPUT_BYTES_MAX = {
    "subject.txt": 1_000,  # three bytes a letter in most scripts; what is longer than a line is folded
    "body.mjml": 100_000,  # Gmail hides what comes after 102 KB, the unsubscribe link first
    "body.txt": 50_000,
    "sms.txt": 6_400,  # 1,600 characters, the most a provider takes
    "task.txt": 10_000,
}

_LINE_OR_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_UTF8_BYTES_PER_CHARACTER_MAX = 4
_SPACES = re.compile(" {2,}")
_BLANK_LINES = re.compile(r"\n{3,}")


class Proof(NamedTuple):
    """What can be made of a message for one reader."""

    content: Content | None
    """Of the files that can; without those that cannot. None where there is no body."""
    stops: list[RenderError]
    """What stops each of the others."""
    values: dict[str, Any]
    """What its files were given."""
    files: frozenset[str]
    """The names of those in `content`."""


class TemplateLibrary:
    """Every campaign's words, ready to render; made by `load`, unchanged afterwards."""

    def __init__(
        self,
        words: dict[Key, tuple[Words, ...]],
        *,
        brand: Brand,
        default_locale: str,
        parts: Parts,
        spoilt: frozenset[Place] = frozenset(),
    ) -> None:
        self._words = {key: files for key, files in words.items() if _place(key) not in spoilt}
        self._sound = words
        """All that can be made, with the sound files of messages others of whose files are not."""
        self.parts = parts
        self.spoilt = spoilt
        """Campaign, step and locale of words that are there and faulty, so that nothing more can be said of them."""
        self._names: dict[tuple[str, str, str], frozenset[str]] = {}
        for (campaign, step, channel, _), files in self._words.items():
            place = campaign, step, channel
            self._names[place] = self._names.get(place, frozenset()).union(*(file.names for file in files))
        locales = {default_locale, *(locale for *_, locale in words)}
        self._brands = {locale: plain(spoken(brand, locale), "brand") for locale in locales}
        self._default_locale = default_locale

    @classmethod
    def load(
        cls,
        root: Path,
        *,
        brand: Brand,
        default_locale: str,
        facts: Collection[str] | None = None,
        cache: Path | None = None,
    ) -> TemplateLibrary:
        """All templates under `root`; raises ConfigurationError with every fault of all of them.

        With `facts`, the names of the profile's facts, a template that names an unknown one is a fault here rather
        than a stopped message later. In the folder `cache` is kept what was compiled, for the next time.
        """
        library, faults = cls.look(root, brand=brand, default_locale=default_locale, facts=facts, cache=cache)
        if faults:
            raise ConfigurationError(faults)
        return library

    @classmethod
    def look(
        cls,
        root: Path,
        *,
        brand: Brand,
        default_locale: str,
        facts: Collection[str] | None = None,
        cache: Path | None = None,
    ) -> tuple[TemplateLibrary, list[Fault]]:
        """Those templates under `root` that are sound, and every fault of the others; otherwise as `load`."""
        catalogue = Catalogue(root, brand=brand, default_locale=default_locale, facts=facts, cache=cache)
        spoilt = frozenset(catalogue.spoilt)
        words = catalogue.words | catalogue.halves
        found = cls(words, brand=brand, default_locale=default_locale, parts=Parts(root), spoilt=spoilt)
        return found, catalogue.faults

    def steps(self) -> list[tuple[str, str]]:
        """Every (campaign, step) there are words for, in order."""
        return sorted({(campaign, step) for campaign, step, _, _ in self._words})

    def channels(self, campaign: str, step: str) -> set[ChannelName]:
        """The channels a step has words for in the default locale, so that everybody can be reached."""
        defaults = chain(None, self._default_locale)
        return {channel for channel in FILES for name in defaults if (campaign, step, channel, name) in self._words}

    def locales(self, campaign: str, step: str, channel: ChannelName | None = None) -> list[str]:
        """The locales a step has words in, in order; with `channel`, words for that one."""
        return sorted(
            {
                locale
                for known, name, by, locale in self._words
                if (known, name) == (campaign, step) and channel in (None, by)
            }
        )

    def speaks_of(self, campaign: str, step: str, channel: ChannelName) -> frozenset[str]:
        """What a step's words of any language need to know: `contact.first_name`, `products.again`, `help`."""
        return self._names.get((campaign, step, "staff" if channel in TEAM else channel), frozenset())

    def reading_locale(self, campaign: str, step: str, channel: ChannelName, locale: str | None) -> str:
        """The locale in which a reader of `locale` gets a step's words: what stands beside them is in the same."""
        if channel in TEAM:
            channel, locale = "staff", None
        for used in chain(locale, self._default_locale):
            if (campaign, step, channel, used) in self._words:
                return reading_locale(with_region(locale, self._default_locale), used)
        return self._default_locale

    def brand(self, locale: str) -> Mapping[str, Any]:
        """The brand as words in a locale know it, as plain values."""
        names = (name for name in chain(locale, self._default_locale) if name in self._brands)
        found: Mapping[str, Any] = self._brands[next(names, self._default_locale)]
        return found

    def marketing_faults(self, campaign: str, step: str, channel: ChannelName) -> list[Fault]:
        """What the law wants of a step's words, were they marketing, and they do not say, in each locale."""
        found = [words for key, words in sorted(self._sound.items()) if key[:3] == (campaign, step, channel)]
        return [Fault(file.file, said, 1) for words in found for file in words for said in file.lacks]

    def survey_faults(self, campaign: str, step: str, channel: ChannelName) -> list[Fault]:
        """Those of a step's words that carry a survey which nobody could answer, in each locale."""
        if channel != "sms":
            return []
        found = [(words, key[3]) for key, words in sorted(self._sound.items()) if key[:3] == (campaign, step, channel)]
        return [
            Fault(file.file, said, 1)
            for words, locale in found
            for file in words
            if (said := unanswerable(file.names, self._brands[locale])) is not None
        ]

    def render(
        self, campaign: str, step: str, channel: ChannelName, locale: str | None, context: Mapping[str, Any]
    ) -> Content:
        """The words of one message for one reader.

        `context` holds plain values alone; None and blank text count as missing. Raises RenderError when there are no
        words, a value is missing without fallback, or the result can't be sent; its text names the template and the
        value's name, never the value.
        """
        used, words, values = self._read_by(campaign, step, channel, locale, context, self._words)
        return _content(used, channel, {part.name: _render(part, values) for part in words}, values)

    def proof(
        self, campaign: str, step: str, channel: ChannelName, locale: str | None, context: Mapping[str, Any]
    ) -> Proof:
        """As much as can be made of one message for one reader, be it spoilt, and whatever stops any of its files.

        Raises RenderError where no file of the message is sound.
        """
        used, words, values = self._read_by(campaign, step, channel, locale, context, self._sound)
        if channel not in TEAM and used != locale:
            raise RenderError(f"no words for step {campaign}/{step} by {channel} are sound")
        texts: dict[str, str] = {}
        stops = []
        for part in words:
            try:
                texts[part.name] = _render(part, values)
            except RenderError as error:
                stops.append(error)
        body = texts.keys() & {"sms.txt", "task.txt", "body.txt", "body.mjml"}
        content = _content(used, channel, texts, values) if body else None
        return Proof(content, stops, values, frozenset(texts))

    def _read_by(
        self,
        campaign: str,
        step: str,
        channel: ChannelName,
        locale: str | None,
        context: Mapping[str, Any],
        known: Mapping[Key, tuple[Words, ...]],
    ) -> tuple[str, tuple[Words, ...], dict[str, Any]]:
        """The locale in which a reader gets a message, its files, and what they are given."""
        if channel in TEAM:
            channel, locale = "staff", None
        for used in chain(locale, self._default_locale):
            if words := known.get((campaign, step, channel, used)):
                break
        else:
            raise RenderError(f"there are no words for step {campaign}/{step} by {channel}")
        values = {"range": short_range, **plain(context, "")}
        values |= {"brand": self._brands[used], **_manner(with_region(locale, self._default_locale), used)}
        return used, words, values


def _place(key: Key) -> Place:
    return key[0], key[1], key[3]


def _content(used: str, channel: ChannelName, texts: Mapping[str, str], values: Mapping[str, Any]) -> Content:
    """A message of the texts of its files, each as its reader gets it."""
    kept = keep_right_to_left if values["direction"] == "rtl" else str
    if channel == "sms":
        return Content(locale=used, text=kept(" ".join(texts["sms.txt"].split())))
    body = texts.get("task.txt" if channel in TEAM else "body.txt", "")
    return Content(
        locale=used,
        subject=kept(_SPACES.sub(" ", texts.get("subject.txt", "")).strip()),
        html=texts.get("body.mjml"),
        text=kept((_BLANK_LINES.sub("\n\n", body) if "\n\n\n" in body else body).strip()) + "\n",
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
        raise RenderError(f"missing value {missing_path(values, error)}", file=words.file) from None
    except (WrongValueError, SecurityError) as error:
        raise RenderError(str(error).rstrip("."), file=words.file) from None
    except Exception as error:  # whatever a template does, it stops its own message alone
        # Not the error's own text, which may quote a customer's data: reasons are stored and logged.
        raise RenderError(type(error).__name__, file=words.file) from error
    text = "".join(parts)
    short = len(text) * _UTF8_BYTES_PER_CHARACTER_MAX <= limit
    if left < 0 or not (short or len(text.encode()) <= limit):
        raise RenderError(f"longer than {limit:,} bytes", file=words.file)
    if not text or text.isspace():
        raise RenderError("nothing to say", file=words.file)
    if words.name == "subject.txt" and _LINE_OR_CONTROL.search(text):
        raise RenderError("line break or control character in the subject", file=words.file)
    return text
