"""Who is signed in: a signed cookie of twelve hours, and the token that every form of theirs carries."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer

from clm.domain.instant import HOUR_MS

COOKIE = "clm_staff"
SESSION_HOURS = 12
_COOKIE_CHARACTERS_MAX = 500
_AHEAD_MS_MAX = 60_000
"""How far the clock that a session began by may have been ahead of ours: that of another machine, or ours before it was
put right."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What a cookie says; `name` is None for somebody who has only looked at the login page."""

    cookie: str
    name: str | None = None
    seal: str | None = None
    """The account as it stood when they signed in (clm.engine.staff)."""


class Sessions:
    """Makes and reads the cookies and form tokens of one project, each bound to its purpose."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys` are newest first, as links have them: a replaced one is still believed, a dropped one no more."""
        self._signer = URLSafeSerializer(list(reversed(keys)), salt="staff session")
        self._form_keys = [hmac.digest(key.encode(), b"staff form", "sha256") for key in keys]

    def visit(self, *, now: int) -> Visit:
        """Somebody comes who is not signed in: their cookie lets the login form be told from a forged one."""
        return Visit(self._signed({"at": now, "lot": secrets.token_urlsafe(12)}))

    def begin(self, name: str, seal: str, *, now: int) -> Visit:
        """Somebody has signed in."""
        lot = secrets.token_urlsafe(12)
        return Visit(self._signed({"at": now, "lot": lot, "name": name, "seal": seal}), name, seal)

    def read(self, cookie: str | None, *, now: int) -> Visit | None:
        """What a cookie says; None where it is not ours or is over."""
        if not cookie or len(cookie) > _COOKIE_CHARACTERS_MAX:
            return None
        try:
            told = self._signer.loads(cookie)
        except BadData:
            return None
        if not isinstance(told, dict):
            return None
        if not -_AHEAD_MS_MAX <= now - int(told.get("at", 0)) < SESSION_HOURS * HOUR_MS:
            return None
        return Visit(cookie, told.get("name"), told.get("seal"))

    def form_token(self, visit: Visit) -> str:
        """What the forms on their pages carry; nobody else's pages can know it."""
        return self._token(self._form_keys[0], visit)

    def is_form_of(self, visit: Visit, token: str) -> bool:
        """Whether a form was made for them."""
        return token.isascii() and any(hmac.compare_digest(self._token(key, visit), token) for key in self._form_keys)

    def _signed(self, told: dict[str, object]) -> str:
        signed = self._signer.dumps(told)
        return signed if isinstance(signed, str) else signed.decode()

    @staticmethod
    def _token(key: bytes, visit: Visit) -> str:
        return hmac.digest(key, visit.cookie.encode(), "sha256").hex()
