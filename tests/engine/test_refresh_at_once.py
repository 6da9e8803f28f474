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
from tests.engine.shop import NOW, Shop, order

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
