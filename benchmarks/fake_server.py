"""The process behind `benchmarks.fake_provider`: speaks SendGrid's and Twilio's sending, and misbehaves as it is told.

It keeps the only log that is trusted: one line of JSON for each message it accepted, written before it answers.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, parse_qsl, urlsplit

import orjson

from benchmarks.fake_http import Connection, Request


class Course(NamedTuple):
    """What happens to one request: whether the message is accepted, and what the sender gets to see."""

    accepts: bool
    status: int | None
    """None: no answer ever comes."""
    then: str = "answer"
    """answer, drop (the connection is cut instead), hang (it stays open and silent), slow (the answer comes late)."""


COURSES: Final[Mapping[str, Course]] = {
    "accept": Course(True, 202),
    "reject": Course(False, 400),
    "unauthorised": Course(False, 401),
    "throttle": Course(False, 429),
    "error_before": Course(False, 503),
    "error_after": Course(True, 503),
    "drop_before": Course(False, None, "drop"),
    "drop_after": Course(True, None, "drop"),
    "hang_before": Course(False, None, "hang"),
    "hang_after": Course(True, None, "hang"),
    "slow": Course(True, 202, "slow"),
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How it answers until it is told otherwise."""

    latency_ms: float = 0.0
    answers: Mapping[str, float] = field(default_factory=dict)
    """The share (0 to 1) of requests that take each course of COURSES; what is left is accepted."""
    tries_max: int | None = None
    """Only the first so many requests about each message meet trouble; None for all of them."""
    seed: int = 0
    """The same seed gives messages to the same address the same course, whatever the order in which they come."""
    slow_ms: float = 1_000.0
    retry_after_seconds: int = 1

    def course(self, to: str, number: int) -> Course:
        """What happens to the `number`-th request about a message to that address, from 1."""
        if not self.answers or (self.tries_max is not None and number > self.tries_max):
            return COURSES["accept"]
        drawn = blake2b(f"{self.seed}:{to}:{number}".encode(), digest_size=8).digest()
        place = int.from_bytes(drawn, "big") / 2**64
        for name, share in self.answers.items():
            if place < share:
                return COURSES[name]
            place -= share
        return COURSES["accept"]


_QUERY = re.compile(r"\(unique_args\['\w+'\]=\"([^\"]*)\"\)")
_TWILIO = re.compile(r"/2010-04-01/Accounts/([^/]+)/Messages(?:/([^/.]+))?\.json")


class Provider:
    """Both providers in one, and the log."""

    def __init__(self, log: Path, *, requests: Path | None, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._requests = None if requests is None else requests.open("ab", buffering=0)
        self._instance = f"{os.getpid():x}{time.time_ns() & 0xFFFFFFFF:08x}"
        self._accepted = 0
        self._tries: Counter[str] = Counter()
        self._texts: list[dict[str, Any]] = []
        self._mails: dict[str, tuple[str, str]] = {}
        self.counts: Counter[str] = Counter()

    def answer(self, request: Request, connection: Connection) -> None:
        """Take a request to whom it is for."""
        if self._requests is not None:
            self._requests.write(request.head + b"\r\n\r\n" + request.body + b"\n\n")
        path = urlsplit(request.target).path
        twilio = _TWILIO.fullmatch(path)
        if request.method == "POST" and request.target == "/v3/mail/send":
            self._mail(request, connection)
        elif twilio and request.method == "POST":
            self._text(request, connection, twilio[1])
        elif twilio and request.method == "GET":
            self._texts_of(request, connection, twilio[2])
        elif request.method == "GET" and path == "/v3/messages":
            self._mails_of(request, connection)
        elif request.method == "GET" and path.startswith("/v3/suppression/"):
            connection.write(200, b"[]", {"Content-Type": "application/json"})  # nobody bounces here
        else:
            connection.write(404, b"{}", {"Content-Type": "application/json"})

    def _mail(self, request: Request, connection: Connection) -> None:
        mail = orjson.loads(request.body)
        person = mail["personalizations"][0]
        told = {**mail.get("custom_args", {}), **person.get("custom_args", {})}
        to = person["to"][0]["email"]
        reference = next(iter(told.values()), to)
        categories = mail.get("categories", [])
        provider_id = self._take(request, connection, "sendgrid", reference, to)
        if provider_id is not None:
            self._mails[reference] = (provider_id, to)
            self._note("sendgrid", provider_id, reference, to, {"custom_args": told, "categories": categories})

    def _text(self, request: Request, connection: Connection, account: str) -> None:
        form = dict(parse_qsl(request.body.decode()))
        callback = form.get("StatusCallback", "")
        named = [value for values in parse_qs(urlsplit(callback).query).values() for value in values]
        reference = next(iter(named), form["To"])
        provider_id = self._take(request, connection, "twilio", reference, form["To"])
        if provider_id is not None:
            self._texts.append(_resource(provider_id, account, form))
            self._note("twilio", provider_id, reference, form["To"], {"callback": callback, "from": form.get("From")})

    def _take(self, request: Request, connection: Connection, provider: str, reference: str, to: str) -> str | None:
        """Let the request take its course; the provider's id where it accepts the message."""
        self._tries[reference] += 1
        course = self.behaviour.course(to, self._tries[reference])
        self.counts["requests"] += 1
        self.counts[f"{'accepted' if course.accepts else 'not_accepted'}_{course.status or course.then}"] += 1
        provider_id = None
        if course.accepts:
            self._accepted += 1
            name = f"{self._instance}{self._accepted:x}"
            provider_id = f"fake-{name}" if provider == "sendgrid" else f"SM{name:0>32}"
        wait_ms = self.behaviour.latency_ms + (self.behaviour.slow_ms if course.then == "slow" else 0.0)
        status, body, headers = self._said(request, provider, course, provider_id, to)
        # Written before anything is answered, whatever the latency: `_note` runs before the event loop goes on.
        loop = asyncio.get_running_loop()
        if course.then == "drop":
            loop.call_later(wait_ms / 1_000, connection.transport.abort)
        elif course.then == "hang":
            pass
        else:
            loop.call_later(wait_ms / 1_000, connection.write, status, body, headers)
        return provider_id

    def _said(
        self, request: Request, provider: str, course: Course, provider_id: str | None, to: str
    ) -> tuple[int, bytes, dict[str, str]]:
        status, headers = course.status or 0, {"Content-Type": "application/json"}
        if status == 429:
            headers["Retry-After"] = str(self.behaviour.retry_after_seconds)
        if status >= 400:
            # Providers like to repeat the address that they complain about.
            message = f"there is something about {to}"
            if provider == "twilio":
                code = {400: 21211, 401: 20003, 429: 20429}.get(status, 20500)
                return status, orjson.dumps({"code": code, "message": message, "status": status}), headers
            return status, orjson.dumps({"errors": [{"message": message, "field": None, "help": None}]}), headers
        if provider == "twilio" and provider_id is not None:
            form = dict(parse_qsl(request.body.decode()))
            return 201, orjson.dumps(_resource(provider_id, "AC", form)), headers
        return status, b"", {"X-Message-Id": provider_id or "", "Content-Type": "text/plain"}

    def _note(self, provider: str, provider_id: str, reference: str, to: str, told: Mapping[str, Any]) -> None:
        line = {
            "provider": provider,
            "id": provider_id,
            "reference": reference,
            "to": to,
            "at": time.time_ns() // 10**6,
        }
        os.write(self._log, orjson.dumps({**line, **told}) + b"\n")

    def _mails_of(self, request: Request, connection: Connection) -> None:
        """What Email Activity shows of a reference."""
        (query,) = parse_qs(urlsplit(request.target).query).get("query", [""])
        named = _QUERY.fullmatch(query)
        found = self._mails.get(named[1]) if named else None
        shown = [
            {
                "from_email": "",
                "msg_id": f"{provider_id}.filterdrecv-0-0-0.0",
                "subject": "",
                "to_email": to,
                "status": "delivered",
                "opens_count": 0,
                "clicks_count": 0,
                "last_event_time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            }
            for provider_id, to in ([found] if found else [])
        ]
        status, body = (200, {"messages": shown}) if named else (400, {"errors": [{"message": "invalid syntax"}]})
        connection.write(status, orjson.dumps(body), {"Content-Type": "application/json"})

    def _texts_of(self, request: Request, connection: Connection, sid: str | None) -> None:
        """The list of messages, newest first, or one of them."""
        headers = {"Content-Type": "application/json"}
        if sid is not None:
            one = next((text for text in self._texts if text["sid"] == sid), None)
            connection.write(200 if one else 404, orjson.dumps(one or {"code": 20404, "status": 404}), headers)
            return
        asked = parse_qs(urlsplit(request.target).query)
        found = [text for text in reversed(self._texts) if asked.get("To", [text["to"]])[0] == text["to"]]
        size, page = int(asked.get("PageSize", ["50"])[0]), int(asked.get("Page", ["0"])[0])
        base = urlsplit(request.target).path
        more = f"{base}?PageSize={size}&Page={page + 1}" if len(found) > (page + 1) * size else None
        document = {
            "messages": found[page * size : (page + 1) * size],
            "page": page,
            "page_size": size,
            "uri": request.target,
            "first_page_uri": f"{base}?PageSize={size}&Page=0",
            "next_page_uri": more,
            "previous_page_uri": None,
        }
        connection.write(200, orjson.dumps(document), headers)


def _resource(sid: str, account: str, form: Mapping[str, str]) -> dict[str, Any]:
    """A message as Twilio shows it."""
    now = format_datetime(datetime.now(UTC))
    return {
        "sid": sid,
        "account_sid": account,
        "to": form["To"],
        "from": form.get("From"),
        "messaging_service_sid": form.get("MessagingServiceSid"),
        "body": form.get("Body"),
        "status": "queued",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "num_segments": "1",
        "num_media": "0",
        "price": None,
        "price_unit": "USD",
        "api_version": "2010-04-01",
        "date_created": now,
        "date_updated": now,
        "date_sent": None,
        "uri": f"/2010-04-01/Accounts/{account}/Messages/{sid}.json",
        "subresource_uris": {},
    }


class Door:
    """The provider's port, which can be shut and opened again, and the port by which it is told what to do."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._connections: set[Connection] = set()
        self._controls: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self._pending: set[asyncio.Task[None]] = set()

    async def open(self) -> int:
        """Listen, where it listened before."""
        make = self._connection(self._provider.answer, self._connections)
        self._server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", self._port, backlog=1_024)
        self._port = self._server.sockets[0].getsockname()[1]
        return self._port

    async def shut(self) -> None:
        """Refuse connections and cut those there are, in the middle of whatever they are at."""
        assert self._server is not None
        self._server.close()
        for connection in list(self._connections):
            connection.transport.abort()

    async def control(self) -> int:
        """Listen for what to do."""
        make = self._connection(self._told, self._controls)
        server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        return port

    @staticmethod
    def _connection(
        answer: Callable[[Request, Connection], None], opened: set[Connection]
    ) -> Callable[[], asyncio.Protocol]:
        return lambda: Connection(answer, opened)

    def _told(self, request: Request, connection: Connection) -> None:
        task = asyncio.get_running_loop().create_task(self._do(request, connection))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _do(self, request: Request, connection: Connection) -> None:
        match request.target:
            case "/_behave":
                self._provider.behaviour = replace(self._provider.behaviour, **orjson.loads(request.body))
            case "/_away":
                await self.shut()
            case "/_back":
                await self.open()
            case "/_log":
                pass
            case _:
                connection.write(404, b"{}", {})
                return
        connection.write(200, orjson.dumps(self._provider.counts), {"Content-Type": "application/json"})


async def _serve(options: Mapping[str, Any]) -> None:
    requests = options.get("requests")
    provider = Provider(
        Path(options["log"]),
        requests=None if requests is None else Path(requests),
        behaviour=Behaviour(**options.get("behaviour", {})),
    )
    door = Door(provider)
    print(json.dumps({"port": await door.open(), "control": await door.control()}), flush=True)
    # Whoever started it holds the other end of stdin: when they are gone, however they went, so is this.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    await door.shut()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(json.loads(sys.argv[1])))
