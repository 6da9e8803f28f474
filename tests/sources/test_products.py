"""A feed of products: names in several languages, addresses that letters may lead to, and what can be had."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clm.domain.record import BadRow, ProductRecord
from clm.sources import FeedSpec
from clm.sources.spec import faults_in
from clm.store.database import Database
from clm.store.schema import products
from tests.engine.shop import Shop
from tests.sources.reading import Read, bad, good


def told(read: Read, **fields: object) -> Any:
    """The one product or bad row of a line of JSON."""
    row = {"product_id": "P1", "name": "House Assam"} | fields
    return next(read("products", json.dumps(row), to="file.jsonl").rows())


def test_a_product_is_read_whole(read: Read) -> None:
    """Columns named for a language fill its name and category; the price is kept in the shop's own currency."""
    text = (
        "product_id,name,name.fa,name.pt_br,category,category.fa,price,currency,url,image_url,available\n"
        "P1,Assam,آسام,,Tea,چای,10,USD,https://shop.example/p/1?a=b,HTTPS://shop.example/1.jpg,3\n"
    )
    (product,) = good(read("products", text))
    assert product == ProductRecord(
        "P1", "Assam", '{"fa": "آسام"}', "Tea", '{"fa": "چای"}', 800, "https://shop.example/p/1?a=b",
        "https://shop.example/1.jpg", True,
    )  # fmt: skip


def test_names_come_as_one_object_too(read: Read) -> None:
    """JSON lines hold `names`; what is not said of a product is not known, and it can be had."""
    product = told(read, names={"fa": "آسام", "pt_BR": "Assam da casa", "th": ""})
    assert json.loads(product.names) == {"fa": "آسام", "pt-BR": "Assam da casa"}
    assert (product.price, product.url, product.category, product.available) == (None, None, None, True)


@pytest.mark.parametrize(
    ("said", "can_be_had"),
    [("yes", True), ("in stock", True), ("12", True), ("no", False), ("out-of-stock", False), ("0", False), ("", True)],
)
def test_shops_say_in_many_ways_what_can_be_had(read: Read, said: str, can_be_had: bool) -> None:
    """Yes and no, the words of shopping feeds, or how many are left."""
    assert told(read, available=said).available is can_be_had


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("url", "http://shop.example/p/1", "does not begin with https://"),
        ("url", "javascript:alert(1)", "does not begin with https://"),
        ("url", "https://shop.example@evil.example/", "is not a web address"),
        ("url", "https:///p/1", "is not a web address"),
        ("url", 'https://shop.example/"onclick="', "is not a web address"),
        ("image_url", "https://shop.example/a b.jpg", "is not a web address"),
        ("price", "-1", "is negative"),
        ("price", "9,50 €", "is not an amount"),
        ("currency", "EUR", "has no rate for EUR"),
        ("available", "perhaps", "does not say whether it can be had: `perhaps`"),
        ("name", " ", "is empty"),
        ("names", {"klingon!": "x"}, "has a key that is not a language tag"),
    ],
)
def test_a_bad_row_is_told_with_its_field(read: Read, field: str, value: object, reason: str) -> None:
    """It goes to quarantine, so that no letter leads to a page that is none, or names a wrong price."""
    row = told(read, price="1", **{field: value}) if field != "price" else told(read, price=value)
    assert isinstance(row, BadRow)
    assert (row.field, reason in row.reason) == (field, True), row


def test_a_mapping_names_languages(read: Read) -> None:
    """`name.fa` may be filled from any column; a language that is none is a fault, as is a field of contacts."""
    text = "sku,title,persian\nP1,Assam,آسام\n"
    (product,) = good(read("products", text, map={"product_id": "sku", "name": "title", "name.fa": "persian"}))
    assert product.names == '{"fa": "آسام"}'
    spec = FeedSpec(source="s", feed="products", path="p", map={"name.xx9": "a", "contact": "b", "email": "c"})
    assert ["is not a field of products" in message for _, message in faults_in(spec)] == [True] * 3


def test_a_column_of_customers_means_nothing_among_products(read: Read) -> None:
    """`customer_id` fills no field of a product; it is told as not used."""
    reader = read("products", "product_id,name,customer_id\nP1,Assam,C1\n")
    assert reader.ignored == ["customer_id"]
    assert bad(reader) == []


def test_products_are_taken_in_once(database: Database, tmp_path: Any) -> None:
    """The same file changes nothing, a changed row replaces its product, and what a file leaves out stays."""
    shop, path = Shop(database), tmp_path / "products.csv"
    path.write_text("product_id,name,price\nP1,Assam,9.50\nP2,Mint,8\nP2,Mint,oops\nP2,Moroccan mint,8\n")
    first = shop.import_(path, "products")
    assert first == {"read": 4, "new": 2, "changed": 0, "unchanged": 1, "quarantined": 1}
    again = shop.import_(path, "products")
    assert (again["new"], again["changed"], again["unchanged"]) == (0, 0, 3)
    path.write_text("product_id,name,price,available\nP1,Assam,9.75,no\n")
    assert shop.import_(path, "products")["changed"] == 1
    with database.read() as tx:
        rows = tx.execute(products.select().order_by(products.c.product_id)).all()
    assert [(row.product_id, row.name, row.price, row.available) for row in rows] == [
        ("P1", "Assam", 975, False),
        ("P2", "Moroccan mint", 800, True),
    ]
