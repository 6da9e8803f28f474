"""Who the messages come from: name, address, colours and links, as config/brand.yaml says.

Templates read all of it as `brand.…`, so that one file changes every message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, EmailStr, Field, StringConstraints

from clm.content.locale import chain
from clm.domain.naming import Locale
from clm.errors import Fault
from clm.yaml_file import YamlFile, read_yaml

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_TEXT_MAX = 200
_HOSTS_MAX = 50
_LANGUAGES_MAX = 100

_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"  # what could end a header and begin another, or a line that is one

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_TEXT_MAX, pattern=rf"^[^{_CONTROL}]+$")
]
Link = Annotated[str, StringConstraints(pattern=r"^https://[^\s\"'<>]+$", max_length=_TEXT_MAX)]
Host = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+(:[0-9]+)?$", max_length=_TEXT_MAX)]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]
FontStack = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 ,-]+$", max_length=_TEXT_MAX)]
SmsSender = Annotated[str, StringConstraints(pattern=r"^(\+[1-9][0-9]{6,14}|[A-Za-z][A-Za-z0-9 ]{1,10})$")]


_Setting = Literal["name", "tagline", "signature"]
"""What a brand may be called by in another language."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sender(_Part):
    """The From line of e-mail, and where answers go."""

    email: EmailStr
    name: Text
    reply_to: EmailStr


class Team(_Part):
    """Who gets alerts and tasks about customers."""

    email: EmailStr


class Palette(_Part):
    """Colours of one scheme, as #rrggbb; text on its ground must have a contrast of at least 4.5 (WCAG 2.2, 1.4.3)."""

    background: Colour  # around the mail
    card: Colour  # behind the words
    text: Colour
    muted: Colour  # small print, on `background` and `card`
    primary: Colour  # buttons and links
    on_primary: Colour  # words on a button
    accent: Colour  # ornaments, carries no words
    border: Colour


class Colours(Palette):
    """The light scheme, and the one for readers whose device is dark."""

    dark: Palette


class Fonts(_Part):
    """Font stacks without quotation marks; mail readers load no web fonts to rely on."""

    heading: FontStack
    body: FontStack


class BrandLinks(_Part):
    """Pages of the shop that messages lead to."""

    shop: Link
    tea: Link
    spices: Link
    kitchenware: Link
    gifts: Link
    best_sellers: Link
    new_in: Link
    early_access: Link
    guides: Link
    story: Link
    help: Link
    returns: Link
    review: Link
    basket: Link
    app: Link


class BrandWords(_Part):
    """What the brand is called by in another language; what is left out stays as it is."""

    name: Text | None = None
    tagline: Text | None = None
    signature: Text | None = None  # in place of sender.name, in the From line and under a letter


class Brand(_Part):
    """Everything about the company that a message may say."""

    name: Text
    legal_name: Text
    tagline: Text
    website: Link
    address: Text  # postal, one line; the law wants it in every marketing mail
    logo_url: Link | None  # None: the name is set as text
    sender: Sender
    team: Team
    sms_sender: SmsSender  # a number, or 2 to 11 letters and digits, a letter first
    colours: Colours
    fonts: Fonts
    links: BrandLinks
    in_language: Annotated[dict[Locale, BrandWords], Field(max_length=_LANGUAGES_MAX)] = {}
    link_hosts: Annotated[list[Host], Field(max_length=_HOSTS_MAX)] = []
    """Other sites that messages may lead to; a link elsewhere is a fault, because it is how phishing looks."""


def hosts_of(brand: Brand) -> frozenset[str]:
    """The sites that messages may lead to: the brand's own pages, and what it lists beside them."""
    own = [str(brand.website), *(str(link) for link in brand.links.model_dump().values())]
    return frozenset(urlsplit(link).netloc for link in own) | frozenset(brand.link_hosts)


def spoken(brand: Brand, locale: str) -> dict[str, Any]:
    """The brand as templates in a language know it, as plain values."""
    found = brand.model_dump(exclude={"in_language"})
    found["name"] = _said(brand, "name", locale) or brand.name
    found["tagline"] = _said(brand, "tagline", locale) or brand.tagline
    found["sender"]["name"] = sender_name(brand, locale)
    return found


def sender_name(brand: Brand, locale: str) -> str:
    """Who a mail in a language is from, as its From line and the words under it say."""
    return _said(brand, "signature", locale) or brand.sender.name


def _said(brand: Brand, setting: _Setting, locale: str) -> str | None:
    """What a setting is in a language, or in that language without its region; None where nobody has said it."""
    words = (brand.in_language[name] for name in chain(locale, "") if name in brand.in_language)
    return next((said for one in words if (said := getattr(one, setting))), None)


def unsaid(path: Path, brand: Brand, *, locales: Collection[str], default_locale: str) -> list[Fault]:
    """What the brand at `path` says in some languages and not in others of `locales`; its own is the default's.

    A shop that is called the same everywhere writes nothing, and one that is called the same in some languages says so.
    """
    file = YamlFile(path)
    own = default_locale.partition("-")[0]
    others = [locale for locale in locales if locale.partition("-")[0] != own]
    return [
        file.fault(
            ("in_language", locale) if locale in brand.in_language else ("in_language",),
            f"has no {setting} in `{locale}`, which config/clm.yaml names, but in other languages; write it also where"
            " it stays as it is",
        )
        for setting in get_args(_Setting)
        if any(getattr(words, setting) for words in brand.in_language.values())
        for locale in others
        if _said(brand, setting, locale) is None
    ]


def read_brand(path: Path) -> Brand:
    """The brand in the file at `path`; raises ConfigurationError with every fault."""
    return read_yaml(path, Brand)
