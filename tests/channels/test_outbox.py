"""The local outbox: one file a mail, one line an SMS, each message once."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import resource
import subprocess
import sys
import textwrap
from dataclasses import replace
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pytest
from email_validator import validate_email

from clm.channels.outbox import Outbox
from clm.domain.content import Content, Envelope
from clm.domain.outcome import Accepted, NotSent, Outcome, Rejected
from clm.sources.values import email

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

MAIL = Envelope(
    reference="m42-0123456789ab",
    message_id=7,
    channel="email",
    to="mina@example.com",
    to_name="مینا کریمی",
    sender="hello@shop.example",
    sender_name='Tea, "Leaf" & Co',
    content=Content(
        "fa", text="سلام مینا\nخوش آمدید", subject="خوش آمدید — 10% برای شما 🎁", html="<p>سلام <b>مینا</b></p>"
    ),
    at_ms=1_291_194_000_000,
    headers={"List-Unsubscribe": "<https://shop.example/u/1>"},
)
SMS = replace(
    MAIL, channel="sms", to="+447700900123", to_name=None, sender="TeaShop", content=Content("en", "Back? 10% off ☕")
)


def deliver(outbox: Outbox, *envelopes: Envelope) -> list[Outcome]:
    """Hand envelopes over, one after the other."""

    async def all_of_them() -> list[Outcome]:
        return [await outbox.deliver(envelope) for envelope in envelopes]

    return asyncio.run(all_of_them())


def mail(folder: Path, message_id: int = 7) -> EmailMessage:
    """A mail of the outbox as a mail program reads it."""
    parsed = message_from_bytes((folder / "mail" / f"{message_id}.eml").read_bytes(), policy=policy.default)
    assert not [defect for part in parsed.walk() for defect in part.defects]
    return parsed


def names(folder: Path) -> list[str]:
    """What lies in a folder, hidden or not."""
    return sorted(path.name for path in folder.iterdir())


def sms(folder: Path) -> list[dict[str, object]]:
    """The lines of the SMS file."""
    return [json.loads(line) for line in (folder / "sms.jsonl").read_text(encoding="utf-8").splitlines()]


def test_mail_reads_back_as_written(tmp_path: Path) -> None:
    """A mail program shows names, subject, date, extra headers, text and HTML as they were given, in any script."""
    assert deliver(Outbox(tmp_path), MAIL) == [Accepted("outbox-7")]
    found = mail(tmp_path)
    assert found["to"].addresses[0].display_name == "مینا کریمی"
    assert found["to"].addresses[0].addr_spec == "mina@example.com"
    assert found["from"].addresses[0].display_name == 'Tea, "Leaf" & Co'
    assert found["subject"] == MAIL.content.subject
    assert found["date"].datetime.isoformat() == "2010-12-01T09:00:00+00:00"
    assert found["message-id"] == "<m42-0123456789ab@shop.example>"
    assert found["list-unsubscribe"] == "<https://shop.example/u/1>"
    assert found.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in found.iter_parts()] == ["text/plain", "text/html"]
    assert found.get_body(("plain",)).get_content().splitlines() == MAIL.content.text.splitlines()
    assert found.get_body(("html",)).get_content() == MAIL.content.html


@pytest.mark.parametrize(
    "text",
    ["", "short", "a" * 997, "a" * 998, "ก" * 5_000, "line\r\nline\rline\n", "--=_clm_7--\nfooled?", ".\n\n.", "a\0b"],
    ids=["empty", "short", "line-max", "line-over", "long-thai", "line-ends", "own-boundary", "dots", "nul"],
)
def test_any_body_survives(tmp_path: Path, text: str) -> None:
    """Whatever the words are, what is read is what was written, line ends aside."""
    deliver(Outbox(tmp_path), replace(MAIL, content=replace(MAIL.content, text=text, html=f"<p>{text}</p>")))
    found = mail(tmp_path)
    assert len(list(found.iter_parts())) == 2
    for kind, body in (("plain", text), ("html", f"<p>{text}</p>")):
        read = found.get_body((kind,)).get_content()
        assert read.replace("\r\n", "\n") == body.replace("\r\n", "\n").replace("\r", "\n")
    assert max(map(len, (tmp_path / "mail" / "7.eml").read_bytes().split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    "words",
    [
        "สมชาย ใจดีมากมากมากมากมาก นามสกุลยาวมาก",
        "a b",
        "=?utf-8?b?eA==?=",
        " padded ",
        "Иван 'Ваня' Иванов",
        "x" * 400,
        "é" * 80,
    ],
)
def test_names_and_subjects_survive(tmp_path: Path, words: str) -> None:
    """Long names and subjects, and those that look like encoding, read back letter for letter."""
    deliver(Outbox(tmp_path), replace(MAIL, to_name=words, content=replace(MAIL.content, subject=words)))
    found = mail(tmp_path)
    assert found["subject"] == words
    assert found["to"].addresses[0].display_name == words


def test_mail_without_html_is_plain_text(tmp_path: Path) -> None:
    """A mail that has only text is sent as text."""
    deliver(Outbox(tmp_path), replace(MAIL, to_name=None, content=replace(MAIL.content, html=None)))
    found = mail(tmp_path)
    assert found.get_content_type() == "text/plain"
    assert found.get_content().splitlines() == MAIL.content.text.splitlines()


def test_a_mail_to_staff_is_a_mail(tmp_path: Path) -> None:
    """What is for the team becomes a plain mail to the team's address, once, and no SMS."""
    words = Content("en", "Call today.\n", subject="Call C-1042")
    task = replace(MAIL, channel="staff", to="team@shop.example", to_name=None, content=words, headers={})
    assert deliver(Outbox(tmp_path), task, task) == [Accepted("outbox-7")] * 2
    found = mail(tmp_path)
    assert (found["to"], found["subject"]) == ("team@shop.example", "Call C-1042")
    assert found.get_content_type() == "text/plain"
    assert found["list-unsubscribe"] is None
    assert names(tmp_path) == ["mail"]
    assert names(tmp_path / "mail") == ["7.eml"]


def test_what_a_program_would_be_told_is_one_line(tmp_path: Path) -> None:
    """A webhook that is not live becomes a line of its own file, once, without the URL it would go to."""
    words = Content("en", "Call today.", subject="Call C-1042")
    told = replace(
        MAIL, channel="webhook", to="https://hooks.example/secret", content=words, labels=("win-back", "call")
    )
    assert deliver(Outbox(tmp_path), told, told) == [Accepted("outbox-7")] * 2
    assert names(tmp_path) == ["webhooks.jsonl"]
    (line,) = (tmp_path / "webhooks.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {
        "id": 7,
        "campaign": "win-back",
        "step": "call",
        "subject": "Call C-1042",
        "text": "Call today.",
        "at": "2010-12-01T09:00:00Z",
    }


def test_international_domain_is_written_in_ascii(tmp_path: Path) -> None:
    """An address at a domain in another script is written in the form every mail server knows."""
    deliver(Outbox(tmp_path), replace(MAIL, to="info@bücher.example"))
    assert mail(tmp_path)["to"].addresses[0].addr_spec == "info@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "domain",
    ["straße.de", "STRASSE.de", "βόλος.gr", "βολοσ.gr", "bücher.example", "ﬁrma。de"],
)
def test_mail_goes_to_the_domain_that_was_checked(tmp_path: Path, domain: str) -> None:
    """An address leads where whoever took it in has looked, and not to `strasse.de`, which is somebody else's."""
    taken = email(f"info@{domain}")
    assert taken is not None
    deliver(Outbox(tmp_path), replace(MAIL, to=taken))
    checked = validate_email(f"info@{domain}", check_deliverability=False)
    assert mail(tmp_path)["to"].addresses[0].addr_spec == checked.ascii_email
    assert (domain == "straße.de") == (checked.ascii_domain == "xn--strae-oqa.de")


def test_answers_and_the_way_out_lead_to_international_domains(tmp_path: Path) -> None:
    """Reply-To and List-Unsubscribe are read by programs: their hosts are in ASCII and nothing in them is encoded."""
    leave = "<https://bücher.example:8443/u/MTIz.abc>, <mailto:tee@bücher.example?subject=unsubscribe>"
    headers = {"Reply-To": "tee@bücher.example", "List-Unsubscribe": leave}
    deliver(Outbox(tmp_path), replace(MAIL, headers=headers))
    written = (tmp_path / "mail" / "7.eml").read_text(encoding="utf-8")
    assert "\nReply-To: tee@xn--bcher-kva.example\n" in written
    assert f"\nList-Unsubscribe: {leave.replace('bücher', 'xn--bcher-kva')}\n" in written


@pytest.mark.parametrize("domain", ["☕.com", "i❤.ws", "a..bücher.de", "ü" * 64 + ".de"])
def test_a_domain_that_cannot_be_is_written_nothing(tmp_path: Path, domain: str) -> None:
    """Where no import would take the address (pictures are no letters), no mail leads either."""
    with pytest.raises(ValueError, match="is not an e-mail address"):
        email(f"info@{domain}")
    (outcome,) = deliver(Outbox(tmp_path), replace(MAIL, to=f"info@{domain}"))
    assert outcome == Rejected("to has a domain that does not exist")


@pytest.mark.parametrize(
    "envelope",
    [
        replace(MAIL, content=replace(MAIL.content, subject="Hi\r\nBcc: all@example.com")),
        replace(MAIL, to_name="Mina\nBcc: all@example.com"),
        replace(MAIL, sender_name="Shop\x00"),
        replace(MAIL, to="mina@example.com\r\nBcc: all@example.com"),
        replace(MAIL, to="mina@example.com, all@example.com"),
        replace(MAIL, to="mina@example.com>\u2028<all@example.com"),
        replace(MAIL, to="nobody"),
        replace(MAIL, headers={"X-A": "b\r\nBcc: all@example.com"}),
        replace(MAIL, headers={"X-A: b\r\nBcc": "all@example.com"}),
        replace(MAIL, headers={"Subject": "another"}),
        replace(MAIL, headers={"Content-Type": "text/x"}),
        replace(MAIL, content=replace(MAIL.content, text="half a letter: \ud83d")),
        replace(SMS, content=Content("en", "half a letter: \ud83d")),
    ],
)
def test_smuggling_is_refused(tmp_path: Path, envelope: Envelope) -> None:
    """A name, subject, address or header that could smuggle another header in is refused, and nothing is written."""
    (outcome,) = deliver(Outbox(tmp_path), envelope)
    assert isinstance(outcome, Rejected)
    assert "example.com" not in outcome.reason
    assert not list((tmp_path / "mail").glob("*"))
    assert not (tmp_path / "sms.jsonl").exists()


def test_same_message_twice_is_one_message(tmp_path: Path) -> None:
    """Handing a message id over again, by the same outbox or another, leaves the first and adds none."""
    again = replace(MAIL, content=replace(MAIL.content, subject="another"))
    for outbox in (Outbox(tmp_path), Outbox(tmp_path)):
        assert deliver(outbox, MAIL, again, SMS, SMS) == [Accepted("outbox-7")] * 4
    assert names(tmp_path / "mail") == ["7.eml"]
    assert mail(tmp_path)["subject"] == MAIL.content.subject
    assert sms(tmp_path) == [
        {"id": 7, "to": "+447700900123", "from": "TeaShop", "text": "Back? 10% off ☕", "at": "2010-12-01T09:00:00Z"}
    ]


def test_two_processes_at_once_write_each_sms_once(tmp_path: Path) -> None:
    """Three processes handing the same 2,000 messages over at once, each in its own order, leave 2,000 lines."""
    program = textwrap.dedent("""
        import asyncio, pathlib, random, sys
        from clm.channels.outbox import Outbox
        from clm.domain.content import Content, Envelope
        outbox = Outbox(pathlib.Path(sys.argv[1]))
        async def main():
            print("ready", flush=True)
            sys.stdin.readline()  # so that all begin at once
            for i in random.Random(sys.argv[2]).sample(range(2_000), 2_000):
                text = "x" * (i % 300)
                envelope = Envelope(i, f"m{i}", "sms", "+4477", None, "S", None, Content("en", text), 0)
                print(await outbox.deliver(envelope))
                if i % 20 == 0:
                    words = Content("en", text, "subject", "html")
                    mail = Envelope(i, f"m{i}", "email", "a@b.example", None, "s@b.example", None, words, 0)
                    await outbox.deliver(mail)
        asyncio.run(main())
    """)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), seed],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in "abc"
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        said, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0
        assert said.count("Accepted") == 2_000
    assert sorted(line["id"] for line in sms(tmp_path)) == list(range(2_000))
    assert names(tmp_path / "mail") == sorted(f"{i}.eml" for i in range(0, 2_000, 20))


@pytest.mark.parametrize("alive", [True, False], ids=["while we run", "before we started"])
def test_line_cut_by_a_crash_is_mended(tmp_path: Path, *, alive: bool) -> None:
    """A line that a dying process left half-written is cut off and its message can be handed over again."""
    outbox = Outbox(tmp_path)
    deliver(outbox, replace(SMS, message_id=1))
    with (tmp_path / "sms.jsonl").open("ab") as file:
        file.write(b'{"id": 2, "to": "+4477", "text": "' + b"x" * 500)
    if not alive:
        outbox = Outbox(tmp_path)
    deliver(outbox, replace(SMS, message_id=3), replace(SMS, message_id=2), replace(SMS, message_id=1))
    assert [line["id"] for line in sms(tmp_path)] == [1, 3, 2]


def test_whole_line_without_its_end_is_kept(tmp_path: Path) -> None:
    """A last line that lacks nothing but its line end (an editor took it) counts as sent."""
    deliver(Outbox(tmp_path), replace(SMS, message_id=1), replace(SMS, message_id=2))
    path = tmp_path / "sms.jsonl"
    path.write_bytes(path.read_bytes().rstrip())
    deliver(Outbox(tmp_path), replace(SMS, message_id=2), replace(SMS, message_id=3))
    assert [line["id"] for line in sms(tmp_path)] == [1, 2, 3]


def test_lines_of_others_are_learned(tmp_path: Path) -> None:
    """What another process added since is not added again, and foreign lines are left alone."""
    ours, theirs = Outbox(tmp_path), Outbox(tmp_path)
    deliver(ours, replace(SMS, message_id=1))
    with (tmp_path / "sms.jsonl").open("a") as file:
        file.write("a note by hand\n[1]\n")
    deliver(theirs, replace(SMS, message_id=2))
    deliver(ours, replace(SMS, message_id=2), replace(SMS, message_id=3))
    lines = (tmp_path / "sms.jsonl").read_text().splitlines()
    assert lines[1:3] == ["a note by hand", "[1]"]
    assert [json.loads(line)["id"] for line in (lines[0], *lines[3:])] == [1, 2, 3]


def test_emptied_outbox_is_filled_again(tmp_path: Path) -> None:
    """Somebody may throw the outbox away while it is in use; what comes next is written."""
    outbox = Outbox(tmp_path / "outbox")
    deliver(outbox, MAIL, SMS)
    subprocess.run(["rm", "-r", tmp_path / "outbox"], check=True)
    assert deliver(outbox, MAIL, SMS) == [Accepted("outbox-7")] * 2
    assert names(tmp_path / "outbox" / "mail") == ["7.eml"]
    assert len(sms(tmp_path / "outbox")) == 1


@pytest.mark.parametrize("envelope", [MAIL, SMS], ids=["mail", "sms"])
def test_no_room_or_no_right_means_not_sent(tmp_path: Path, envelope: Envelope) -> None:
    """Where the outbox cannot be written, the message counts as not sent, with the reason, and may be tried again."""
    (tmp_path / "file").write_text("in the way")
    assert deliver(Outbox(tmp_path / "file" / "outbox"), envelope) == [NotSent("outbox: Not a directory")]


@pytest.mark.parametrize("envelope", [MAIL, SMS], ids=["mail", "sms"])
def test_disk_that_fills_up_leaves_nothing_behind(tmp_path: Path, envelope: Envelope) -> None:
    """When the disk takes only half of a message, that half is removed and a later try succeeds."""
    outbox = Outbox(tmp_path)
    small = replace(envelope, message_id=1, content=replace(envelope.content, text="x"))
    large = replace(envelope, message_id=2, content=replace(envelope.content, text="x" * 100_000))
    deliver(outbox, small)
    # A limit on the size of files fails a write half-way, as a full disk does.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        assert deliver(outbox, large) == [NotSent(f"outbox: {os.strerror(errno.EFBIG)}")]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    if envelope.channel == "email":
        assert names(tmp_path / "mail") == ["1.eml"]
    else:
        assert [line["id"] for line in sms(tmp_path)] == [1]
    assert deliver(outbox, large) == [Accepted("outbox-2")]
