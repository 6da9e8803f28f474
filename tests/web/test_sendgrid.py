"""SendGrid's event webhook: nothing unsigned is read, nothing acknowledged is lost, nothing counts twice."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from clm.domain.reference import reference
from clm.faults import FaultPoint
from clm.settings import Settings
from clm.store import references
from clm.store.database import Database
from clm.web import edge
from clm.web import sendgrid as webhook
from clm.web.app import create_app
from tests.engine.shop import NOW
from tests.web.asking import EVENTS, Asker, SendGrid, event, in_parts

SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "sendgrid_events.json"
Rows = Callable[[], dict[str, list[Any]]]
AtFault = Callable[[FaultPoint, Callable[[], None]], None]


def told(database: Database) -> list[str]:
    """The ids of the events that are stored."""
    with database.read() as tx:
        return sorted(tx.scalars(text("SELECT provider_event_id FROM delivery_events")))


class TestSignature:
    """Who may tell us anything."""

    def test_signed_events_are_stored(self, web: Asker, sendgrid: SendGrid, database: Database) -> None:
        """What SendGrid has signed is acknowledged and there."""
        assert web("POST", EVENTS, **sendgrid.request(event(1), event(2))).status_code == 204
        assert told(database) == ["event-1", "event-2"]

    def test_the_raw_bytes_count(self, web: Asker, sendgrid: SendGrid, database: Database) -> None:
        """A body that ends in CRLF is right as it came, and wrong as it reads after parsing and writing again."""
        body = json.dumps([event(1)], indent=1).encode() + b"\r\n"
        headers = sendgrid.headers(body)
        for other in (json.dumps(json.loads(body)).encode(), body.rstrip(), body[:-2] + b"\n"):
            assert web("POST", EVENTS, content=other, headers=headers).status_code == 403
        assert told(database) == []
        assert web("POST", EVENTS, content=body, headers=headers).status_code == 204

    @pytest.mark.parametrize("header", ["Signature", "Timestamp"])
    def test_a_request_without_a_signature_is_refused(
        self, header: str, web: Asker, sendgrid: SendGrid, rows: Rows
    ) -> None:
        """Both headers are needed; nothing is stored."""
        before = rows()
        asked = sendgrid.request(event(1))
        del asked["headers"][f"X-Twilio-Email-Event-Webhook-{header}"]
        assert web("POST", EVENTS, **asked).status_code == 403
        assert rows() == before

    def test_another_key_is_refused(self, web: Asker, rows: Rows) -> None:
        """Somebody else's signature is none."""
        before = rows()
        assert web("POST", EVENTS, **SendGrid().request(event(1))).status_code == 403
        assert rows() == before

    def test_without_a_key_everything_is_refused(self, web_settings: Settings, sendgrid: SendGrid, rows: Rows) -> None:
        """A key that nobody has set is no reason to believe everybody."""
        before = rows()
        unset = Asker(create_app(web_settings.model_copy(update={"sendgrid_webhook_key": None}), lambda: NOW))
        assert unset("POST", EVENTS, **sendgrid.request(event(1))).status_code == 403
        assert rows() == before
        unset.close()

    def test_nothing_is_parsed_before_the_signature(self, web: Asker) -> None:
        """An unsigned body is refused as unsigned, whatever it is."""
        assert web("POST", EVENTS, content=b"no JSON").status_code == 403


class TestSize:
    """How much is read."""

    def test_a_large_body_is_refused(self, web: Asker) -> None:
        """By what it says of itself, before anything is read."""
        body = b" " * (webhook.BODY_BYTES_MAX + 1)
        assert web("POST", EVENTS, content=body).status_code == 413

    def test_a_large_body_that_does_not_say_so_is_refused(self, web: Asker) -> None:
        """While it comes, without Content-Length."""
        parts = in_parts(webhook.BODY_BYTES_MAX // 1_000_000 + 1, 1_000_000)
        assert web("POST", EVENTS, content=parts).status_code == 413

    def test_a_body_that_does_not_come_is_not_waited_for(self, web: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
        """Or a few hundred connections that say nothing more would keep everybody else out."""
        monkeypatch.setattr(edge, "BODY_SECONDS_MAX", 0.01)

        async def halting() -> AsyncIterator[bytes]:
            yield b"["
            await asyncio.Event().wait()

        answer = web("POST", EVENTS, content=halting())
        assert answer.status_code == 408
        assert answer.headers["connection"] == "close"


class TestWhatIsTold:
    """What becomes of events."""

    def test_the_public_sample(self, web: Asker, sendgrid: SendGrid, database: Database) -> None:
        """Of the 34 of SendGrid's own documentation all that are events are stored, of unknown messages as they are."""
        entries = json.loads(SAMPLE.read_text())
        assert web("POST", EVENTS, **sendgrid.request(*entries)).status_code == 204
        events = [one for one in entries if "event" in one]
        assert (len(entries), len(events)) == (34, 33)
        assert len(told(database)) == len({one.get("sg_event_id") or json.dumps(one) for one in events})

    def test_repeated_and_reordered(self, web: Asker, sendgrid: SendGrid, rows: Rows) -> None:
        """Told 46 times, also within one request and backwards, everything is as after the first time."""
        events = [event(number, kind) for number, kind in enumerate(("bounce", "open", "delivered", "processed"))]
        web("POST", EVENTS, **sendgrid.request(*events))
        before = rows()
        for turn in range(45):
            again = events if turn % 2 else [*reversed(events), *events]
            assert web("POST", EVENTS, **sendgrid.request(*again)).status_code == 204
        after = rows()
        assert len(after["delivery_events"]) == 4
        assert {name: after[name] for name in after if name != "change_numbers"} == {
            name: before[name] for name in before if name != "change_numbers"
        }

    @pytest.mark.parametrize(
        "bad", [{"event": "open"}, 7, None, [], {"event": "new word", "timestamp": 1}, event(9, sg_event_id="a\0b")]
    )
    def test_a_malformed_one_spoils_no_other(
        self, bad: Any, web: Asker, sendgrid: SendGrid, database: Database, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The others are stored, it is counted in the log, and telling it again would not help."""
        caplog.set_level("INFO")
        assert web("POST", EVENTS, **sendgrid.request(event(1), bad, event(2))).status_code == 204
        assert told(database) == ["event-1", "event-2"]
        assert "2 events read, 1 not" in caplog.text

    @pytest.mark.parametrize("body", [b"", b"{}", b"no JSON", b'"events"', b"\xff"])
    def test_a_body_that_is_no_list_is_refused(self, body: bytes, web: Asker, sendgrid: SendGrid, rows: Rows) -> None:
        """Signed or not, it holds nothing that could be stored."""
        before = rows()
        assert web("POST", EVENTS, content=body, headers=sendgrid.headers(body)).status_code in {400, 403}
        assert rows() == before

    def test_an_unknown_message_is_kept(self, web: Asker, sendgrid: SendGrid, database: Database) -> None:
        """Events of messages that are not ours are kept without a message, with what they said they were about."""
        with database.read():
            ours = reference(42, references.key(database, now=NOW))
        assert web("POST", EVENTS, **sendgrid.request(event(1, clm_reference=ours))).status_code == 204
        with database.read() as tx:
            row = tx.execute(text("SELECT message_id, reference FROM delivery_events")).one()
        assert (row.message_id, row.reference) == (None, ours)

    def test_a_complaint_suppresses(self, web: Asker, sendgrid: SendGrid, database: Database) -> None:
        """Whom it was about gets nothing any more, message known or not."""
        web("POST", EVENTS, **sendgrid.request(event(1, "spamreport")))
        with database.read() as tx:
            assert list(tx.scalars(text("SELECT reason FROM suppressions"))) == ["complained"]


class TestAcknowledging:
    """What 2xx means."""

    def test_not_before_the_commit(self, web: Asker, sendgrid: SendGrid, database: Database, at_fault: AtFault) -> None:
        """While the transaction is open there is no answer."""
        inside, go_on = threading.Event(), threading.Event()

        def wait() -> None:
            inside.set()
            go_on.wait(20)

        async def act() -> int:
            asked = asyncio.create_task(web.ask("POST", EVENTS, **sendgrid.request(event(1))))
            assert await asyncio.to_thread(inside.wait, 20)
            await asyncio.sleep(0.05)
            assert not asked.done()
            go_on.set()
            return (await asked).status_code

        at_fault(FaultPoint.INSIDE_EVENTS, wait)
        assert asyncio.run(act()) == 204
        assert told(database) == ["event-1"]

    def test_a_database_that_refuses(self, web: Asker, sendgrid: SendGrid, database: Database) -> None:
        """SendGrid is asked to tell it again, and when it does, it is stored once."""
        asked = sendgrid.request(event(1))
        with database.write() as tx:
            tx.execute(text("ALTER TABLE delivery_events RENAME TO away"))
        assert web("POST", EVENTS, **asked).status_code == 503
        with database.write() as tx:
            tx.execute(text("ALTER TABLE away RENAME TO delivery_events"))
        assert told(database) == []
        assert [web("POST", EVENTS, **asked).status_code for _ in range(2)] == [204, 204]
        assert told(database) == ["event-1"]

    @pytest.mark.parametrize(
        ("point", "stored"), [(FaultPoint.INSIDE_EVENTS, []), (FaultPoint.EVENTS_COMMITTED, ["event-1"])]
    )
    def test_a_failure_on_either_side_of_the_commit(
        self,
        point: FaultPoint,
        stored: list[str],
        web: Asker,
        sendgrid: SendGrid,
        database: Database,
        at_fault: AtFault,
    ) -> None:
        """Before it nothing is stored, after it everything; either way it is told again, and counts once."""

        def fail() -> None:
            raise RuntimeError("planted.person@example.com")

        at_fault(point, fail)
        assert web("POST", EVENTS, **sendgrid.request(event(1))).status_code == 503
        assert told(database) == stored
        at_fault(point, lambda: None)
        assert web("POST", EVENTS, **sendgrid.request(event(1))).status_code == 204
        assert told(database) == ["event-1"]

    def test_many_at_once_share_a_transaction(
        self, web: Asker, sendgrid: SendGrid, database: Database, at_fault: AtFault
    ) -> None:
        """Requests that come while one is being stored are stored together, and all of them are answered."""
        transactions: list[int] = []
        hold, first = threading.Event(), threading.Event()

        def count() -> None:
            transactions.append(1)
            first.set()
            hold.wait(20)

        async def act() -> set[int]:
            asked = [asyncio.create_task(web.ask("POST", EVENTS, **sendgrid.request(event(0))))]
            assert await asyncio.to_thread(first.wait, 20)
            asked += [
                asyncio.create_task(web.ask("POST", EVENTS, **sendgrid.request(event(number), event(number % 3))))
                for number in range(20)
            ]
            await web.waits_for(40)
            hold.set()
            return {answer.status_code for answer in await asyncio.gather(*asked)}

        at_fault(FaultPoint.INSIDE_EVENTS, count)
        assert asyncio.run(act()) == {204}
        assert len(transactions) == 2
        assert len(told(database)) == 20

    def test_what_is_never_taken_keeps_nothing_else_out(
        self, web: Asker, sendgrid: SendGrid, database: Database, at_fault: AtFault
    ) -> None:
        """Of several requests in one transaction that fails, each is tried by itself."""
        hold, first = threading.Event(), threading.Event()
        reached: list[int] = []

        def refuse_the_second() -> None:
            reached.append(1)
            first.set()
            hold.wait(20)
            if len(reached) == 2:  # the transaction of those that came together
                raise RuntimeError("refused")

        async def act() -> list[int]:
            asked = [asyncio.create_task(web.ask("POST", EVENTS, **sendgrid.request(event(0))))]
            assert await asyncio.to_thread(first.wait, 20)
            asked += [
                asyncio.create_task(web.ask("POST", EVENTS, **sendgrid.request(event(number)))) for number in (1, 2)
            ]
            await web.waits_for(2)
            hold.set()
            return [answer.status_code for answer in await asyncio.gather(*asked)]

        at_fault(FaultPoint.INSIDE_EVENTS, refuse_the_second)
        assert asyncio.run(act()) == [204, 204, 204]
        assert told(database) == ["event-0", "event-1", "event-2"]
