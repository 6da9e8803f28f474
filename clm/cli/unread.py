"""Files below config/ that look like ours and that nothing reads: what they say would be missed in silence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clm.domain.nearest import nearest
from clm.errors import Fault

SUFFIX = ".yaml"
_ALIKE = frozenset({".yml", SUFFIX})
READ = (
    *("brand", "clm", "help", "offers", "policy", "rfm"),
    *("segments", "sms_hours", "sources", "stages", "surveys", "topics"),
)
"""The files of config/ itself; its folders are read whole."""


def unread(config: Path) -> list[Fault]:
    """Each such file, with what it may be meant to be called.

    A campaign in `win_back.yml` would never run. What is called like none of ours may be somebody else's.
    """
    return list(_unread(config))


def _unread(config: Path) -> Iterator[Fault]:
    for path in sorted(config.rglob("*")):
        if path.suffix.lower() not in _ALIKE or not path.is_file():
            continue
        if path.suffix != SUFFIX:
            yield Fault(str(path), f"is read by nothing; rename it to {path.stem}{SUFFIX}")
        elif path.parent == config and path.stem not in READ and (meant := nearest(path.stem, READ)):
            yield Fault(str(path), f"is read by nothing{meant}")
