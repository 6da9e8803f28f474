"""Addresses as people type them: what they can be reached by, and how imports would read them."""

from __future__ import annotations

import re
from typing import Literal

from clm.sources import values

AddressChannel = Literal["email", "sms"]

_NUMBER = re.compile(r"[+(]?[\d\s()./-]*\d[\d\s()./-]*")


def channel_of(text: str) -> AddressChannel | None:
    """What an address of this shape can be reached by; None where it is neither an e-mail address nor a number."""
    if "@" in text:
        return "email"
    return "sms" if _NUMBER.fullmatch(text.strip()) else None


def read_address(text: str, channel: AddressChannel) -> str | None:
    """The address as imports read it, so that its hash is the one asked for when sending; None for a blank one.

    Raises ValueError with what is wrong with it.
    """
    if channel == "email":
        return values.email(text)
    if channel_of(text) == "sms" and not text.strip().startswith("+"):
        raise ValueError("has no country code; write it like +44 7700 900123")
    return values.phone(text, None)
