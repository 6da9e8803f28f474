"""Who was erased and is imported again stays suppressed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete

from clm.content.brand import read_brand
from clm.domain.record import ContactRecord
from clm.store.database import Database
from clm.store.schema import metadata
from tests.conftest import PROJECT
from tests.engine.guarded import NOON, Guarded
from tests.engine.rehearsal import Seen, campaign, load_words, write_words
from tests.engine.shop import NOW, order


@pytest.fixture
def guarded(database: Database, tmp_path: Path) -> Guarded:
    """The process with a policy, on an empty database."""
    brand = read_brand(PROJECT / "config" / "brand.yaml")
    return Guarded(database, load_words(write_words(tmp_path / "words"), brand), brand)


def test_erased_and_imported_again_is_still_suppressed(guarded: Guarded) -> None:
    """The hash outlives the person's data; under another id and another spelling of the address it is found again."""
    guarded.have(campaign())
    guarded.customer("ada")
    guarded.suppress("email", "ada@example.com")
    with guarded.database.write() as tx:
        for table in reversed(metadata.sorted_tables):  # clm itself has no command that erases yet
            if table.name not in {"suppressions", "shop_values", "campaign_versions"}:
                tx.execute(delete(table))
    again = ContactRecord("number-two", email=" Ada@Example.COM ".strip(), email_consent=True, signed_up_at=NOW)
    guarded.shop.tell(again, now=NOW)
    guarded.shop.tell(order("n-1", "number-two"))
    assert guarded.run(NOON) == {"refused": 1}
    assert guarded.messages() == [Seen("number-two", "hello", "refused", "address suppressed: unsubscribed")]
    assert guarded.mail.handed == []
