"""Reads what providers have recorded, beside the events they send: a webhook that was down is made up for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from clm.channels.protocol import Channel, Swept
from clm.domain.content import ChannelName
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.provider_event import ProviderEvent
from clm.engine.receive import EVENTS_MAX, counted, receive
from clm.errors import ClmError
from clm.store import shop
from clm.store.database import Database

OVERLAP_MS = 2 * HOUR_MS
"""Read again each time: records change for a while after they were made, and what is told twice counts once."""
FIRST_MS = DAY_MS


def sweep(database: Database, channels: Mapping[ChannelName, Channel], *, now: int) -> dict[str, int]:
    """Ask each provider that keeps records for those since the last time; returns counts by name, without zeros.

    How far it was read is remembered after its events are stored, never before. Raises ClmError where a provider does
    not answer; the others have been read then.
    """
    received, silent = [], []
    for channel in {channel.name: channel for channel in channels.values()}.values():
        if not isinstance(channel, Swept):
            continue
        name = f"swept {channel.name}"
        with database.read() as tx:
            before = shop.get(tx, name)
        since = now - FIRST_MS if before is None else int(before) - OVERLAP_MS
        try:
            events = asyncio.run(_swept(channel, since, now))
        except ClmError as error:
            silent.append(str(error))
            continue
        received += [
            receive(database, events[first : first + EVENTS_MAX], now=now)
            for first in range(0, len(events), EVENTS_MAX)
        ]
        with database.write() as tx:
            shop.put(tx, name, str(now), now)
    if silent:
        raise ClmError("\n".join(silent))
    return counted(received)


async def _swept(channel: Swept, since: int, until: int) -> Sequence[ProviderEvent]:
    try:
        return await channel.sweep(since=since, until=until)
    finally:
        if isinstance(channel, Channel):
            await channel.close()
