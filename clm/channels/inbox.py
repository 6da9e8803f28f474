"""What the local outbox holds, newest first, as an inbox shows it; however much it holds, only a page of it is read."""

from __future__ import annotations

import json
import os
import threading
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.header import decode_header, make_header
from email.utils import parseaddr, parsedate_to_datetime
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from clm.channels.outbox import TEST_OF
from clm.domain.instant import to_ms

Kind = Literal["email", "staff", "sms", "webhook"]
KINDS: tuple[Kind, ...] = ("email", "staff", "sms", "webhook")
LOOKED_MAX = 3_000
"""Of a search, how many messages one page looks through; the next goes on from there."""
TEST_IDS = 1_000_000_000_000
"""Test sends are named by their instant in milliseconds, and messages by numbers counted up from 1."""

_HEAD_BYTES = 8_192
_TAIL_BYTES_MAX = 16_000_000
"""Of a file of lines, how much of its end is looked at: some 50,000 messages."""
_PREVIEW_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Item:
    """One message as a list shows it; `at` is milliseconds since 1970 UTC."""

    kind: Kind
    id: int
    to: str
    to_name: str
    title: str
    at: int | None
    test_of: str = ""
    """Of a test send, the campaign and step: `win_back/news`."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages, newest first; the next page begins `before` this id, where there is one."""

    items: list[Item]
    before: int | None
    looked: int


@dataclass(slots=True)
class Inbox:
    """Reads one outbox, for any number of threads; `team` is the address whose mails are tasks and alerts."""

    folder: Path
    team: str
    _mails: _Mails = field(init=False)
    _lines: dict[Kind, _Lines] = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is read yet."""
        self._mails = _Mails(self.folder / "mail")
        self._lines = {"sms": _Lines(self.folder / "sms.jsonl"), "webhook": _Lines(self.folder / "webhooks.jsonl")}

    def page(
        self,
        *,
        kind: Kind | None = None,
        search: str = "",
        before: int | None = None,
        limit: int = 50,
        tests: bool = False,
    ) -> Page:
        """The newest messages of a kind or all, or the test sends, with the search in address, name or subject."""
        needle = search.strip().casefold()
        items: list[Item] = []
        looked = 0
        for one, message_id in self._candidates(kind, before, tests=tests):
            if len(items) >= limit or looked >= LOOKED_MAX:
                return Page(items, message_id + 1, looked)
            looked += 1
            item = self._item(one, message_id)
            if item is None or (kind is not None and item.kind != kind):
                continue
            if needle in f"{item.to}\n{item.to_name}\n{item.title}".casefold():
                items.append(item)
        return Page(items, None, looked)

    def holds(self, place: Literal["mail", "sms", "webhook"], message_id: int) -> bool:
        """Whether a message lies here, and was not sent."""
        if place == "mail":
            return self._mails.holds(message_id)
        return self._lines[place].read(message_id) is not None

    def mail_bytes(self, message_id: int) -> bytes | None:
        """A mail as it was written; None where there is none of that id."""
        return self._mails.read(message_id)

    def line(self, kind: Kind, message_id: int) -> dict[str, Any] | None:
        """An SMS, or what would be posted; None where there is none of that id."""
        return self._lines[kind].read(message_id) if kind in self._lines else None

    def _candidates(self, kind: Kind | None, before: int | None, *, tests: bool) -> Iterator[tuple[Kind, int]]:
        top = before if before is not None else (1 << 62 if tests else TEST_IDS)
        bottom = TEST_IDS if tests else 0
        sources: list[tuple[Kind, array[int]]] = []
        if kind in (None, "email", "staff"):
            sources.append(("email", self._mails.ids()))
        sources += [(name, lines.ids()) for name, lines in self._lines.items() if kind in (None, name)]
        found = merge(*(_down(name, ids, top) for name, ids in sources), key=lambda one: -one[1])
        for one in found:
            if one[1] < bottom:
                return
            yield one

    def _item(self, kind: Kind, message_id: int) -> Item | None:
        if kind == "email":
            return self._mail_item(message_id)
        told = self._lines[kind].read(message_id)
        if told is None:
            return None
        title = str(told.get("subject") or told.get("text") or "")[:_PREVIEW_CHARACTERS]
        of = str(told.get("test of") or "")
        return Item(kind, message_id, str(told.get("to") or ""), "", title, _instant(told.get("at")), of)

    def _mail_item(self, message_id: int) -> Item | None:
        head = self._mails.read(message_id, _HEAD_BYTES)
        if head is None:
            return None
        headers = _headers(head)
        name, address = parseaddr(headers.get("to", ""))
        kind: Kind = "staff" if address.lower() == self.team.lower() else "email"
        subject, of = _decoded(headers.get("subject", "")), headers.get(TEST_OF.lower(), "")
        return Item(kind, message_id, address, _decoded(name), subject, _dated(headers), of)


def _down(kind: Kind, ids: array[int], before: int) -> Iterator[tuple[Kind, int]]:
    for place in range(bisect_left(ids, before) - 1, -1, -1):
        yield kind, ids[place]


class _Mails:
    """A folder with a file a mail: all names are read (0.15 s for 300,000), and the files that are shown."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ids(self) -> array[int]:
        """The ids of all mails, lowest first."""
        try:
            with os.scandir(self._folder) as entries:
                stems = (entry.name[:-4] for entry in entries if entry.name.endswith(".eml"))
                return array("q", sorted(int(stem) for stem in stems if stem.isascii() and stem.isdigit()))
        except OSError:  # nothing was written yet, or somebody emptied the outbox
            return array("q")

    def holds(self, message_id: int) -> bool:
        return (self._folder / f"{message_id}.eml").is_file()

    def read(self, message_id: int, bytes_max: int = -1) -> bytes | None:
        try:
            with (self._folder / f"{message_id}.eml").open("rb") as file:
                return file.read(bytes_max)
        except OSError:
            return None


class _Lines:
    """The end of a file of JSON lines: where which message stands; what others add is read when asked again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._places: dict[int, int] = {}
        self._ids = array("q")
        self._read_to = 0
        self._inode = -1

    def ids(self) -> array[int]:
        """The ids of the messages there, lowest first."""
        try:
            with self._lock, self._path.open("rb") as file:
                self._catch_up(file)
                return self._ids
        except OSError:
            return array("q")

    def read(self, message_id: int) -> dict[str, Any] | None:
        if message_id not in self._places:
            self.ids()
        place = self._places.get(message_id)
        if place is None:
            return None
        try:
            with self._path.open("rb") as file:
                file.seek(place)
                told = json.loads(file.readline())
        except (OSError, ValueError):
            return None
        return told if isinstance(told, dict) else None

    def _catch_up(self, file: Any) -> None:
        found = os.fstat(file.fileno())
        if found.st_ino != self._inode or found.st_size < self._read_to:
            self._places.clear()
            self._inode = found.st_ino
            self._read_to = max(0, found.st_size - _TAIL_BYTES_MAX)
        if found.st_size == self._read_to:
            return
        file.seek(self._read_to)
        place = self._read_to
        for line in file:
            if not line.endswith(b"\n"):  # somebody is writing it
                break
            message_id = _id_of(line)
            if message_id is not None:
                self._places[message_id] = place
            place += len(line)
        self._read_to = place
        self._ids = array("q", sorted(self._places))


def _id_of(line: bytes) -> int | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    found = told.get("id") if isinstance(told, dict) else None
    return found if type(found) is int else None


def _headers(head: bytes) -> dict[str, str]:
    """The headers of a mail by name in small letters, as they stand, unfolded."""
    text = head.partition(b"\r\n\r\n")[0].decode("latin-1").replace("\r\n ", " ").replace("\r\n\t", " ")
    pairs = (line.partition(": ") for line in islice(text.split("\r\n"), 100))
    return {name.lower(): value for name, _, value in pairs}


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(value))) if "=?" in value else value
    except (ValueError, LookupError):
        return value


def _dated(headers: dict[str, str]) -> int | None:
    try:
        return to_ms(parsedate_to_datetime(headers.get("date", "")))
    except ValueError:
        return None


def _instant(told: object) -> int | None:
    try:
        return to_ms(datetime.fromisoformat(str(told)))
    except ValueError:
        return None
