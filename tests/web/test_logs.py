"""What the web application writes about its visitors: nothing by which anybody could be known."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from sqlalchemy import text

from clm.content.links import Links
from clm.faults import FaultPoint
from clm.store.database import Database
from tests.web.asking import EVENTS, PUBLIC_URL, STATUS, Asker, SendGrid, event

PLANTED = ("planted.person", "7700900123", "Planted", "Jane Doe")


def test_a_planted_address_appears_in_no_log_line(  # noqa: PLR0917 - pytest's way of asking
    web: Asker,
    sendgrid: SendGrid,
    links: Links,
    ada: int,
    database: Database,
    at_fault: Callable[[FaultPoint, Callable[[], None]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whether things go well, are refused, or fail with an error that quotes them; nor does anybody's token."""
    caplog.set_level(logging.DEBUG)
    with database.write() as tx:
        tx.execute(text("UPDATE contacts SET email = 'planted.person@example.com', first_name = 'Planted'"))

    def everything() -> None:
        web(
            "POST",
            EVENTS,
            **sendgrid.request(event(1, "bounce", reason="no planted.person@example.com"), {"x": "Jane Doe"}),
        )
        web("POST", EVENTS, **SendGrid().request(event(1)))
        web("POST", EVENTS, **sendgrid.request({"event": "planted.person@example.com", "timestamp": "Jane Doe"}))
        for words in ("stop Jane Doe", "Jane Doe planted.person@example.com", "start", "help please"):
            web.sms(words, sid="SM" + str(len(caplog.records)))
        web.twilio(STATUS, {"MessageSid": "SM1", "MessageStatus": "failed", "To": "+447700900123"})
        web("GET", "/planted.person@example.com?q=planted.person@example.com")
        for url in (links.unsubscribe(ada), links.preferences(ada)):
            for method in ("GET", "POST"):
                web(method, url.removeprefix(PUBLIC_URL), content="shown=email")

    def fail() -> None:
        raise RuntimeError("planted.person@example.com Jane Doe +447700900123")

    everything()
    for point in (FaultPoint.EVENTS_CHECKED, FaultPoint.INSIDE_EVENTS, FaultPoint.EVENTS_COMMITTED):
        at_fault(point, fail)
        everything()
    with database.write() as tx:
        tx.execute(text("ALTER TABLE contacts RENAME TO away"))
    everything()
    with database.write() as tx:
        tx.execute(text("ALTER TABLE away RENAME TO contacts"))
    tokens = [url.rpartition("/")[2] for url in (links.unsubscribe(ada), links.preferences(ada))]
    ours = [
        record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))
    ]  # the visitor's own
    assert len(ours) > 50
    lines = [record.getMessage() + (record.exc_text or "") for record in ours]
    assert [line for line in lines if any(word in line for word in (*PLANTED, *tokens))] == []
    assert any("RuntimeError at" in line for line in lines)
    assert any(line.startswith("GET /u/{token} 200") for line in lines)
