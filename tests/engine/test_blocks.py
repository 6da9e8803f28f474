"""What letters show of products, points, other customers and answers: what is so today, in the reader's language."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update

from clm.config import Configuration
from clm.content.bidi import RIGHT_TO_LEFT_MARK
from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.instant import DAY_MS
from clm.domain.record import ContactRecord, EventRecord, OrderLine, OrderRecord, ProductRecord
from clm.engine import wares
from clm.engine.best_sold import BestSold
from clm.engine.blocks import Blocks
from clm.engine.journey import Journeys
from clm.engine.shelf import BEST_MAX
from clm.help_file import HelpEntry
from clm.store import addressees
from clm.store.database import Database
from clm.store.schema import products
from tests.engine.rehearsal import Rehearsal, campaign, load_words
from tests.engine.shop import NOW, POUNDS, Shop, order

LISTS = ("last_order.products", "products.again", "products.viewed", "products.together", "products.due")
PRODUCTS = "".join(
    f"{{% for one in {name} | default([]) %}}\n{name.replace('products.', '')}: {{{{ one.name }}}}\n{{% endfor %}}\n"
    for name in (*LISTS, "products.best_sellers")
)
REST = """{% for one in products.again | default([]) %}
page: {{ one.url | default('-') }}
{% endfor %}
{% if viewed.category is defined %}
category: {{ viewed.category }}
{% endif %}
{% if points.balance is defined %}
points: {{ points.balance }} {{ points.tier | default('-') }} {{ points.to_next | default('-') }}
{% endif %}
{% if proof.customers is defined %}
proof: {{ proof.rating | default('-') }} {{ proof.ratings | default('-') }} {{ proof.customers }}
{% endif %}
{% for one in help | default([]) %}
help: {{ one.question }} {{ one.answer }}
{% endfor %}
"""
BODY = "<mjml><mj-body><mj-section><mj-column><mj-text>Hello</mj-text></mj-column></mj-section></mj-body></mjml>"
HELP = (
    HelpEntry(frozenset(), frozenset(), None, {"en": ("Where?", "There."), "fa": ("کجا؟", "آنجا.")}),
    HelpEntry(frozenset({"Tea"}), frozenset(), None, {"en": ("How hot?", "Very.")}),
    HelpEntry(frozenset(), frozenset({"P1"}), None, {"en": ("How long?", "Long."), "fa": ("چقدر؟", "زیاد.")}),
    HelpEntry(frozenset({"Gifts"}), frozenset(), None, {"en": ("Wrapped?", "Yes.")}),
)


@pytest.fixture(scope="session")
def telling(tmp_path_factory: pytest.TempPathFactory, own_brand: Brand) -> TemplateLibrary:
    """Words, in English and Persian, that tell everything they are given; one step tells nothing."""
    folder = tmp_path_factory.mktemp("telling")
    for step, locale in (("hello", "en"), ("hello", "fa"), ("again", "en")):
        place = folder / "nudge" / step / locale
        place.mkdir(parents=True)
        (place / "subject.txt").write_text("Hello")
        (place / "body.mjml").write_text(BODY)
        (place / "body.txt").write_text("Hello\n" + (PRODUCTS + REST if step == "hello" else ""))
    return load_words(folder, own_brand)


class Letters(Rehearsal):
    """A shop that writes to its customers of what it sells."""

    def __init__(self, database: Database, library: TemplateLibrary, brand: Brand) -> None:
        super().__init__(database, library, brand)
        # Told together, because a transaction for each order takes longer than the test.
        self.happened: dict[Shop, list[OrderRecord]] = {}
        self.events: list[EventRecord] = []

    @property
    def journeys(self) -> Journeys:
        """As a new process reads them, with answers to what people ask."""
        return Journeys(Configuration(POUNDS, tuple(self._campaigns.values()), help=HELP))

    def sells(self, *names: str, category: str = "Tea", gone: tuple[str, ...] = (), shop: Shop | None = None) -> None:
        """The feed names products, each by its id too; what is `gone` cannot be had."""
        told = [
            ProductRecord(
                name, f"English {name}", json.dumps({"fa": f"فارسی {name}"}, ensure_ascii=False), category,
                json.dumps({"fa": f"دسته {category}"}, ensure_ascii=False), 950, None, None, name not in gone,
            )
            for name in names
        ]  # fmt: skip
        (shop or self.shop).tell(*told)

    def buys(self, contact: str, *products: str, days: int, shop: Shop | None = None) -> None:
        """Somebody ordered so many days ago; the first product was the dearest."""
        self.happened.setdefault(shop or self.shop, []).append(bought(contact, *products, days=days))

    def looks(self, contact: str, name: str, days: int, **properties: str | int) -> None:
        """Somebody did something on the site so many days ago."""
        number = f"{contact} {name} {days} {properties}"
        event = EventRecord(number, contact, name, NOW - days * DAY_MS, json.dumps(properties))
        self.events.append(event)

    def reads(self, contact: str = "ada") -> list[str]:
        """What the letter to somebody tells, line by line, after the day's measure."""
        for shop, orders in self.happened.items():
            shop.tell(*orders)
        self.shop.tell(*self.events)
        wares.take(self.database, now=NOW)
        self.have(campaign(enter={"when": "email_consent", "once_per": "contact"}))
        self.run()
        (mail,) = [one for one in self.mail.handed if one.to == f"{contact}@example.com"]
        return lines_of(mail.content.text)[1:]

    def told_of(self, block: str, contact: str = "ada") -> list[str]:
        """What the letter tells of one block, without the language that all names begin with."""
        said = (line.partition(": ") for line in self.reads(contact))
        return [text.removeprefix("English ") for name, _, text in said if name == block]


@pytest.fixture
def letters(database: Database, telling: TemplateLibrary, own_brand: Brand) -> Letters:
    """Ada, who may be written to and has done nothing yet."""
    opened = Letters(database, telling, own_brand)
    opened.shop.tell(ContactRecord("ada", "ada@example.com", email_consent=True, signed_up_at=NOW - 500 * DAY_MS))
    return opened


def lines_of(text: str) -> list[str]:
    """Its lines, without the mark by which a Persian one that begins with a Latin word keeps its direction."""
    return [line.removeprefix(RIGHT_TO_LEFT_MARK) for line in text.splitlines()]


def bought(contact: str, *products: str, days: int) -> OrderRecord:
    """An order of some products."""
    lines = tuple(
        OrderLine(product, f"Line {product}", "Tea", 1, 100 - place) for place, product in enumerate(products)
    )
    found = order(f"{contact} {days} {products}", contact, at=NOW - days * DAY_MS)
    return found._replace(lines=lines)


def test_what_was_bought_last_is_offered_again_while_it_can_be_had(letters: Letters) -> None:
    """The last order is named as it was; of it and of those before only what is for sale is offered, the last first."""
    letters.sells("P1", "P2", "P3", gone=("P2",))
    letters.buys("ada", "P3", "P1", days=100)
    letters.buys("ada", "P2", "P1", "P9", days=10)
    read = letters.reads()
    assert [line for line in read if line.startswith("last_order")] == [
        "last_order.products: English P2",
        "last_order.products: English P1",
        "last_order.products: Line P9",
    ]
    assert [line for line in read if line.startswith("again")] == ["again: English P1", "again: English P3"]


def test_names_are_in_the_language_of_the_words(letters: Letters) -> None:
    """A Persian letter names products and categories in Persian; a German reader gets English for both."""
    letters.sells("P1")
    for contact, locale in (("ada", "fa-IR"), ("bob", "de")):
        said = ContactRecord(contact, f"{contact}@example.com", locale=locale, email_consent=True)
        letters.shop.tell(said)
        letters.buys(contact, "P1", days=10)
        letters.looks(contact, "viewed_product", 3, product_id="P1")
    persian = letters.reads()
    assert "again: فارسی P1" in persian
    assert "category: دسته Tea" in persian
    english = letters.mail.handed[[one.to for one in letters.mail.handed].index("bob@example.com")].content.text
    assert "again: English P1" in english
    assert "category: Tea" in english


def test_what_was_sent_back_is_not_offered_again(letters: Letters) -> None:
    """An order of which something was taken back is left out."""
    letters.sells("P1", "P2")
    letters.buys("ada", "P2", days=90)
    letters.buys("ada", "P1", days=20)
    back = order("back", "ada", at=NOW - 5 * DAY_MS, kind="refund", amount=1, cancels=f"ada 20 {('P1',)}")
    letters.happened[letters.shop].append(back)
    assert letters.told_of("again") == ["P2"]


def test_what_runs_out_is_due(letters: Letters) -> None:
    """By the contact's own rhythm where they have one, else by everybody's; not long before it, nor long after."""
    letters.sells("own", "everybody's", "early", "late")
    for days in (150, 110, 35):
        letters.buys("ada", "own", days=days)  # 57.5 days apart, 35 days ago: not yet
    for person in range(10):
        for days in (190 - person, 100):
            letters.buys(f"c{person}", "everybody's", "early", "late", days=days)  # half of them within 85 days
    letters.buys("ada", "everybody's", days=80)
    letters.buys("ada", "early", days=60)
    letters.buys("ada", "late", days=140)
    assert letters.told_of("due") == ["everybody's"]


def test_a_rhythm_of_ones_own_counts_more_than_everybodys(letters: Letters) -> None:
    """Who buys each ten days is asked after ten, whatever others do."""
    letters.sells("P1")
    for person in range(10):
        for days in (300, 100):
            letters.buys(f"c{person}", "P1", days=days)
    for days in (31, 21, 11):
        letters.buys("ada", "P1", days=days)
    assert letters.told_of("due") == ["P1"]


def test_what_goes_with_the_last_order_is_shown(letters: Letters) -> None:
    """What others have bought with it more often than by chance, of what the contact never had, if it can be had."""
    letters.sells("tea", "pot", "mug", "gone", "rare", "other", gone=("gone",))
    for person in range(6):
        letters.buys(f"c{person}", "tea", "pot", "mug", "gone", days=50)
        letters.buys(f"d{person}", "other", days=40)
    for person in range(4):  # too few to say anything
        letters.buys(f"c{person}", "tea", "rare", days=30)
    letters.buys("ada", "mug", days=60)
    letters.buys("ada", "tea", days=10)
    assert letters.told_of("together") == ["pot"]


def test_of_the_category_looked_at_most_the_best_sold_is_shown(letters: Letters) -> None:
    """Views of products and of the category count for thirty days; what was bought lately is not shown."""
    letters.sells("P1", "P2", "P3", "P4", "P5", gone=("P5",))
    letters.sells("S1", category="Spices")
    for person in range(3):
        letters.buys(f"c{person}", *("P4", "P5", "P2", "P1")[: person + 2], days=20)
    letters.buys("ada", "P4", days=15)
    letters.looks("ada", "viewed_product", 5, product_id="P3")
    letters.looks("ada", "viewed_category", 4, category="Tea")
    letters.looks("ada", "viewed_category", 3, category="Spices")
    for days in (40, 50, 60):
        letters.looks("ada", "viewed_category", days, category="Spices")
    assert letters.told_of("viewed") == ["P2", "P1", "P3"]
    assert "category: Tea" in letters.mail.handed[0].content.text


def test_best_sellers_are_those_of_the_contacts_own_shop(letters: Letters) -> None:
    """By how many bought it in ninety days; what sold before, or in another shop, does not count."""
    other = Shop(letters.database, source="other")
    letters.sells("P1", "P2", "P3", gone=("P3",))
    others = [f"X{number}" for number in range(BEST_MAX)]
    letters.sells("P1", *others, shop=other)
    other.tell(ContactRecord("bob", "bob@example.com", email_consent=True))
    for person in range(3):
        letters.buys(f"c{person}", "P2", "P3", days=30)
        letters.buys(f"c{person}", "P1", *others, days=30, shop=other)
    letters.buys("c0", "P1", days=60)
    for person in range(5):
        letters.buys(f"d{person}", "P1", days=100)
    assert letters.told_of("best_sellers") == ["P2", "P1"]


def test_what_sells_best_is_looked_up_once_for_an_instant(letters: Letters, telling: TemplateLibrary) -> None:
    """Every batch of a large sending shows the same, and asks for nothing that a batch before has asked for."""
    letters.sells("P1", "P2")
    letters.buys("bob", "P1", days=30)
    letters.looks("ada", "viewed_category", 3, category="Tea")
    letters.reads()
    blocks = Blocks(telling, HELP, frozenset(), NOW)
    with letters.database.write() as tx:
        row: Any = SimpleNamespace(
            id=1,
            contact_id=addressees.named(tx, "ada")["shop"],
            campaign="nudge",
            step="hello",
            channel="email",
            locale=None,
            source="shop",
        )
        before = blocks.of(tx, [row])[1]["products"]
        tx.execute(update(products).values(available=False))
        assert blocks.of(tx, [row])[1]["products"] == before
        assert "products" not in replace(blocks, best=BestSold()).of(tx, [row])[1]
    assert {name: [one["id"] for one in theirs] for name, theirs in before.items()} == {
        "best_sellers": ["P1"],
        "viewed": ["P1", "P2"],
    }


@pytest.mark.parametrize(("ratings", "said"), [(20, "4.5 20 1"), (19, "- - 1")])
def test_few_ratings_prove_nothing(letters: Letters, ratings: int, said: str) -> None:
    """A mean is told from twenty customers' ratings of a year on; customers are those who bought within ninety days."""
    letters.buys("ada", "P1", days=10)
    letters.buys("bob", "P1", days=100)
    for number in range(ratings):
        letters.looks(f"c{number}", "survey_answered", number + 1, survey="rating", score=4 + number % 2)
    letters.looks("d", "survey_answered", 400, survey="rating", score=1)
    letters.looks("d", "survey_answered", 2, survey="nps", score=1)
    assert letters.told_of("proof") == [said]


def test_points_are_those_told_last(letters: Letters) -> None:
    """Numbers may be text, the tier has a name in each language, and what makes no sense is left out."""
    letters.looks("ada", "points_changed", 9, balance="70", tier="Gold")
    letters.looks("ada", "points_changed", 2, balance="120", tier="Silver", to_next="?")
    assert letters.told_of("points") == ["120 Silver -"]


def test_answers_fit_what_was_bought_last_and_are_in_the_readers_language(letters: Letters) -> None:
    """For the product first, then for its category, then for everyone; never in another tongue."""
    said = ContactRecord("zal", "zal@example.com", locale="fa", email_consent=True)
    letters.shop.tell(said)
    letters.sells("P1")
    letters.buys("ada", "P1", days=10)
    letters.buys("zal", "P1", days=10)
    assert letters.told_of("help") == ["How long? Long.", "How hot? Very.", "Where? There."]
    persian = next(one for one in letters.mail.handed if one.to == "zal@example.com").content.text
    assert [line for line in lines_of(persian) if line.startswith("help")] == [
        "help: چقدر؟ زیاد.",
        "help: کجا؟ آنجا.",
    ]


@pytest.mark.parametrize(
    ("url", "led_to"),
    [
        ("https://www.saffronandsage.example/p/P1", "https://www.saffronandsage.example/p/P1"),
        ("https://saffronandsage.example.evil.example/p/P1", "-"),
        ("https://evil.example/www.saffronandsage.example", "-"),
    ],
)
def test_letters_lead_to_the_brands_own_pages_alone(letters: Letters, url: str, led_to: str) -> None:
    """A feed that somebody has tampered with sends no reader elsewhere."""
    letters.shop.tell(ProductRecord("P1", "Assam", None, None, None, None, url, None, available=True))
    letters.buys("ada", "P1", days=10)
    assert letters.told_of("page") == [led_to]


def test_nothing_known_leaves_everything_to_the_words(letters: Letters) -> None:
    """Who has done nothing, in a shop without products, gets the letter without any block."""
    assert letters.reads() == []


def test_words_that_speak_of_nothing_cost_no_question(telling: TemplateLibrary) -> None:
    """Where no letter of a batch speaks of products, the database is not asked."""
    row: Any = SimpleNamespace(id=1, contact_id=1, campaign="nudge", step="again", channel="email", locale=None)
    nothing: Any = None
    assert Blocks(telling, HELP, frozenset(), NOW).of(nothing, [row]) == {}
    assert "products.due" in telling.speaks_of("nudge", "hello", "email")
