"""One mail, taken apart again: what its reader sees, and everything that it says beside."""

from __future__ import annotations

import email
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as mail programs read it."""

    headers: list[tuple[str, str]]
    subject: str
    text: str
    html: str | None
    source: str

    def header(self, name: str) -> str:
        """The first header of that name; empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def letter(raw: bytes) -> Letter:
    """The mail in these bytes."""
    read = email.message_from_bytes(raw, policy=policy.default)
    headers = [(name, str(value)) for name, value in read.items()]
    return Letter(
        headers,
        str(read.get("Subject", "")),
        _part(read, "plain"),
        _part(read, "html") or None,
        raw.decode("utf-8", errors="replace"),
    )


def _part(read: EmailMessage, subtype: str) -> str:
    found = read.get_body((subtype,))
    return "" if found is None else str(found.get_content())
