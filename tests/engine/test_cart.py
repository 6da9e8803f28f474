"""What is left in a basket: read of whatever the shop's events say, and shown as far as it can still be had."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.instant import DAY_MS
from clm.domain.record import ContactRecord, EventRecord
from clm.engine.best_sold import BestSold
from clm.engine.blocks import Blocks
from clm.engine.cart import ITEMS_MAX, LEFT_MS, Item, cart_of
from clm.engine.known import look_up
from clm.store import addressees
from clm.store.database import Database
from clm.store.events import Told
from tests.engine.rehearsal import load_words
from tests.engine.shop import NOW
from tests.engine.test_blocks import BODY, Letters

SHOWN = """Hello
{% for one in products.cart | default([]) %}
{{ one.quantity | default('-') }} {{ one.name }} {{ one.price | default('-') }}
{% endfor %}
"""
P1 = {"product_id": "P1"}


@pytest.fixture(scope="session")
def showing(tmp_path_factory: pytest.TempPathFactory, own_brand: Brand) -> TemplateLibrary:
    """Words that tell what is in a basket."""
    folder = tmp_path_factory.mktemp("showing")
    place = folder / "nudge" / "hello" / "en"
    place.mkdir(parents=True)
    (place / "subject.txt").write_text("Hello")
    (place / "body.mjml").write_text(BODY)
    (place / "body.txt").write_text(SHOWN)
    return load_words(folder, own_brand)


@pytest.fixture
def letters(database: Database, showing: TemplateLibrary, own_brand: Brand) -> Letters:
    """Ada may be written to."""
    opened = Letters(database, showing, own_brand)
    opened.shop.tell(ContactRecord("ada", "ada@example.com", email_consent=True, signed_up_at=NOW - 500 * DAY_MS))
    return opened


def puts(letters: Letters, name: str = "cart_updated", *, days: float = 1, **properties: Any) -> None:
    """Ada's basket is told of, so many days ago."""
    number = f"ada {name} {days}"
    event = EventRecord(number, "ada", name, int(NOW - days * DAY_MS), json.dumps(properties))
    letters.events.append(event)


def test_the_latest_statement_is_the_whole_basket(letters: Letters) -> None:
    """In its order, with quantities and what the feed says of each product today."""
    letters.sells("P1", "P2", "P3")
    puts(letters, days=2, items=[{"product_id": "P3", "quantity": 1}])
    puts(letters, days=1, value=19, items=[{"product_id": "P2", "quantity": 2}, P1])
    puts(letters, "checkout_started", days=0.9, value=19, items=3)
    assert letters.reads() == ["2 English P2 950", "- English P1 950"]


def test_one_product_alone_is_told_as_it_is(letters: Letters) -> None:
    """An event that names the product which was added, and nothing else, states that one."""
    letters.sells("P1", "P2")
    puts(letters, days=2, product_id="P2", quantity=1)
    puts(letters, "checkout_started", days=1, product_id="P1", quantity=3)
    assert letters.reads() == ["3 English P1 950"]


def test_what_cannot_be_had_or_is_theirs_by_now_is_left_out(letters: Letters) -> None:
    """Sold out, or ordered since; what was ordered before may be wanted again."""
    letters.sells("P1", "P2", "P3", "P4", gone=("P1",))
    letters.buys("ada", "P3", days=5)
    puts(letters, days=2, items=[{"product_id": name, "quantity": 1} for name in ("P1", "P2", "P3", "P4")])
    letters.buys("ada", "P2", days=1)
    assert letters.reads() == ["1 English P3 950", "1 English P4 950"]


def test_an_order_that_names_nothing_may_be_of_all_of_it(letters: Letters) -> None:
    """A shop whose orders have no lines would else remind people of what they have paid for."""
    letters.sells("P1")
    puts(letters, days=2, items=[P1])
    letters.buys("ada", days=1)
    assert letters.reads() == []


def test_what_no_feed_tells_of_is_called_as_the_event_calls_it(letters: Letters) -> None:
    """By its name alone: nobody knows in which currency an event's price is. Without a name it is left out."""
    puts(
        letters,
        items=[{"product_id": "X1", "quantity": 1, "name": " A\x07 tin \n of tea ", "price": 9}, {"product_id": "X2"}],
    )
    assert letters.reads() == ["1 A tin of tea -"]


@pytest.mark.parametrize("emptied", [{"value": 0}, {"items": []}, {"value": 0, "items": [P1]}])
def test_an_emptied_basket_holds_nothing(letters: Letters, emptied: dict[str, Any]) -> None:
    """What was in it before is of no account."""
    letters.sells("P1")
    puts(letters, days=2, items=[P1])
    puts(letters, days=1, **emptied)
    assert letters.reads() == []


def test_an_old_basket_is_no_basket(letters: Letters) -> None:
    """What was put into it more than thirty days ago is not shown, nor what is dated ahead."""
    letters.sells("P1")
    puts(letters, days=LEFT_MS / DAY_MS + 1, items=[P1])
    puts(letters, days=-1, items=[P1])
    assert letters.reads() == []


def test_what_is_in_the_basket_is_not_shown_beside_it(letters: Letters) -> None:
    """A letter that shows the basket recommends something else of the shelf; one that does not may show it."""
    letters.sells("P1", "P2")
    letters.looks("ada", "viewed_category", 1, category="Tea")
    puts(letters, days=1, items=[P1])
    letters.reads()
    with letters.database.read() as tx:
        ada = addressees.named(tx, "ada")["shop"]
        wanted = {"products.viewed": [SimpleNamespace(contact_id=ada, source="shop")]}
        alone: Any = wanted
        beside: Any = wanted | {"products.cart": wanted["products.viewed"]}
        for told, shown in ((alone, ["P1", "P2"]), (beside, ["P2"])):
            known = look_up(tx, told, BestSold(), NOW)
            assert [name for _, name in known.keys("products.viewed", told["products.viewed"][0], NOW)] == shown


HOSTILE = {
    "ten thousand": {"items": [{"product_id": f"P{number}", "quantity": 1} for number in range(10_000)]},
    "not a list": {"items": {"product_id": "P1"}},
    "of anything": {"items": [None, 1, "P1", [], {"product_id": []}, {"product_id": ""}, {"product_id": "P" * 999}]},
    "quantities": {"items": [{"product_id": "P1", "quantity": one} for one in ("x", True, {}, -3, 1e300, None)]},
    "text": {"items": "[1, {"},
    "deep text": {"items": "[" * 20_000},
    "value": {"value": False},
}


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
def test_what_makes_no_sense_does_no_harm(said: dict[str, Any]) -> None:
    """Whatever a source tells, a basket is a few products with whole quantities, or nothing."""
    found = cart_of([Told(1, "shop", NOW, json.dumps(said))])
    items = found.items if found is not None else ()
    assert len(items) <= ITEMS_MAX
    assert all(type(one.quantity) in {int, type(None)} and 0 < len(one.product_id) <= 200 for one in items)


def test_a_product_that_is_listed_twice_is_one() -> None:
    """Its quantities are added; a list that a CSV file holds as text is a list all the same; numbers may be text."""
    items = json.dumps(
        [{"product_id": 7, "quantity": "2"}, {"product_id": "7", "quantity": 1.0}, {"product_id": "8", "quantity": 0}]
    )
    found = cart_of([Told(1, "shop", NOW, json.dumps({"items": items}))])
    assert found is not None
    assert found.items == (Item("7", 3, None),)


def test_markup_in_a_name_is_text(letters: Letters, showing: TemplateLibrary) -> None:
    """A name from an event goes into the context as it is, and is escaped where it is shown."""
    unspeakable = {"product_id": "X\x1b2", "name": "Nothing"}
    puts(letters, items=[{"product_id": "X1", "name": "<b>{{ 7 * 7 }}</b>"}, unspeakable])
    assert letters.reads() == ["- <b>{{ 7 * 7 }}</b> -"]
    with letters.database.read() as tx:
        row: Any = SimpleNamespace(
            id=1, contact_id=addressees.named(tx, "ada")["shop"], campaign="nudge", step="hello", channel="email",
            locale=None, source="shop", fact_last_order_at=None,
        )  # fmt: skip
        found = Blocks(showing, (), frozenset(), NOW).of(tx, [row])
    assert found[1]["products"]["cart"] == [{"id": "X1", "name": "<b>{{ 7 * 7 }}</b>", "quantity": None}]
