"""Who the messages come from: name, address, colours, links and offers, as config/brand.yaml says.

Templates read all of it as `brand.…`, so that one file changes every message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, EmailStr, Field, StringConstraints

from clm.yaml_file import read_yaml

if TYPE_CHECKING:
    from pathlib import Path

_TEXT_MAX = 200
_OFFERS_MAX = 50

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_TEXT_MAX, pattern=r"^[^\r\n]+$")
]
Link = Annotated[str, StringConstraints(pattern=r"^https://[^\s\"'<>]+$", max_length=_TEXT_MAX)]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]
FontStack = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 ,-]+$", max_length=_TEXT_MAX)]
SmsSender = Annotated[str, StringConstraints(pattern=r"^(\+[1-9][0-9]{6,14}|[A-Za-z][A-Za-z0-9 ]{1,10})$")]
OfferCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9-]{3,20}$")]
OfferName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


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
    preferences: Link
    app: Link


class Offer(_Part):
    """A code that takes a percentage off, and for how many days its letter says that it holds."""

    code: OfferCode
    percent: Annotated[int, Field(ge=1, le=100)]
    days: Annotated[int, Field(ge=1, le=365)]


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
    offers: Annotated[dict[OfferName, Offer], Field(max_length=_OFFERS_MAX)]


def read_brand(path: Path) -> Brand:
    """The brand in the file at `path`; raises ConfigurationError with every fault."""
    return read_yaml(path, Brand)
