"""The local outbox: messages become files, so that everything runs without an account at a provider.

```
<folder>/mail/<message id>.eml   one file an e-mail, to a contact or to staff, RFC 5322
<folder>/sms.jsonl               one line an SMS: {"id", "to", "from", "text", "at"}, of a test send "test of" too
<folder>/webhooks.jsonl          one line of what would be posted: {"id", "campaign", "step", "subject", "text", "at"}
```
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from typing import TYPE_CHECKING

from clm.channels.mime import UnfitMail, mail_bytes
from clm.channels.payload import payload
from clm.domain.delivery import Limits
from clm.domain.instant import iso
from clm.domain.outcome import Accepted, NotSent, Outcome, Rejected

if TYPE_CHECKING:
    from pathlib import Path

    from clm.domain.content import Envelope


TEST_OF = "X-Test-Of"
"""The header in which a test send says of which campaign and step it is, `win_back/news`."""


class Outbox:
    """Writes messages into a folder, each message id once, however many processes write and whenever they die.

    Nothing is synced to disk: surviving a power cut would cost 1 to 2 ms a message, for files nobody depends on.
    The calls block the event loop for about 0.1 ms each, less than handing them to a thread would.
    """

    name = "outbox"
    idempotent = True
    live = False
    limits = Limits()

    def __init__(self, folder: Path) -> None:
        self._mail = folder / "mail"
        self._sms = _LinesFile(folder / "sms.jsonl")
        self._webhooks = _LinesFile(folder / "webhooks.jsonl")

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Write `envelope` unless its id is there already; a full disk or a missing right is `NotSent`."""
        try:
            if envelope.channel == "sms":
                self._sms.append(envelope.message_id, _sms(envelope))
            elif envelope.channel == "webhook":
                self._webhooks.append(envelope.message_id, {**payload(envelope), "id": envelope.message_id})
            else:
                self._write_mail(envelope)
        except UnfitMail as verdict:
            return Rejected(str(verdict))
        except UnicodeEncodeError:
            return Rejected("the text is not Unicode")
        except OSError as error:
            return NotSent(f"outbox: {error.strerror or type(error).__name__}")
        return Accepted(f"outbox-{envelope.message_id}")

    async def turn(self) -> None:
        """Nobody has to wait for a folder."""

    async def close(self) -> None:
        """Nothing stays open between messages."""

    def _write_mail(self, envelope: Envelope) -> None:
        path = self._mail / f"{envelope.message_id}.eml"
        if path.exists():
            return
        mail = mail_bytes(envelope)
        # A name of its own for each writer: two may hold the same message when a lease expired under one of them.
        temporary = self._mail / f".{envelope.message_id}.{os.getpid()}.{threading.get_ident()}"
        try:
            _write_new(temporary, mail)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def _write_new(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except FileNotFoundError:  # the first message, or somebody emptied the outbox
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _sms(envelope: Envelope) -> dict[str, object]:
    told: dict[str, object] = {
        "id": envelope.message_id,
        "to": envelope.to,
        "from": envelope.sender,
        "text": envelope.content.text,
        "at": iso(envelope.at_ms),
    }
    return told | ({"test of": envelope.headers[TEST_OF]} if TEST_OF in envelope.headers else {})


class _LinesFile:
    """A file of JSON lines in which every message id stands once.

    The lock on the file is held while reading what others added and while appending, and guards this object's memory
    too. The ids seen are kept, so that a message costs one line of reading however long the file is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[int] = set()
        self._read_to = 0  # bytes
        self._inode = -1

    def append(self, message_id: int, message: dict[str, object]) -> None:
        """Add the message as one line unless its id is there; raises OSError with the file as it was."""
        line = json.dumps(message, ensure_ascii=False).encode() + b"\n"
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = self._catch_up(descriptor)
            if message_id in self._known:
                return
            self._write_line(descriptor, line, size)
            self._known.add(message_id)
            self._read_to = size + len(line)
        finally:
            os.close(descriptor)  # gives the lock back

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT
        try:
            return os.open(self._path, flags, 0o644)
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, flags, 0o644)

    def _catch_up(self, descriptor: int) -> int:
        """Learn the ids that others added, mend a line cut short by a crash, and say where the file ends."""
        found = os.fstat(descriptor)
        if found.st_ino != self._inode or found.st_size < self._read_to:  # somebody emptied the outbox
            self._known.clear()
            self._read_to = 0
            self._inode = found.st_ino
        if found.st_size == self._read_to:
            return self._read_to
        with os.fdopen(os.dup(descriptor), "rb") as lines:
            lines.seek(self._read_to)
            for line in lines:
                message_id = _message_id(line)
                if message_id is not None:
                    self._known.add(message_id)
                if not line.endswith(b"\n"):
                    return self._mend(descriptor, line, whole=message_id is not None)
                self._read_to += len(line)
        return self._read_to

    def _mend(self, descriptor: int, line: bytes, *, whole: bool) -> int:
        """End the last line if it is a whole message; cut it off if not: its writer died before it could say sent."""
        if whole:
            os.pwrite(descriptor, b"\n", self._read_to + len(line))
            self._read_to += len(line) + 1
        else:
            os.ftruncate(descriptor, self._read_to)
        return self._read_to

    @staticmethod
    def _write_line(descriptor: int, line: bytes, at: int) -> None:
        try:
            written = os.pwrite(descriptor, line, at)
            while written < len(line):  # a disk that fills up takes a part, then says so
                written += os.pwrite(descriptor, line[written:], at + written)
        except OSError:
            os.ftruncate(descriptor, at)
            raise


def _message_id(line: bytes) -> int | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message.get("id") if isinstance(message, dict) else None
