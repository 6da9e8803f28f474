"""Somebody of the team who looks at the staff pages, as their browser does it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import scrypt
from typing import Any

import httpx

from clm.domain.instant import HOUR_MS
from clm.settings import Settings
from clm.store import staff
from clm.store.database import Database
from clm.web.app import create_app
from tests.engine.shop import NOW
from tests.web.asking import Asker

PASSWORD = "three small teapots"
LOCAL = "http://127.0.0.1:8080"


def employ(database: Database, name: str = "nadia", password: str = PASSWORD) -> None:
    """Make an account whose password is quick to check; a real one takes 0.3 s."""
    key = scrypt(password.encode(), salt=b"salt", n=2, r=8, p=1, dklen=64)
    hashed = f"scrypt$2$8$1${b64encode(b'salt').decode()}${b64encode(key).decode()}"
    with database.write() as tx:
        staff.add(tx, name, hashed, now=NOW)


class Browser:
    """Keeps its cookie and says where its forms come from, as browsers do."""

    def __init__(self, asker: Asker, origin: str = LOCAL) -> None:
        self.asker = asker
        self.origin = origin
        self.cookie = ""
        self.cookie_said = ""
        self.page = ""

    def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request, redirects not followed."""
        headers = {"Host": self.origin.partition("://")[2], **more.pop("headers", {})}
        if self.cookie:
            headers["Cookie"] = f"clm_staff={self.cookie}"
        answer = self.asker(method, path, headers=headers, **more)
        if said := answer.headers.get("set-cookie"):
            self.cookie_said = said
            self.cookie = said.partition("=")[2].partition(";")[0].strip('"')
        if answer.headers.get("content-type", "").startswith("text/html"):
            self.page = answer.text
        return answer

    def token(self) -> str:
        """What the forms of the page carry."""
        found = re.search(r'name="token" value="(\w+)"', self.page)
        return found[1] if found else ""

    def send(
        self,
        path: str,
        *,
        token: str | None = None,
        origin: str | None = None,
        headers: dict[str, str] | None = None,
        **fields: str,
    ) -> httpx.Response:
        """A form of the page it looks at."""
        given = {**fields, "token": self.token() if token is None else token}
        said = {"Origin": self.origin if origin is None else origin, **(headers or {})}
        return self("POST", path, data=given, headers=said)

    def sign_in(self, name: str = "nadia", password: str = PASSWORD) -> httpx.Response:
        """Open the login page, and fill it in."""
        self("GET", "/staff/login")
        return self.send("/staff/login", name=name, password=password, next="staff/contacts")


def signed_in(project: Settings) -> Iterator[Browser]:
    """Somebody whose session has begun in a project, an hour after the shop's NOW; until the fixture ends."""
    asker = Asker(create_app(project, lambda: NOW + HOUR_MS))
    found = Browser(asker)
    found.sign_in()
    yield found
    asker.close()
