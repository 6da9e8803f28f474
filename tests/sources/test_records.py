"""What a row becomes: contacts, orders with their contact, events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text as sql

from clm.domain.instant import DAY_MS, iso
from clm.domain.record import ContactRecord, OrderLine
from clm.sources.properties import kept
from clm.store.database import Database
from tests.sources.reading import Read, bad, good

NOON = 1_291_204_800_000
"""2010-12-01 12:00 UTC."""


def order(read: Read, **fields: object) -> Any:
    """The one record or bad row of an order with `fields`."""
    row = {"order_id": "1", "contact": "c", "ordered_at": "2010-12-01", "amount": "10"} | fields
    return next(read("orders", json.dumps(row), to="file.jsonl").rows())


def test_a_contact_is_read_whole(read: Read) -> None:
    """Every detail that a source may tell arrives in its usual form."""
    row = {
        "customer_id": 7,
        "email": "Ada@EXAMPLE.com",
        "phone": "07700 900123",
        "name": "Lovelace, Ada",
        "country": "United Kingdom",
        "postcode": " sw1a  1aa",
        "locale": "en_gb",
        "time_zone": "Europe/London",
        "signed_up_at": "2010-01-02T03:04:05Z",
        "acquisition_source": "newsletter",
        "born_on": "1970-01-02",
        "email_consent": "yes",
        "sms_consent": False,
        "consent_at": "2010-01-02",
    }
    (contact,) = good(read("contacts", json.dumps(row), to="file.jsonl"))
    assert contact == ContactRecord(
        "7",
        "Ada@example.com",
        "+447700900123",
        "Ada",
        "Lovelace",
        "GB",
        "SW1A 1AA",
        "en-GB",
        "Europe/London",
        1_262_401_445_000,
        "newsletter",
        DAY_MS,
        True,
        False,
        1_262_390_400_000,
    )


def test_a_name_is_split_only_where_its_parts_are_not_given(read: Read) -> None:
    """The first word is the first name; a first name that is given stays."""
    text = "contact,name,first_name\n1,Mary Ann Smith,\n2,Plato,\n3,Mary Ann Smith,Mary Ann\n"
    rows = good(read("contacts", text))
    assert [(row.first_name, row.last_name) for row in rows] == [
        ("Mary", "Ann Smith"),
        ("Plato", None),
        ("Mary Ann", None),
    ]


def test_an_order_brings_its_contact(read: Read) -> None:
    """Whatever the orders' file knows of the contact is in the order's contact."""
    text = "order_id,contact,ordered_at,amount,country,email\n1,c1,2010-12-01,9.99,EIRE,a@example.com\n"
    (made,) = good(read("orders", text))
    assert made.contact == ContactRecord("c1", email="a@example.com", country="IE")
    assert (made.kind, made.amount, made.currency, iso(made.ordered_at)) == (
        "order",
        999,
        "GBP",
        "2010-12-01T00:00:00Z",
    )


def test_a_bad_contact_detail_spoils_its_row(read: Read) -> None:
    """Nothing is silently dropped: a row with a broken address or number goes to quarantine, with the row itself."""
    text = "contact,email,phone,country\n1,nope,,GB\n2,,12,GB\n3,,,Narnia\n"
    rows = list(read("contacts", text).rows())
    assert [getattr(row, "field", None) for row in rows] == ["email", "phone", None]
    assert json.loads(rows[0].raw) == {"contact": "1", "email": "nope", "phone": "", "country": "GB"}
    assert rows[0].line == 2


def test_an_address_that_cannot_be_written_to_spoils_its_row(read: Read) -> None:
    """Letters beyond ASCII before the @ go to quarantine with a reason that says so; domains may have them."""
    rows = list(read("contacts", "contact,email\n1,josé@example.org\n2,jose@exämple.org\n").rows())
    assert (rows[0].line, rows[0].field) == (2, "email")
    assert "before the @" in rows[0].reason
    assert rows[1].email == "jose@exämple.org"


@pytest.mark.parametrize(
    ("feed", "field", "row"),
    [
        ("orders", "ordered_at", {"order_id": "1", "contact": "c", "amount": "10"}),
        ("orders", "ordered_at", {"order_id": "1", "contact": "c", "amount": "-10"}),
        ("orders", "signed_up_at", {"order_id": "1", "contact": "c", "amount": "10", "ordered_at": "2010-12-01"}),
        ("contacts", "signed_up_at", {"contact": "c"}),
    ],
)
def test_what_a_shop_cannot_know_yet_spoils_its_row(read: Read, feed: str, field: str, row: dict[str, str]) -> None:
    """An order or a sign-up is at most a day later than the reading, as clocks and zones differ."""
    at_most, beyond = "2010-12-02T12:00:00Z", "2010-12-02T12:00:00.001Z"
    told = "\n".join(json.dumps(row | {field: at}) for at in (at_most, beyond, "2099-03-01T00:00+01:00"))
    fine, late, far = read(feed, told, to="file.jsonl").rows(now=NOON)
    assert iso(getattr(fine if hasattr(fine, field) else fine.contact, field)) == at_most
    assert (late.line, late.field, far.line, far.field) == (2, field, 3, field)
    assert far.reason == (
        "is 2099-02-28T23:00:00Z, which is still to come; is it the wrong year, are day and month swapped, or is it the"
        " wrong time zone?"
    )


def test_events_may_lie_ahead_but_not_for_ever(read: Read) -> None:
    """An event dated ahead counts when its time comes; one of more than ten years ahead is a slip."""
    told = "contact,name,at\nc,warranty_ended,2020-11-30\nc,warranty_ended,2020-12-02\n"
    fine, far = read("events", told).rows(now=NOON)
    assert iso(fine.at) == "2020-11-30T00:00:00Z"
    assert (far.line, far.field) == (3, "at")
    assert far.reason.startswith("is 2020-12-02T00:00:00Z, which is more than ten years ahead; is it the wrong year")


def test_a_fixed_time_ahead_spoils_every_row(read: Read) -> None:
    """Also where the mapping and not the row says when somebody signed up."""
    (row,) = read("contacts", "contact\nc\n", set={"signed_up_at": "2011-12-01"}).rows(now=NOON)
    assert row.field == "signed_up_at"


def test_who_knows_no_clock_refuses_no_time(read: Read) -> None:
    """Without the instant of reading nothing is said to lie ahead."""
    assert iso(order(read, ordered_at="2099-01-01").ordered_at) == "2099-01-01T00:00:00Z"


def test_a_country_without_a_code_is_kept_as_unknown_and_counted(read: Read) -> None:
    """`Unspecified` or `Channel Islands` is no fault of the row; how many there were is told."""
    reader = read("contacts", "contact,country\n1,Unspecified\n2,Channel Islands\n3,Unspecified\n4,France\n")
    assert [row.country for row in good(reader)] == [None, None, None, "FR"]
    assert reader.unplaced == {"Unspecified": 2, "Channel Islands": 1}


@pytest.mark.parametrize(
    ("fields", "kind", "amount"),
    [
        ({"amount": "-10"}, "refund", 1000),
        ({"amount": "-10", "kind": ""}, "refund", 1000),
        ({"amount": "-10", "kind": "Cancelled"}, "cancellation", 1000),
        ({"amount": "10", "kind": "return"}, "refund", 1000),
        ({"amount": "0", "kind": "sale"}, "order", 0),
    ],
)
def test_the_kind_says_which_way_an_amount_counts(read: Read, fields: dict[str, str], kind: str, amount: int) -> None:
    """Amounts are kept without sign; a negative one without a kind is a refund."""
    made = order(read, **fields)
    assert (made.kind, made.amount) == (kind, amount)


def test_a_negative_order_is_refused(read: Read) -> None:
    """A row that says order and takes money back contradicts itself."""
    assert order(read, kind="order", amount="-10").field == "amount"


def test_an_order_in_another_currency_keeps_both_amounts(read: Read) -> None:
    """The amount in the base currency is what counts; the original stays."""
    made = order(read, currency="jpy", amount="1500")
    assert (made.amount, made.currency, made.original_amount) == (825, "JPY", 1500)


def test_a_currency_without_a_rate_is_refused_with_the_remedy(read: Read) -> None:
    """The row waits in quarantine until somebody adds the rate."""
    row = order(read, currency="EUR")
    assert (row.field, row.reason) == (
        "currency",
        "has no rate for EUR: add a rate for it in config/clm.yaml",
    )


@pytest.mark.parametrize(
    ("country", "written", "kept"),
    [
        ("US", 2139, "02139"),
        ("US", "606.0", "606.0"),
        ("US", 606.0, "00606"),
        ("US", "02139-1234", "02139-1234"),
        ("AU", 800, "800"),
        ("GB", "n1 9gu", "N1 9GU"),
        ("GB", "", None),
        (None, "2139", "2139"),
    ],
)
def test_a_postcode_is_kept_in_capitals(read: Read, country: str | None, written: object, kept: str | None) -> None:
    """American ones get the zeros back that tables drop; whether there is such a place is not asked."""
    row = {"contact": "c", "country": country, "postcode": written}
    assert good(read("contacts", json.dumps(row), to="file.jsonl"))[0].postcode == kept


@pytest.mark.parametrize("written", ["1990-05-17", "19900517", "1990-05-17T23:59:59+14:00", " 1990-05-17 00:00 "])
def test_a_date_of_birth_is_its_midnight_wherever_that_was(read: Read, written: str) -> None:
    """The date as it is written, without regard to hours and zones."""
    (contact,) = good(read("contacts", f"contact,born_on\nc,{written}\n", time_zone="Asia/Tehran"))
    assert iso(contact.born_on) == "1990-05-17T00:00:00Z"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("17/05/1990", "is not a date: `17/05/1990`; write ISO 8601, such as 1990-05-17"),
        ("1990-02-30", "is not a date"),
        ("643075200", "is not a date"),
        ("1899-12-31", "is a date before 1900"),
        ("2010-12-02", "is a date in the future"),
    ],
)
def test_a_date_of_birth_that_cannot_be_spoils_its_row(read: Read, written: str, reason: str) -> None:
    """Neither another way of writing dates nor one before 1900 or after the instant of reading."""
    reader = read("contacts", f"contact,born_on\na,2010-12-01\nb,{written}\n")
    fine, row = reader.rows(now=NOON)
    assert iso(fine.born_on) == "2010-12-01T00:00:00Z"
    assert (row.line, row.field) == (3, "born_on")
    assert row.reason.startswith(reason)


def test_orders_may_tell_postcode_and_birthday(read: Read) -> None:
    """Every field of contacts may stand in an orders file too."""
    made = order(read, country="US", postcode="94110", born_on="1990-05-17")
    assert (made.contact.postcode, iso(made.contact.born_on)) == ("94110", "1990-05-17T00:00:00Z")


@pytest.mark.parametrize("as_text", [False, True])
def test_order_lines_are_read_nested_or_as_json_text(read: Read, as_text: bool) -> None:
    """Lines are a list in JSON lines and Parquet and JSON text in CSV; their amounts are of the order's currency."""
    lines = [{"product_id": 5, "name": "Tea", "category": "Food", "quantity": 2, "amount": 3.5}, {"product_id": "6"}]
    made = order(read, currency="USD", order_lines=json.dumps(lines) if as_text else lines)
    assert made.lines == (OrderLine("5", "Tea", "Food", 2, 350), OrderLine("6", None, None, 1, None))


def test_lines_taken_back_are_written_without_sign(read: Read) -> None:
    """The kind says once that they are taken back."""
    made = order(read, kind="refund", order_lines=[{"product_id": "5", "quantity": -2, "amount": "-7"}])
    assert made.lines == (OrderLine("5", None, None, 2, 700),)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([{"name": "Tea"}], "in its line 1: `product_id` is empty"),
        ([{"product_id": "1"}, {"product_id": "2", "quantity": "1.5"}], "in its line 2: `quantity` is not a whole"),
        ("tea", "is not JSON"),
        ({"product_id": "1"}, "is not a list"),
        (["tea"], "in its line 1: is not an object"),
        ([{"product_id": "1"}] * 1_001, "1,001 order lines, the maximum is 1,000"),
    ],
)
def test_broken_order_lines_spoil_their_order(read: Read, lines: object, reason: str) -> None:
    """The reason names the line and what is wrong with it."""
    row = order(read, order_lines=lines)
    assert row.field == "order_lines"
    assert reason in row.reason


def test_an_event_without_an_id_gets_the_same_one_each_time(read: Read) -> None:
    """Two readings of an event agree on its id; another time, contact, name or property is another event."""
    header = "contact,name,at,properties\n"
    first = 'c,viewed,2010-12-01,"{""b"": 1, ""a"": 2}"\n'
    same = 'c,viewed,2010-12-01 00:00:00,"{""a"": 2, ""b"": 1}"\n'
    others = "d,viewed,2010-12-01,\nc,bought,2010-12-01,\nc,viewed,2010-12-02,\nc,viewed,2010-12-01,\n"
    rows = good(read("events", header + first + same + others))
    assert rows[0] == rows[1]
    assert len({row.external_id for row in rows}) == 5
    assert rows[0].properties == '{"a": 2, "b": 1}'
    assert rows[2].properties == "{}"


def test_an_events_own_id_is_kept(read: Read) -> None:
    """Where the source numbers its events, that number is the id."""
    assert good(read("events", "event_id,contact,name,at\ne1,c,viewed,2010-12-01\n"))[0].external_id == "e1"


@pytest.mark.parametrize(
    "properties",
    [
        [1],
        "text",
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1e999}',
        {"a": 10**301},
        {"a": [{"b": -(10**301)}]},
        {"a": "\0"},
        {"\0": 1},
        {"a": "\ud800"},
        {"a": "x" * 20_000},
        '{"a": ' + "[" * 5_000,
        '{"a": ' + "[" * 50 + "]" * 50 + "}",
    ],
)
def test_properties_that_no_database_could_keep_are_refused(read: Read, properties: object) -> None:
    """Not an object, not a number, too large a one, NUL, broken text, too long, or too deep."""
    line = json.dumps({"contact": "c", "name": "n", "at": "2010-12-01", "properties": properties})
    (row,) = bad(read("events", line, to="file.jsonl"))
    assert row.field == "properties"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda parts: st.lists(parts, max_size=2) | st.dictionaries(st.text(max_size=5), parts, max_size=2),
    max_leaves=8,
)


@settings(max_examples=100)
@given(properties=st.dictionaries(st.text(min_size=1, max_size=5), json_values, max_size=3))
def test_properties_that_are_kept_can_be_looked_into(database: Database, properties: dict[str, Any]) -> None:
    """Whatever passes, both databases take for JSON: one event that they do not would stop every look at events."""
    try:
        text = kept("visited", properties)
    except ValueError:
        return
    look = "CAST(:text AS jsonb) ->> 'a'" if database.dialect == "postgresql" else "json_extract(:text, '$.a')"
    with database.read() as tx:
        tx.execute(sql(f"SELECT {look}"), {"text": text})
    assert json.loads(text) == properties


@pytest.mark.parametrize(
    ("written", "number"), [("5", 5), ("4.50", 4.5), ("1,234", 1234), (5, 5), (4.5, 4.5), (None, None)]
)
@pytest.mark.parametrize(("name", "key"), [("survey_answered", "score"), ("cart_updated", "value")])
def test_scores_and_basket_values_are_numbers(read: Read, name: str, key: str, written: object, number: object) -> None:
    """Also from CSV, where everything is text, so that conditions can compare them."""
    text = f'contact,at,n\nc,2010-12-01,"{"" if written is None else written}"\n'
    from_csv = good(read("events", text, map={f"properties.{key}": "n"}, set={"name": name}))[0]
    line = json.dumps({"contact": "c", "name": name, "at": "2010-12-01", "properties": {key: written}})
    from_json = good(read("events", line, to="file.jsonl"))[0]
    said = {} if number is None else {key: number}
    assert json.loads(from_csv.properties) == json.loads(from_json.properties) == said


@pytest.mark.parametrize("score", ["five", True, [5], "5 stars"])
def test_a_score_that_is_no_number_spoils_its_row(read: Read, score: object) -> None:
    """The reason names it; any other event may hold whatever it likes under that name."""
    said = {"contact": "c", "at": "2010-12-01", "properties": {"score": score}}
    (row,) = bad(read("events", json.dumps(said | {"name": "survey_answered"}), to="file.jsonl"))
    assert (row.field, row.reason.startswith("has a `score` that is not")) == ("properties", True)
    assert good(read("events", json.dumps(said | {"name": "game_played"}), to="file.jsonl"))


def test_an_empty_required_value_spoils_its_row(read: Read) -> None:
    """An order of nobody is no order."""
    (row,) = bad(read("orders", "order_id,contact,ordered_at,amount\n1, ,2010-12-01,5\n"))
    assert (row.line, row.field, row.reason) == (2, "contact", "is empty")
