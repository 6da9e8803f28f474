"""One HTTP exchange: what is written, what is read, and which connections are used again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from yarl import URL

from clm.channels.answers import Meaning
from clm.channels.exchange import Exchange, Reply
from clm.domain.delivery import Limits
from tests.channels.speaking import Answer, Heard, Request, cut_short, http, http_server, saying

LIMITS = Limits(at_once=4, timeout_seconds=0.4)
LARGE = b"x" * 4_000_000


def exchanged(
    answer: Answer, ask: Callable[[Exchange, URL], Awaitable[Reply | Meaning]], *, times: int = 1
) -> tuple[list[Reply | Meaning], Heard]:
    """What came back each time, and what the server heard."""

    async def run() -> tuple[list[Reply | Meaning], Heard]:
        async with http_server(answer) as heard:
            exchange = Exchange(LIMITS)
            replies = [await ask(exchange, URL(heard.url) / "v3" / "mail") for _ in range(times)]
            await exchange.close()
            return replies, heard

    return asyncio.run(run())


def post(exchange: Exchange, url: URL) -> Awaitable[Reply | Meaning]:
    """Two bytes, with a header of our own."""
    return exchange.post(url, b"{}", {"X-Ours": "1"})


def status(reply: Reply | Meaning) -> int:
    """That there was one, and which."""
    assert isinstance(reply, Reply)
    return reply.status


def test_a_connection_serves_one_message_after_the_other() -> None:
    """Nothing is opened anew while the provider keeps the connection."""
    replies, heard = exchanged(saying(http(202)), post, times=3)
    assert [status(reply) for reply in replies] == [202, 202, 202]
    assert (heard.connections, len(heard.requests)) == (1, 3)


def test_a_request_is_what_http_asks_for() -> None:
    """Method, target, host, length and our own headers; no compression is asked for."""
    (_,), heard = exchanged(saying(http(202)), post)
    (request,) = heard.requests
    assert request.line == "POST /v3/mail HTTP/1.1"
    assert request.body == b"{}"
    headers = {name.lower(): value for name, value in request.headers.items() if name}
    assert headers == {
        "host": heard.url.removeprefix("http://"),
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": "clm",
        "content-length": "2",
        "x-ours": "1",
    }


@pytest.mark.parametrize("value", ["a\r\nX-Other: b", "a\nb", "a\0b"])
def test_no_header_breaks_out_of_its_line(value: str) -> None:
    """Whatever a value comes from, it never becomes a header, or a request, more."""
    with pytest.raises(ValueError, match="line break"):
        exchanged(saying(http(202)), lambda exchange, url: exchange.post(url, b"", {"X-Ours": value}))


def test_what_only_says_that_an_answer_comes_is_not_the_answer() -> None:
    """100 and 103 come before it."""
    before = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    (reply,), _ = exchanged(saying(before + http(202)), post)
    assert status(reply) == 202


def test_a_body_may_come_in_pieces() -> None:
    """Chunked, as large answers are."""
    told = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"
    (reply,), heard = exchanged(saying(told), post)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body, reply.whole) == (200, b"abcde", True)
    assert heard.connections == 1


def test_a_status_counts_though_its_body_never_comes() -> None:
    """Neither a broken connection nor silence takes back what was said; what came of the body is kept."""

    async def half(_: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 202 -\r\nContent-Length: 10\r\n\r\nabc")
        await reader.read()

    for answer in (half, cut_short(b"HTTP/1.1 202 -\r\nContent-Length: 10\r\n\r\nabc")):
        (reply,), _ = exchanged(answer, post)
        assert isinstance(reply, Reply)
        assert (reply.status, reply.body, reply.whole) == (202, b"abc", False)


def test_nothing_more_is_sent_where_an_answer_came_before_all_was_sent() -> None:
    """Who refuses a large mail early has not read the rest of it, and might take it for the next request."""
    heard: list[int] = []

    async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http(413))
        await writer.drain()
        with suppress(OSError):
            heard.append(len(await reader.read()))
        writer.close()

    async def run() -> list[Reply | Meaning]:
        server = await asyncio.start_server(refusing, "127.0.0.1", 0, limit=1024)
        url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        exchange = Exchange(LIMITS)
        replies = [await exchange.post(url, LARGE, {}), await exchange.post(url, b"", {})]
        await exchange.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)  # for the server to hear of it
        return replies

    replies = asyncio.run(run())
    assert [status(reply) for reply in replies] == [413, 413]
    assert sum(heard) < len(LARGE)
