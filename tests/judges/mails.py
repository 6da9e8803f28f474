"""Every shipped mail in every language, as it leaves to somebody of whom all is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from clm.channels.mime import mail_bytes
from clm.content.brand import sender_name
from clm.domain.content import Envelope
from clm.domain.instant import to_ms
from clm.engine.proofreading import Reading, readers, readings
from clm.engine.workspace import Project, load_project
from clm.settings import Settings

PROJECT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
SETTINGS = Settings(
    config=PROJECT / "config", templates=PROJECT / "templates", public_url="https://news.saffronandsage.example"
)


class Mail(NamedTuple):
    """One of them."""

    name: str
    reading: Reading
    reader: Mapping[str, Any]


def every_mail(project: Project) -> Iterator[Mail]:
    """All of them, broadcasts included."""
    for reading in readings(project):
        if reading.words == "email":
            name = f"{reading.campaign.campaign}/{reading.step.send}/{reading.locale}"
            yield Mail(name, reading, readers(project, SETTINGS, reading, now=to_ms(NOW))["all facts"])


def project() -> Project:
    """What is shipped."""
    return load_project(SETTINGS)


def as_it_leaves(mail: Mail, shipped: Project) -> bytes:
    """The whole mail, as SMTP carries it."""
    reading, brand = mail.reading, shipped.brand
    content = shipped.library.render(reading.campaign.campaign, reading.step.send, "email", reading.locale, mail.reader)
    leave = mail.reader["links"]["unsubscribe"]
    return mail_bytes(
        Envelope(
            message_id=1,
            reference="clm000001",
            channel="email",
            to="reader@example.com",
            to_name=mail.reader["contact"]["first_name"],
            sender=brand.sender.email,
            sender_name=sender_name(brand, content.locale),
            sender_name_ascii=brand.sender.name,
            content=content,
            at_ms=to_ms(NOW),
            headers={
                "Reply-To": brand.sender.reply_to,
                "List-Unsubscribe": f"<{leave}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        )
    )
