"""Templates compiled before, kept in a file: compiling them takes seconds, and every task and command needs them.

An entry is named by the hash of everything that it was made of (the template, all shared parts, the brand, the code),
so that nothing is ever stale and nobody has to clear anything. Only folders without any fault are kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import CodeType
from typing import NamedTuple

_MADE_BY = ("jinja2", "mjml-python", "css-inline")
_FILE_BYTES_MAX = 200_000_000
ENTRIES_MAX = 2_000
"""Three times what is shipped: some 24 MB, which take a quarter of a second to read."""


class Entry(NamedTuple):
    """What compiling one file has given."""

    code: CodeType
    lacks: tuple[str, ...]
    names: tuple[str, ...]


class Compiled:
    """The entries of one file; `put` those that are new, `save` at the end."""

    def __init__(self, folder: Path | None) -> None:
        """Read what is there; without a folder nothing is kept."""
        self._path = None if folder is None else folder / f"templates-{sys.implementation.cache_tag}.bin"
        self._kept = self._read()
        self._used: dict[str, Entry] = {}

    def _read(self) -> dict[str, Entry]:
        if self._path is None:
            return {}
        try:
            if self._path.stat().st_size > _FILE_BYTES_MAX:
                return {}
            found = marshal.loads(self._path.read_bytes())  # noqa: S302 - the user's own cache, as Python's own .pyc are
        except (OSError, ValueError, EOFError, TypeError):
            return {}
        return {key: Entry(*entry) for key, entry in found.items()} if isinstance(found, dict) else {}

    def get(self, key: str) -> Entry | None:
        """What was kept under a name."""
        found = self._kept.get(key)
        if found is not None:
            self._used[key] = found
        return found

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry, once `save` says so."""
        self._used[key] = entry

    def save(self) -> None:
        """Add what is new to what others keep there; where nothing can be written, nothing is kept.

        Several projects share the file. Once it holds more than ENTRIES_MAX, only what is in use now stays.
        """
        if self._path is None or self._used.keys() <= self._kept.keys():
            return
        entries = self._read() | self._used
        if len(entries) > ENTRIES_MAX:
            entries = self._used
        fresh = self._path.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Of two processes that write at once the last wins, and each has written a whole file.
            fresh.write_bytes(marshal.dumps({key: tuple(entry) for key, entry in entries.items()}))
            fresh.replace(self._path)


def name_of(*made_of: bytes) -> str:
    """The name of an entry that was made of these, and of this very code."""
    digest = hashlib.sha256(_this_code())
    for part in made_of:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


@cache
def _this_code() -> bytes:
    digest = hashlib.sha256("".join(f"{name} {version(name)} " for name in _MADE_BY).encode())
    content = Path(__file__).parent
    for folder in (content, content.parent / "domain"):  # which knows, among others, the words to stop by
        for path in sorted(folder.glob("*.py")):
            digest.update(path.read_bytes())
    return digest.digest()
