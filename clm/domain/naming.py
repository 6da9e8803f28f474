"""How files name things: campaigns, steps, offers, segments and their like, and the languages that words are in."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_SHOWN_CHARACTERS = 60


def _name(text: str) -> str:
    if _NAME.fullmatch(text) is None:
        shown = text[:_SHOWN_CHARACTERS]
        raise ValueError(f"`{shown}` is not a name; write small letters, digits and `_`, a letter first, 40 at most")
    return text


def _locale(text: str) -> str:
    if _LOCALE.fullmatch(text) is None:
        raise ValueError(f"`{text[:_SHOWN_CHARACTERS]}` is not a locale; write en, fa or pt-BR")
    return text


Name = Annotated[str, AfterValidator(_name)]
Locale = Annotated[str, AfterValidator(_locale)]
"""Language, script and region as BCP 47 writes them."""
