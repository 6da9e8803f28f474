"""What events cost: `python -m benchmarks.webhook --events 50000 --batch 100 --concurrency 16 [--database URL]`.

**Figure**: events a second that one process of the real web application (`clm serve`) takes in over HTTP: signature
checked, parsed, matched with messages, deduplicated, stored, profiles and suppressions brought up to date, on disk
before each request is answered. Requests are signed before the clock starts and sent over kept-alive connections. The
run fails unless every request was answered with 204 and the database holds each event exactly once.

**Limit**: the rows of delivery events that this has left behind, deleted and written again to the same table by nothing
but the driver (`executemany` on SQLite, `COPY` on PostgreSQL), ten thousand in each transaction, on disk.

**Ratio**: figure ÷ limit, the share of the bare speed that is left once the work is done; more is better.

Among the details, `again_events_per_s` is the same requests sent once more, when nothing in them is new;
`bare_per_request_rows_per_s` writes bare too, but with a transaction for each request; `p50_ms` and `p99_ms` are how
long a request waited for its answer. Of an event in fifty a hard bounce suppresses the address.
"""

from __future__ import annotations

import asyncio
import json as json_module
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Annotated, Any, Final

import aiohttp
from cyclopts import App, Parameter
from sqlalchemy import select, text

from benchmarks.databases import own_database
from benchmarks.fake_events import SIGNATURE, TIMESTAMP, SendGridKey
from benchmarks.figures import Bar, Measured, bar, run
from benchmarks.queued import fill, journeys
from clm.channels.sendgrid_events import REFERENCE_ARG
from clm.domain.reference import reference
from clm.errors import ClmError
from clm.store import references
from clm.store.database import Database, Transaction
from clm.store.dialect import insert_many
from clm.store.schema import delivery_events

PROJECT: Final = Path(__file__).parent.parent
KINDS: Final = ("processed", "delivered", "open")
_BOUNCE_EVERY: Final = 50
_BARE_ROWS: Final = 10_000
_START_SECONDS_MAX: Final = 60.0
_STOP_SECONDS_MAX: Final = 20.0

app = App(help=__doc__.splitlines()[0])


@app.default
def webhook(
    *,
    events: Annotated[int, Parameter(help="How many are told.")] = 50_000,
    batch: Annotated[int, Parameter(help="How many in one request.")] = 100,
    concurrency: Annotated[int, Parameter(help="Requests on their way at the same time.")] = 16,
    database: Annotated[str | None, Parameter(help="Default: a temporary SQLite file.")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Measure taking events in over HTTP, against writing the same rows bare."""
    now = time.time_ns() // 1_000_000
    key = SendGridKey()
    with bar(as_json=json) as progress, own_database(database, "webhook") as filled:
        messages = -(-events // len(KINDS))
        progress.start("messages", messages)
        for done in fill(filled, journeys(), messages=messages, now=now):
            progress.at(done)
        _hand_over(filled, now)
        requests = _requests(filled, key, events=events, batch=batch, now=now)
        with _application(filled, key) as url:
            progress.start("events", len(requests))
            seconds, waited = _send(url, requests, concurrency, progress)
            progress.start("the same again", len(requests))
            again_seconds, _ = _send(url, requests, concurrency, progress)
        _audit(filled, events)
        progress.start("bare")
        bare = _bare(filled, _BARE_ROWS)
        bare_per_request = _bare(filled, batch)
        kind = filled.dialect
    cuts = quantiles([1_000 * one for one in waited], n=100)
    Measured(
        title=f"webhook: {events:,} events, {batch} in a request, {concurrency} requests at once, {kind}",
        figure=events / seconds,
        unit="events/s",
        limit=bare,
        meaning="of the bare speed, more is better",
        details={
            "again_events_per_s": events / again_seconds,
            "bare_per_request_rows_per_s": bare_per_request,
            "requests_per_s": len(requests) / seconds,
            "p50_ms": cuts[49],
            "p99_ms": cuts[98],
            "seconds": seconds,
            "database": kind,
            "events": events,
            "batch": batch,
            "concurrency": concurrency,
        },
    ).show(as_json=json)


def _hand_over(database: Database, now: int) -> None:
    """Let all messages have been sent, as they are when events of them come."""
    with database.write() as tx:
        tx.execute(
            text(
                "UPDATE messages SET status = 'sent', attempts = 1, sent_at = :now, ended_at = :now,"
                " intended_at = :now, address = (SELECT email FROM contacts WHERE contacts.id = messages.contact_id)"
            ),
            {"now": now},
        )


def _requests(
    database: Database, key: SendGridKey, *, events: int, batch: int, now: int
) -> list[tuple[bytes, dict[str, str]]]:
    """Bodies and headers; the events of one message lie far apart, as they come."""
    seal = references.key(database, now=now)
    with database.read() as tx:
        messages = [tuple(row) for row in tx.execute(text("SELECT id, address FROM messages ORDER BY id"))]
    told = (
        _event(number, kind, message_id, address, seal, now)
        for number, kind in enumerate(KINDS)
        for message_id, address in messages
    )
    timestamp = str(now // 1_000)
    requests = []
    everything = [one for _, one in zip(range(events), told, strict=False)]
    for start in range(0, events, batch):
        body = json_module.dumps(everything[start : start + batch], separators=(",", ":")).encode() + b"\r\n"
        headers = {"Content-Type": "application/json", TIMESTAMP: timestamp, SIGNATURE: key.sign(timestamp, body)}
        requests.append((body, headers))
    return requests


def _event(number: int, kind: str, message_id: int, address: str, seal: str, now: int) -> dict[str, Any]:
    bounced = kind == "delivered" and message_id % _BOUNCE_EVERY == 0
    return {
        "email": address,
        "event": "bounce" if bounced else kind,
        "timestamp": now // 1_000 + number,
        "smtp-id": f"<{message_id}@ismtpd0001p1iad2.sendgrid.net>",
        "sg_event_id": f"ZGVsaXZlcmVkLTAtMzk{message_id:011}{number}",
        "sg_message_id": f"14c5d75ce93.dfd.{message_id}.filter0001.16648.5515E0B88.0",
        "category": ["win_back", "news"],
        "useragent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15",
        "ip": "203.0.113.7",
        "response": "250 2.0.0 OK  1700000000 ffacd0b85a97d-32f7a1b2c3dsi1234567f8f.123 - gsmtp",
        REFERENCE_ARG: reference(message_id, seal),
    }


@contextmanager
def _application(database: Database, key: SendGridKey) -> Iterator[str]:
    """The real application in a process of its own, on a port that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="clm-bench-") as home:
        environment = os.environ | {
            "CLM_HOME": home,
            "CLM_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
            "CLM_CONFIG": str(PROJECT / "config"),
            "CLM_TEMPLATES": str(PROJECT / "templates"),
            "SENDGRID_WEBHOOK_KEY": key.public,
        }
        log = Path(home) / "log"
        command = [sys.executable, "-m", "clm", "serve", "--port", str(port)]
        with (
            log.open("wb") as said,
            subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=said, stderr=said) as process,
        ):
            try:
                _await(port, process, log)
                yield f"http://127.0.0.1:{port}/webhooks/sendgrid"
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(_STOP_SECONDS_MAX)
                except subprocess.TimeoutExpired:
                    process.kill()


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise ClmError(f"the web application does not start:\n{log.read_text(errors='replace')[-2_000:]}")


def _send(
    url: str, requests: Sequence[tuple[bytes, dict[str, str]]], concurrency: int, progress: Bar
) -> tuple[float, list[float]]:
    """Send all requests; seconds, and how long each waited. Raises ClmError unless all were acknowledged."""
    waiting = deque(requests)
    waited: list[float] = []
    statuses: list[int] = []

    async def sender(session: aiohttp.ClientSession) -> None:
        while waiting:
            body, headers = waiting.popleft()
            started = perf_counter()
            async with session.post(url, data=body, headers=headers) as answer:
                await answer.read()
                statuses.append(answer.status)
            waited.append(perf_counter() - started)
            progress.at(len(waited))

    async def all_of_them() -> None:
        connector = aiohttp.TCPConnector(limit=concurrency)
        async with aiohttp.ClientSession(connector=connector) as session:
            await asyncio.gather(*(sender(session) for _ in range(concurrency)))

    started = perf_counter()
    asyncio.run(all_of_them())
    seconds = perf_counter() - started
    if set(statuses) != {204}:
        raise ClmError(f"not every request was acknowledged: {sorted(set(statuses))}")
    return seconds, waited


def _audit(database: Database, events: int) -> None:
    """Each event once, each of a message of ours, and those who bounced suppressed; or there is no figure."""
    with database.read() as tx:
        stored = tx.scalar(text("SELECT COUNT(*) FROM delivery_events WHERE message_id IS NOT NULL"))
        bounced = tx.scalar(text("SELECT COUNT(*) FROM delivery_events WHERE kind = 'bounced'"))
        suppressed = tx.scalar(text("SELECT COUNT(*) FROM suppressions WHERE reason = 'bounced'"))
    if stored != events or bounced != suppressed:
        raise ClmError(f"{events:,} events told, {stored:,} stored; {bounced:,} bounced, {suppressed:,} suppressed")


def _bare(database: Database, rows_each: int) -> float:
    """Rows a second of writing the events' rows again, and nothing else."""
    with database.read() as tx:
        rows = [tuple(row) for row in tx.execute(select(delivery_events).order_by(delivery_events.c.id))]
    with database.write(durable=True) as tx:
        tx.execute(delivery_events.delete())
    started = perf_counter()
    for start in range(0, len(rows), rows_each):
        with database.write(durable=True) as tx:
            _write(tx, rows[start : start + rows_each])
    return len(rows) / (perf_counter() - started)


def _write(tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    columns = delivery_events.c.keys()
    if tx.dialect.name == "sqlite":
        insert_many(tx, delivery_events, columns, rows)
        return
    with (
        tx.connection.cursor() as cursor,
        cursor.copy(f"COPY delivery_events ({', '.join(columns)}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


if __name__ == "__main__":
    run(app)
