"""Refreshing a profile while somebody is bringing new facts of the same contact."""

from __future__ import annotations

import contextlib
import threading
import time

from clm.domain.instant import DAY_MS
from clm.engine.profile import refresh
from clm.store import consents, profiles
from clm.store.consents import Statement
from clm.store.database import Database
from tests.engine.shop import NOW, Shop, event, order

PEOPLE = [f"c{number}" for number in range(60)]
LATER = NOW + 400 * DAY_MS


def test_a_refresh_does_not_put_old_facts_over_new_ones(database_url: str, shop: Shop) -> None:
    """A withdrawal that commits while a refresh is under way is in the profile when both are done."""
    shop.tell(order("o1", email_consent=True, at=NOW - 30 * DAY_MS))
    contact_id = shop.profile()["contact_id"]

    def refresh_meanwhile() -> None:
        with contextlib.closing(Database(database_url)) as other:
            refresh(other, now=LATER)

    refreshing = threading.Thread(target=refresh_meanwhile)
    with shop.database.write() as tx:
        consents.record(tx, [Statement(contact_id, "email", False, NOW, "web")], now=NOW)
        profiles.recompute(tx, [contact_id], now=NOW)
        refreshing.start()
        time.sleep(0.5)  # long enough for the refresh to have looked and to wait for the row
    refreshing.join()
    assert not shop.profile()["email_consent"]


def test_refreshing_and_bringing_facts_do_not_wait_for_each_other_for_ever(database_url: str, shop: Shop) -> None:
    """Whatever a batch does to profiles, and in whatever order, a refresh of the same ones waits or is waited for."""
    failed: list[BaseException] = []

    def refresh_meanwhile() -> None:
        try:
            with contextlib.closing(Database(database_url)) as other:
                for turn in range(40):  # every order is in its year at one of the instants and not at the next
                    refresh(other, now=NOW if turn % 2 else LATER)
        except BaseException as error:  # noqa: BLE001 - told in the test's own thread
            failed.append(error)

    shop.tell(*(order(f"first {who}", who, at=NOW - 20 * DAY_MS) for who in PEOPLE))
    refreshing = threading.Thread(target=refresh_meanwhile)
    refreshing.start()
    for turn in range(12):
        backwards = PEOPLE[::-1] if turn % 2 else PEOPLE
        at = NOW + turn * 1_000
        late = [order(f"late {turn} {who}", who, at=NOW - 30 * DAY_MS - turn) for who in backwards[::2]]
        shop.tell(*(order(f"next {turn} {who}", who, at=at) for who in backwards), *late)
        shop.tell(*(event(f"{turn} {who}", who, at=at) for who in backwards))
    refreshing.join()
    assert failed == []
    refresh(shop.database, now=NOW)
    assert {shop.profile(who)["order_count"] for who in PEOPLE} == {1 + 12 + 6}
