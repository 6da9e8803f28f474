"""Whether files are still those that were read: another stamp, and they are to be read again."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from pathlib import Path

FILES_MAX = 20_000


def stamp_of(folders: Collection[Path], pattern: str = "*") -> int:
    """A number for which files there are, when each was written and how long it is; raises OSError.

    Of each, because a file that is put back is older than what it replaces, and need not be the newest. Of more than
    FILES_MAX in a folder the others are not looked at.
    """
    return hash(tuple(_told(path) for folder in folders for path in islice(folder.rglob(pattern), FILES_MAX)))


def _told(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:  # somebody is putting the files in place
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size
