"""Links that say who clicks without a login and without showing anything about the person.

A token is a number and a signature bound to one purpose, so an unsubscribe link opens nothing else. It
never expires: an unsubscribe link must work for as long as somebody keeps the mail (CASL asks for 60 days at least).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import cache
from typing import Literal, get_args

from itsdangerous import BadData, Signer, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from clm.errors import ConfigurationError, Fault

Purpose = Literal["unsubscribe", "preferences", "referral", "confirm", "survey"]
"""A survey's token names the message that asks, all others the contact."""

ContactPurpose = Literal["unsubscribe", "preferences", "referral"]
"""Those whose token is believed by itself; one that confirms has to fit the contact's address as well."""

_PATHS: dict[Purpose, str] = {
    "unsubscribe": "u",
    "preferences": "p",
    "referral": "r",
    "confirm": "c",
    "survey": "s",
}  # short: long folded List-Unsubscribe headers broke DKIM at relays
_TOKEN_CHARACTERS_MAX = 100
_KEY_CHARACTERS_MIN = 32
_KEYS_MAX = 10
NUMBER_MAX = 9_999_999_999
"""The largest number whose link is made room for in an SMS: ids are given out one after another."""
_PLACEHOLDERS = ("changeme", "change-me", "secret", "example", "placeholder", "your-key")


class Links:
    """Makes and reads signed links; the first key signs, all keys are believed, so keys can be replaced."""

    def __init__(self, public_url: str, keys: list[str]) -> None:
        """`keys` are newest first, as `signing_keys` returns them."""
        if not keys:
            raise ConfigurationError([Fault("CLM_SECRET_KEYS", "holds no key; links cannot be signed")])
        self._public_url = public_url.rstrip("/")
        oldest_first = list(reversed(keys))
        self._signers = {purpose: URLSafeSerializer(oldest_first, salt=purpose) for purpose in get_args(Purpose)}
        self._makers = {purpose: _maker(signer.make_signer(purpose)) for purpose, signer in self._signers.items()}

    def unsubscribe(self, contact_id: int) -> str:
        """The address where this contact can stop all marketing mail."""
        return self._url("unsubscribe", contact_id)

    def preferences(self, contact_id: int) -> str:
        """The address where this contact can choose what they get, and by which way."""
        return self._url("preferences", contact_id)

    def referral(self, contact_id: int) -> str:
        """The address this contact may give to friends; it tells nothing about who they are."""
        return self._url("referral", contact_id)

    def confirm(self, contact_id: int, email: str) -> str:
        """The address where whoever reads `email` says that it is theirs and that they want our letters.

        It is signed for both: once the shop knows another address of this contact, it opens nothing.
        """
        return self._url("confirm", contact_id, bound=_bound(email))

    def staff(self, contact_id: int) -> str:
        """The page on which the team sees this contact, once they have signed in: no token opens it."""
        return f"{self._public_url}/staff/contacts/{contact_id}"

    def survey(self, message_id: int, score: int | None = None) -> str:
        """The address where whoever got this message answers its survey, with `score` chosen already."""
        address = self._url("survey", message_id)
        return address if score is None else f"{address}?a={score}"

    def message_of(self, token: str) -> int | None:
        """The message a survey's token was made for; None when it was not made by us."""
        return self._number_of(token, "survey")

    def asked_of(self, token: str) -> int | None:
        """The contact whom a confirming token names, which `confirms` has to find true for their address."""
        try:
            number = int(base64_decode(token[:_TOKEN_CHARACTERS_MAX].partition(".")[0]))
        except (BadData, ValueError):
            return None
        return number if 0 < number <= NUMBER_MAX else None

    def confirms(self, token: str, email: str) -> bool:
        """Whether a confirming token was made for the contact it names with this address."""
        payload, _, signature = token[:_TOKEN_CHARACTERS_MAX].partition(".")
        value = payload.encode() + _bound(email)
        return self._signers["confirm"].make_signer("confirm").verify_signature(value, signature)

    def contact_of(self, token: str, purpose: ContactPurpose) -> int | None:
        """The contact a token was made for; None when it was not made by us, or for another purpose."""
        return self._number_of(token, purpose)

    def _number_of(self, token: str, purpose: Purpose) -> int | None:
        if len(token) > _TOKEN_CHARACTERS_MAX:
            return None
        try:
            number = self._signers[purpose].loads(token)
        except BadData:
            return None
        return number if type(number) is int else None

    def _url(self, purpose: Purpose, number: int, *, bound: bytes = b"") -> str:
        # What `dumps` makes of a number, without trying first whether compressing three digits would shorten them.
        payload = base64_encode(str(number))
        return f"{self._public_url}/{_PATHS[purpose]}/{payload.decode()}.{self._makers[purpose](payload + bound)}"


def _bound(email: str) -> bytes:
    """What is signed with a number and not said: a shop may write the same address otherwise."""
    return b" " + email.casefold().encode()


def _maker(signer: Signer) -> Callable[[bytes], str]:
    """What signs as `signer` does, without drawing its key anew for each signature: 2 µs instead of 9."""
    key, digest = signer.derive_key(), signer.digest_method().name

    def sign(payload: bytes) -> str:
        return base64_encode(hmac.digest(key, payload, digest)).decode()

    return sign


def sample_url(public_url: str, purpose: Purpose) -> str:
    """A link where nobody is meant: it opens nothing, and is as long as the longest that opens something."""
    return f"{public_url.rstrip('/')}/{_PATHS[purpose]}/{_sample_token()}"


@cache
def _sample_token() -> str:
    longest = Links("", ["nobody's"]).unsubscribe(NUMBER_MAX)
    length = len(longest.rpartition("/")[2])
    return ("sample-" * length)[:length]


def signing_keys(text: str) -> list[str]:
    """The keys in `text`, separated by commas, newest first; raises ConfigurationError for weak ones."""
    keys = [key.strip() for key in text.split(",") if key.strip()]
    problem = None
    if not keys:
        problem = "is empty"
    elif len(keys) > _KEYS_MAX:
        problem = f"holds more than {_KEYS_MAX} keys; drop the oldest"
    elif any(len(key) < _KEY_CHARACTERS_MIN for key in keys):
        problem = f"holds a key of fewer than {_KEY_CHARACTERS_MIN} characters"
    elif any(word in key.lower() for key in keys for word in _PLACEHOLDERS):
        problem = "holds a placeholder, not a key"
    if problem:
        remedy = "`openssl rand -hex 32` makes a key"
        raise ConfigurationError([Fault("CLM_SECRET_KEYS", f"{problem}; {remedy}")])
    return keys
