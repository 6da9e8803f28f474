"""A shop that is scored by the shipped rules, and what came of it."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import select, text

from clm.domain.instant import DAY_MS
from clm.domain.record import OrderRecord
from clm.engine.profile import refresh
from clm.engine.score import Scored, score_contacts
from clm.rfm_file import RfmRules, load_rfm
from clm.store import shop as shop_values
from clm.store.database import Database
from clm.store.schema import contacts, group_history, profiles
from tests.conftest import PROJECT
from tests.engine.shop import NOW, Shop, order

RULES = load_rfm(PROJECT / "config")

Interval = tuple[int, int | None, str]


def score(database: Database, now: int = NOW, rules: RfmRules = RULES, *, force: bool = False) -> Scored:
    """Refresh and score, in a shop on UTC."""
    refresh(database, now=now)
    return score_contacts(database, rules, now=now, force=force)


def groups(database: Database) -> dict[str, list[Interval]]:
    """Every contact's intervals, by the shop's own id, in order."""
    g = group_history.c
    query = select(contacts.c.external_id, g.since, g.until, g.name).join(contacts, contacts.c.id == g.contact_id)
    found: dict[str, list[Interval]] = {}
    with database.read() as tx:
        for row in tx.execute(query.order_by(g.contact_id, g.since)):
            found.setdefault(row.external_id, []).append((row.since, row.until, row.name))
    return found


def told(database: Database, name: str) -> Any:
    """A value that holds for the whole shop."""
    with database.read() as tx:
        found = shop_values.get(tx, name)
    return None if found is None else json.loads(found)


def look_at_everybody(database: Database, now: int) -> Scored:
    """Score as if nobody had ever looked, by the measure that stands."""
    with database.write() as tx:
        tx.execute(text("DELETE FROM watermarks"))
    return score_contacts(database, RULES, now=now)


def five(shop: Shop, *, at: int = NOW) -> None:
    """Five customers from `e`, who ordered last, most often and for most, down to `a`."""
    for place, who in enumerate("abcde"):
        for number in range(place + 1):
            when = at - (100 - 20 * place + number) * DAY_MS
            shop.tell(order(f"{who}{number}", who, at=when, amount=1_000 * (place + 1)), now=at)


def many(count: int, days: int) -> list[OrderRecord]:
    """A shop's customers, who order at rates of their own and stay away in the end."""
    draw = np.random.default_rng(3)
    found = []
    for who in range(count):
        at, rate, leaving = draw.uniform(0, days), draw.gamma(0.6, 1 / 30), draw.beta(1, 3)
        average = 2_000 + 60_000 / draw.gamma(4)
        number = 0
        while at < days:
            amount = max(1, round(average * draw.gamma(6) / 6))
            found.append(order(f"{who}-{number}", f"c{who}", at=NOW - round((days - at) * DAY_MS), amount=amount))
            number += 1
            if number > 1 and draw.uniform() < leaving:
                break
            at += draw.exponential(1 / rate)
    return found


def check_history(database: Database) -> None:
    """Intervals neither overlap nor turn round, and the open one is the group of the profile."""
    p = profiles.c
    query = select(contacts.c.external_id, p.rfm_group).join(contacts, contacts.c.id == p.contact_id)
    with database.read() as tx:
        now_in = {row.external_id: row.rfm_group for row in tx.execute(query)}
    history = groups(database)
    for who, group in now_in.items():
        spans = history.get(who, [])
        assert all(until is not None and since < until for since, until, _ in spans[:-1])
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
        assert (spans[-1][2] if spans and spans[-1][1] is None else None) == group
