"""One e-mail as RFC 5322 bytes, with its text and HTML side by side.

Built by hand, because `EmailMessage.as_bytes()` costs 1.5 ms a mail and this 0.1; what comes out is what
`email.parser` reads back. Bodies stay legible UTF-8 where the standard lets them (8bit) and become base64 otherwise.
"""

from __future__ import annotations

import re
from base64 import b64encode, encodebytes
from email.utils import format_datetime
from typing import TYPE_CHECKING

import idna

from clm.domain.instant import from_ms

if TYPE_CHECKING:
    from clm.domain.content import Envelope

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[^\s@<>,;:\"()\[\]\\]{1,255}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,76}")
_OF_ADDRESSES = frozenset({"reply-to", "list-unsubscribe"})
"""Headers in which programs look for addresses, and no encoded word may stand (RFC 2047, 5)."""
_HOST = re.compile(r"(?:(?<=@)|(?<=//))[^\s@/:?#<>,]+")
_OWN_HEADERS = frozenset({"from", "to", "subject", "date", "message-id", "mime-version"})

_LINE_BYTES_MAX = 998  # RFC 5322
_VALUE_CHARACTERS_MAX = 900
_WORD_BYTES_MAX = 45  # of text, in an encoded word of at most 75 characters (RFC 2047)
# A Thai or Persian name passes 45 bytes easily, and Python's own parser puts a blank between the encoded words of a
# name; so a name is one word up to this length, which every reader we know takes.
_NAME_BYTES_MAX = 180


class UnfitMail(Exception):  # noqa: N818 - it is a verdict on the mail, which the channel turns into `Rejected`
    """The mail cannot be written as asked, now or later; the reason names the field, never the person."""


def mail_bytes(envelope: Envelope, *, eight_bit: bool = True) -> bytes:
    """The whole mail, lines ended by CRLF; without `eight_bit` for servers that take ASCII alone.

    Raises UnfitMail for control characters in a header (which could smuggle in another header), for an address that a
    header cannot carry, and for text that is not Unicode.
    """
    content = envelope.content
    sender = _mailbox("from", envelope.sender_name, envelope.sender)
    head = [
        f"From: {sender}",
        f"To: {_mailbox('to', envelope.to_name, envelope.to)}",
        f"Subject: {_value('subject', content.subject or '')}",
        f"Date: {format_datetime(from_ms(envelope.at_ms))}",
        f"Message-ID: <{envelope.reference}@{sender.rpartition('@')[2]}",
        "MIME-Version: 1.0",
        *(f"{name}: {value}" for name, value in extra_headers(envelope).items()),
    ]
    boundary = f"=_clm_{envelope.message_id}"
    if content.html is None:
        only = _part("plain", content.text, boundary.encode(), eight_bit=eight_bit)
        return "\r\n".join(head).encode("ascii") + b"\r\n" + only
    head.append(f'Content-Type: multipart/alternative; boundary="{boundary}"')
    fence = f"\r\n--{boundary}".encode()
    return b"".join(
        (
            "\r\n".join(head).encode("ascii"),
            b"\r\n",
            fence + b"\r\n",
            _part("plain", content.text, fence, eight_bit=eight_bit),
            fence + b"\r\n",
            _part("html", content.html, fence, eight_bit=eight_bit),
            fence + b"--\r\n",
        )
    )


def extra_headers(envelope: Envelope) -> dict[str, str]:
    """The headers beside those every mail has, as a mail carries them; raises UnfitMail for one it must not carry."""
    carried: dict[str, str] = {}
    for name, value in envelope.headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS or name.lower().startswith("content-"):
            raise UnfitMail("a header's name is not allowed")
        told = value if value.isascii() or name.lower() not in _OF_ADDRESSES else _with_ascii_hosts(name, value)
        carried[name] = _value(name, told)
    return carried


def _with_ascii_hosts(field: str, text: str) -> str:
    """Addresses of mail and links as servers know them, their hosts in ASCII."""
    return _HOST.sub(lambda host: _ascii_host(field, host[0]), text)


def require_plain(field: str, text: str) -> None:
    """Raise UnfitMail where text that stands in a header holds what could end it and begin another."""
    if _CONTROL.search(text):
        raise UnfitMail(f"{field} holds a control character")


def ascii_address(field: str, address: str) -> str:
    """The address as mail servers know it, its domain in ASCII; raises UnfitMail where it is none."""
    if not _ADDRESS.fullmatch(address) or _CONTROL.search(address):
        raise UnfitMail(f"{field} is not an address that an e-mail can carry")
    local, _, domain = address.rpartition("@")
    return f"{local}@{_ascii_host(field, domain)}"


def _ascii_host(field: str, host: str) -> str:
    if host.isascii():
        return host
    try:
        # By IDNA 2008, as imports check it: Python's own codec is of 2003 and leads from straße.de to strasse.de.
        return idna.encode(host, uts46=True).decode("ascii")
    except UnicodeError:  # idna's own errors are such
        raise UnfitMail(f"{field} has a domain that does not exist") from None


def _part(subtype: str, text: str, fence: bytes, *, eight_bit: bool) -> bytes:
    """One body with its own headers."""
    try:
        body = text.encode()
    except UnicodeEncodeError:
        raise UnfitMail(f"the {subtype} text is not Unicode") from None
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    legible = max(map(len, body.split(b"\n"))) < _LINE_BYTES_MAX and b"\0" not in body and fence.strip() not in body
    if not eight_bit and not body.isascii():
        legible = False
    body = body.replace(b"\n", b"\r\n")
    if not legible:
        body = encodebytes(body).replace(b"\n", b"\r\n")
    encoding = "8bit" if legible else "base64"
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode("ascii") + body


def _value(field: str, text: str, *, word_bytes_max: int = _WORD_BYTES_MAX) -> str:
    """A header's value: as it is where ASCII can carry it, as encoded words otherwise."""
    require_plain(field, text)
    if text.isascii() and "=?" not in text and text == text.strip() and len(text) <= _VALUE_CHARACTERS_MAX:
        return text
    return _encoded_words(text, word_bytes_max)


def _mailbox(field: str, name: str | None, address: str) -> str:
    """`"Name" <address>`, as a From or To line has it."""
    address = ascii_address(field, address)
    if not name:
        return f"<{address}>"
    shown = _value(f"{field} name", name, word_bytes_max=_NAME_BYTES_MAX)
    if not shown.startswith("=?"):
        shown = '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{shown} <{address}>"


def _encoded_words(text: str, word_bytes_max: int) -> str:
    """RFC 2047 encoded words, folded; no character is cut in two."""
    words: list[bytes] = []
    word = b""
    for character in text:
        encoded = character.encode()
        if len(word) + len(encoded) > word_bytes_max:
            words.append(word)
            word = b""
        word += encoded
    words.append(word)
    return "\r\n ".join(f"=?utf-8?b?{b64encode(word).decode('ascii')}?=" for word in words)
