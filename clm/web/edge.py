"""What holds for every answer: headers that keep pages to themselves, a line in the log, and no traceback with data."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import MutableMapping
from time import perf_counter
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("clm.web")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


BODY_SECONDS_MAX = 20.0
"""A form or a batch of events comes at once; who sends it byte by byte only keeps others out."""


class TooLargeError(Exception):
    """A request's body is larger than anybody has reason to send."""


class TooSlowError(Exception):
    """A request's body does not come to its end."""


async def body_of(request: Request, bytes_max: int) -> bytes:
    """The raw bytes of a request; raises TooLargeError as soon as there are too many, told or not, or TooSlowError."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > bytes_max:
        raise TooLargeError
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            async for part in request.stream():
                size += len(part)
                if size > bytes_max:
                    raise TooLargeError
                parts.append(part)
    except TimeoutError:
        raise TooSlowError from None
    return b"".join(parts)


class Edge:
    """Outermost: sees every request and every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)  # the staff pages have some of their own
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except TooLargeError:
            await PlainTextResponse("too large\n", 413)(scope, receive, sending)
        except TooSlowError:
            await PlainTextResponse("too slow\n", 408, {"Connection": "close"})(scope, receive, sending)
        except ClientDisconnect:
            log.info("%s %s: the client went away", scope["method"], _where(scope))
            return
        except Exception as error:  # noqa: BLE001 - whatever went wrong, its text may quote a person's data
            log.error(  # noqa: TRY400 - for the same reason without its text
                "%s %s failed: %s at %s", scope["method"], _where(scope), type(error).__name__, _place(error)
            )
            if not status:
                await PlainTextResponse("something went wrong\n", 500)(scope, receive, sending)
        log.info("%s %s %d %.0f ms", scope["method"], _where(scope), status, (perf_counter() - started) * 1_000)


def _where(scope: MutableMapping[str, Any]) -> str:
    """The route and not the path: a path holds a person's token, a query what a provider put there."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "(no such page)"


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames[-4:]))
