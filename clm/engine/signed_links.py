"""The links that messages carry and pages believe, signed with the project's keys."""

from __future__ import annotations

import contextlib
import os
import secrets

from clm.content.links import Links, signing_keys
from clm.settings import Settings


def links_of(settings: Settings) -> Links:
    """What makes and reads this project's links; its keys are made when they are first needed."""
    return Links(settings.public_url, keys_of(settings))


def keys_of(settings: Settings) -> list[str]:
    """The keys that links and sessions are signed with, newest first.

    One is made once, and kept in CLM_HOME, where the environment names none.
    """
    if settings.secret_keys is not None:
        return signing_keys(settings.secret_keys.get_secret_value())
    path = settings.home / "secret_key"
    settings.home.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    if not path.exists():
        # Written aside and linked, so that two processes that start at once end up with one key.
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(32))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(fresh)
        fresh.unlink()
    return signing_keys(path.read_text())
