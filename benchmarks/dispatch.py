"""What sending costs: `python -m benchmarks.dispatch --messages 20000 --latency-ms 100 [--database URL] [--json]`.

**Figure**: messages a second that one dispatcher leases, renders, authorises, records, hands over through the real
SendGrid channel and settles, every step on record, with a provider in another process that answers after `latency_ms`.
The run fails unless that provider's own log has each message exactly once and the database says the same.

**Limit**: the bare hand-over at the same concurrency: the same channel, the same messages ready made, nothing recorded.

**Ratio**: figure ÷ limit, the share of the bare hand-over that is left with all the book-keeping; more is better.

Among the details, `p50_ms` and `p99_ms` are how long one hand-over took; `cpu_seconds` is this process alone, without
the provider and the database server.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated, Final

from cyclopts import App, Parameter
from pydantic import SecretStr

from benchmarks.databases import own_database
from benchmarks.fake_provider import FakeProvider, fake_provider
from benchmarks.figures import Bar, Measured, bar, peak_memory_mb, run
from benchmarks.queued import fill, journeys
from clm.channels.protocol import Channel
from clm.channels.sendgrid import SendGrid
from clm.content.brand import read_brand
from clm.content.library import TemplateLibrary
from clm.content.links import Links
from clm.domain.content import Envelope
from clm.domain.delivery import Limits
from clm.domain.fact import FACTS
from clm.domain.outcome import Accepted, Outcome
from clm.engine.dispatch import Dispatcher
from clm.engine.journey import Journeys
from clm.engine.stream import stream
from clm.errors import ClmError
from clm.settings import Settings
from clm.store import messages as messages_store
from clm.store.database import Database

PROJECT: Final = Path(__file__).parent.parent
TIMEOUT_SECONDS: Final = 25.0
_KEY: Final = "a key that signs links in benchmarks alone"
_SAMPLE: Final = 500

app = App(help=__doc__.splitlines()[0])


@app.default
def dispatch(
    *,
    messages: Annotated[int, Parameter(help="How many are queued.")] = 20_000,
    latency_ms: Annotated[float, Parameter(help="How long the provider takes to answer.")] = 100.0,
    at_once: Annotated[int, Parameter(help="How many are on their way at the same time.")] = 128,
    database: Annotated[str | None, Parameter(help="Default: a temporary SQLite file.")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Measure handing over with every step recorded, against the bare hand-over."""
    plan = journeys()
    now = time.time_ns() // 1_000_000
    with (
        bar(as_json=json) as progress,
        TemporaryDirectory(prefix="clm-bench-") as folder,
        own_database(database, "dispatch") as filled,
        fake_provider(Path(folder), latency_ms=latency_ms) as provider,
    ):
        progress.start("queueing", messages)
        for done in fill(filled, plan, messages=messages, now=now):
            progress.at(done)
        limits = Limits(at_once=at_once, per_second=None, timeout_seconds=TIMEOUT_SECONDS)
        channel = Watched(SendGrid(SecretStr("a key"), api_url=provider.url, limits=limits))
        seconds, cpu_seconds = _hand_over(_dispatcher(filled, plan, channel, now), messages, progress)
        memory_mb = peak_memory_mb()
        _audit(filled, provider, messages)
        progress.start("bare hand-over")
        bare = asyncio.run(_bare(channel.channel, list(channel.sample), messages, at_once))
        kind = filled.dialect
    milliseconds = [1_000 * took for took in channel.took]
    Measured(
        title=f"dispatch: {messages:,} messages, {latency_ms:g} ms answers, {at_once} at once, {kind}",
        figure=messages / seconds,
        unit="messages/s",
        limit=bare,
        meaning="of the bare hand-over, more is better",
        details={
            "p50_ms": quantiles(milliseconds, n=100)[49],
            "p99_ms": quantiles(milliseconds, n=100)[98],
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "peak_memory_mb": memory_mb,
            "database": kind,
            "messages": messages,
            "at_once": at_once,
            "latency_ms": latency_ms,
        },
    ).show(as_json=json)


@dataclass(eq=False)
class Watched:
    """A channel, timed; it keeps some of what it was handed."""

    channel: Channel
    took: list[float] = field(default_factory=list)
    """Seconds of each hand-over."""
    sample: deque[Envelope] = field(default_factory=lambda: deque(maxlen=_SAMPLE))

    def __post_init__(self) -> None:
        self.name = self.channel.name
        self.idempotent = self.channel.idempotent
        self.live = self.channel.live
        self.limits = self.channel.limits

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Hand over, and note how long it took."""
        started = perf_counter()
        outcome = await self.channel.deliver(envelope)
        self.took.append(perf_counter() - started)
        self.sample.append(envelope)
        return outcome

    async def turn(self) -> None:
        """Wait for the channel's pace."""
        await self.channel.turn()

    async def close(self) -> None:
        """Close the channel."""
        await self.channel.close()


def _dispatcher(database: Database, plan: Journeys, channel: Channel, now: int) -> Dispatcher:
    brand = read_brand(PROJECT / "config" / "brand.yaml")
    facts = [name for name, fact in FACTS.items() if fact.scope == "contact"]
    library = TemplateLibrary.load(
        PROJECT / "templates", brand=brand, default_locale="en-GB", facts=facts, cache=Settings().cache
    )
    return Dispatcher(
        database=database,
        journeys=plan,
        library=library,
        brand=brand,
        links=Links("https://shop.example", [_KEY]),
        channels={"email": channel},
        now=now,
        clock=lambda: time.time_ns() // 1_000_000,
    )


def _hand_over(dispatcher: Dispatcher, messages: int, progress: Bar) -> tuple[float, float]:
    """Everything that is queued; returns seconds by the clock, and of this process's CPU."""
    progress.start("handing over", messages)
    usage, started = getrusage(RUSAGE_SELF), perf_counter()
    done = 0
    while leased := stream(replace(dispatcher)).leased:  # each round is for an instant of its own
        done += leased
        progress.at(done)
    seconds, used = perf_counter() - started, getrusage(RUSAGE_SELF)
    return seconds, used.ru_utime + used.ru_stime - usage.ru_utime - usage.ru_stime


def _audit(database: Database, provider: FakeProvider, messages: int) -> None:
    """Raise unless each message was accepted once, and all of it is on record."""
    taken = Counter(one.reference for one in provider.accepted())
    with database.read() as tx:
        rows = messages_store.listed(tx, contact=None, campaign=None, status="sent", limit=None)
    if len(taken) != messages or set(taken.values()) != {1} or len(rows) != messages:
        raise ClmError(
            f"of {messages:,} messages the provider took {len(taken):,}, some {max(taken.values(), default=0)} times,"
            f" and {len(rows):,} are on record as sent; a figure of this run would mean nothing"
        )


async def _bare(channel: Channel, sample: Sequence[Envelope], messages: int, at_once: int) -> float:
    """Messages a second of the channel alone."""
    numbers = iter(range(messages))

    async def one_after_the_other() -> None:
        for number in numbers:
            await channel.turn()
            outcome = await channel.deliver(sample[number % len(sample)])
            if not isinstance(outcome, Accepted):
                raise ClmError(f"the bare hand-over was not accepted: {outcome}")

    started = perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    seconds = perf_counter() - started
    await channel.close()
    return messages / seconds


if __name__ == "__main__":
    run(app)
