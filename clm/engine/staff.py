"""Who of the team may look at the staff pages, and how a password is kept and checked."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode

from clm.errors import ClmError
from clm.store import staff
from clm.store.database import Database, Found

NAME = re.compile(r"[a-z][a-z0-9._-]{0,39}")
PASSWORD_CHARACTERS_MIN = 12
PASSWORD_CHARACTERS_MAX = 200

# OWASP's Password Storage Cheat Sheet gives N = 2**15, r = 8, p = 3 among settings of one strength: 32 MB, 0.3 s.
_N, _R, _P = 2**15, 8, 3
_MEMORY_MAX = 64 * 1024 * 1024
_SALT_BYTES = 16
_NOBODY = f"scrypt${_N}${_R}${_P}${b64encode(bytes(_SALT_BYTES)).decode()}${b64encode(bytes(64)).decode()}"
"""Checked for a name that nobody has, so that the answer takes as long."""


def add(database: Database, name: str, password: str, *, now: int) -> None:
    """Make an account; raises ClmError for a name or a password that will not do, or a name that is taken."""
    if not NAME.fullmatch(name):
        raise ClmError(f"the name `{name}` must be small letters, digits, `.`, `_` and `-`, a letter first")
    hashed = _hashed(_checked(password))
    with database.write(durable=True) as tx:
        if staff.password_hash(tx, name) is not None:
            raise ClmError(f"there is an account `{name}` already; `clm staff password {name}` changes its password")
        staff.add(tx, name, hashed, now=now)


def change(database: Database, name: str, password: str) -> None:
    """Give an account another password, which ends its sessions; raises ClmError where there is no such account."""
    hashed = _hashed(_checked(password))
    with database.write(durable=True) as tx:
        if staff.password_hash(tx, name) is None:
            raise ClmError(f"there is no account `{name}`; `clm staff list` shows those there are")
        staff.change(tx, name, hashed)


def remove(database: Database, name: str) -> None:
    """Take an account away, which ends its sessions; raises ClmError where there is no such account."""
    with database.write(durable=True) as tx:
        if not staff.remove(tx, name):
            raise ClmError(f"there is no account `{name}`; `clm staff list` shows those there are")


def accounts(database: Database) -> list[Found]:
    """Every account, by name: name, created_at."""
    with database.read() as tx:
        return staff.accounts(tx)


def seal(database: Database, name: str) -> str | None:
    """A name for an account as it stands, which another password or its end changes; None where there is none.

    A session carries it, so that nobody stays signed in with a password that is not theirs any more.
    """
    with database.read() as tx:
        hashed = staff.password_hash(tx, name)
    return None if hashed is None else _seal(hashed)


def sign_in(database: Database, name: str, password: str) -> str | None:
    """The account's seal where name and password are right, else None, after the same time for unknown names."""
    with database.read() as tx:
        hashed = staff.password_hash(tx, name)
    right = is_right(password[:PASSWORD_CHARACTERS_MAX], hashed or _NOBODY)
    return _seal(hashed) if right and hashed is not None else None


def is_right(password: str, hashed: str) -> bool:
    """Whether a password is the one that was hashed, compared in constant time."""
    _, n, r, p, salt, key = hashed.split("$")
    found = _key(password, b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, b64decode(key))


def _checked(password: str) -> str:
    if not PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX:
        raise ClmError(f"a password has {PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX} characters")
    return password


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(_SALT_BYTES)
    key = _key(password, salt, _N, _R, _P)
    return f"scrypt${_N}${_R}${_P}${b64encode(salt).decode()}${b64encode(key).decode()}"


def _key(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY_MAX, dklen=64)


def _seal(hashed: str) -> str:
    return hashlib.sha256(hashed.encode()).hexdigest()[:16]
