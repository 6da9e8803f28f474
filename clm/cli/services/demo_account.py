"""The account `demo` of the demo shop: made once, its password kept in CLM_HOME for whoever reads it there."""

from __future__ import annotations

import secrets
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clm.settings import Settings

NAME = "demo"
FILE = "demo_password"
_BYTES = 12


def demo_account(settings: Settings) -> str:
    """The password of the account, which is made, or given that password, where it does not have it."""
    # A second of loading that nothing else here needs.
    from clm.domain.instant import to_ms  # noqa: PLC0415
    from clm.engine import staff  # noqa: PLC0415
    from clm.store.database import Database  # noqa: PLC0415

    password = _password(settings)
    with closing(Database(settings.store_url)) as database:
        if staff.seal(database, NAME) is None:
            staff.add(database, NAME, password, now=to_ms(datetime.now(UTC)))
        elif staff.sign_in(database, NAME, password) is None:
            staff.change(database, NAME, password)
    return password


def _password(settings: Settings) -> str:
    """The one in CLM_HOME, which nobody but its owner reads there; a new one where there is none, or half of one."""
    path = settings.home / FILE
    path.touch(mode=0o600)
    kept = path.read_text(encoding="ascii").strip()
    if len(kept) >= _BYTES:
        return kept
    made = secrets.token_urlsafe(_BYTES)
    path.write_text(f"{made}\n", encoding="ascii")
    return made
