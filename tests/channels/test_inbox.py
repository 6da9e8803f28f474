"""The outbox as an inbox: newest first, found by what is in it, and never read whole."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from clm.channels import inbox
from clm.channels.inbox import TEST_IDS, Inbox
from clm.channels.letter import letter
from clm.channels.outbox import Outbox
from clm.domain.content import ChannelName, Content, Envelope
from clm.domain.instant import DAY_MS

TEAM = "team@shop.example"
AT = 20_000 * DAY_MS


def _envelope(message_id: int, channel: ChannelName = "email", to: str = "ada@example.com", **more: str) -> Envelope:
    content = Content("en", more.get("text", "Hello"), more.get("subject", "Tea"), more.get("html"))
    return Envelope(
        message_id, f"m{message_id}", channel, to, more.get("to_name"), "letters@shop.example", None, content, AT
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An outbox with five messages of all channels, and a test send."""

    async def fill() -> None:
        outbox = Outbox(tmp_path / "outbox")
        name = {"to_name": "شیرین هاشمی", "subject": "چای تازه", "html": "<p>چای</p>"}
        for envelope in (
            _envelope(1),
            _envelope(2, to="shirin@example.com", **name),
            _envelope(3, "sms", to="+447700900123", text="Your code"),
            _envelope(4, "staff", to=TEAM, subject="One of our best"),
            _envelope(5, "webhook", to="", subject="Told", text="a program"),
            _envelope(TEST_IDS + 7, subject="[test] Tea"),
        ):
            await outbox.deliver(envelope)

    asyncio.run(fill())
    return tmp_path / "outbox"


def test_everything_stands_in_one_list_newest_first(folder: Path) -> None:
    """Mail, texts, tasks and what programs were told, each with who it is for; test sends are apart."""
    found = Inbox(folder, TEAM).page()
    assert [(item.id, item.kind) for item in found.items] == [
        (5, "webhook"), (4, "staff"), (3, "sms"), (2, "email"), (1, "email"),
    ]  # fmt: skip
    assert found.before is None
    assert (found.items[3].to_name, found.items[3].title, found.items[3].at) == ("شیرین هاشمی", "چای تازه", AT)
    tests = Inbox(folder, TEAM).page(tests=True)
    assert [item.title for item in tests.items] == ["[test] Tea"]


@pytest.mark.parametrize(
    ("search", "ids"), [("هاشمی", [2]), ("ADA@", [1]), ("تازه", [2]), ("+4477", [3]), ("zebra", [])]
)
def test_a_message_is_found_by_address_name_or_subject(search: str, ids: list[int], folder: Path) -> None:
    """In any script, whatever the case, also where a header is encoded."""
    assert [item.id for item in Inbox(folder, TEAM).page(search=search).items] == ids


def test_a_kind_can_be_looked_at_alone_page_by_page(folder: Path) -> None:
    """A page ends where the next begins, and a search looks through so many messages at once."""
    box = Inbox(folder, TEAM)
    assert [item.id for item in box.page(kind="email").items] == [2, 1]
    first = box.page(limit=2)
    second = box.page(limit=2, before=first.before)
    assert [item.id for item in [*first.items, *second.items]] == [5, 4, 3, 2]
    assert [item.id for item in box.page(limit=2, before=second.before).items] == [1]


def test_a_search_without_end_stops(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how far it has come, and goes on from there."""
    monkeypatch.setattr(inbox, "LOOKED_MAX", 3)
    found = Inbox(folder, TEAM).page(search="ada")
    assert (found.items, found.looked) == ([], 3)
    assert [item.id for item in Inbox(folder, TEAM).page(search="ada", before=found.before).items] == [1]


def test_what_others_add_is_seen_and_an_emptied_outbox_is_empty(folder: Path) -> None:
    """Lines that come later are read when asked again; a line that is half written is no message yet."""
    box = Inbox(folder, TEAM)
    assert box.line("sms", 3) == {**(box.line("sms", 3) or {}), "text": "Your code"}
    asyncio.run(Outbox(folder).deliver(_envelope(6, "sms", to="+447700900124", text="More")))
    with (folder / "sms.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": 9, "to"')
    assert [item.id for item in box.page(kind="sms").items] == [6, 3]
    for path in [*folder.glob("*.jsonl"), *(folder / "mail").iterdir()]:
        path.unlink()
    assert box.page().items == []
    assert Inbox(folder / "nowhere", TEAM).page().items == []


def test_a_mail_is_taken_apart_again(folder: Path) -> None:
    """Subject, text and HTML are what they were when it was written."""
    found = letter(Inbox(folder, TEAM).mail_bytes(2) or b"")
    assert (found.subject, found.text.strip(), (found.html or "").strip()) == ("چای تازه", "Hello", "<p>چای</p>")
    assert "shirin@example.com" in found.header("to")


def test_of_a_long_file_the_end_is_looked_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the look begins in the middle of a line, that line is left out and the next are read."""
    line = '{"id": %d, "to": "+447700900123", "text": "Hello", "at": "2024-10-04T00:00:00Z"}\n'
    (folder / "sms.jsonl").write_text("".join(line % number for number in range(11, 21)))
    monkeypatch.setattr(inbox, "_TAIL_BYTES_MAX", len(line % 11) * 3 + 5)
    assert [item.id for item in Inbox(folder, TEAM).page(kind="sms").items] == [20, 19, 18]
