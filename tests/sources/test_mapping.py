"""Which column fills which field; a wrong mapping stops before a row is given out."""

from __future__ import annotations

import json

import pytest

from clm.errors import MappingError
from tests.sources.reading import Read, bad, good

ORDERS = "order_id,customer_id,ordered_at,amount,lines,items\n1,c1,2010-12-01,5.00,3,9\n"


def test_columns_called_like_fields_fill_them(read: Read) -> None:
    """A file whose columns carry the fields' names needs no mapping; what is not used is listed."""
    reader = read("orders", ORDERS)
    assert reader.mapping == {
        "order_id": "order_id",
        "ordered_at": "ordered_at",
        "amount": "amount",
        "contact": "customer_id",
    }
    assert reader.ignored == ["lines", "items"]
    assert reader.fields == {"order_id", "ordered_at", "amount", "contact"}


def test_contact_wins_over_its_other_names(read: Read) -> None:
    """With `contact` and `user_id` in a file, `contact` is the contact and `user_id` is ignored."""
    reader = read("contacts", "user_id,contact\nu,c\n")
    assert (good(reader)[0].external_id, reader.ignored) == ("c", ["user_id"])


def test_a_mapping_wins_over_a_column_called_like_the_field(read: Read) -> None:
    """`amount=total` reads total even though there is a column named amount; customer_id may be said for contact."""
    text = "order_id,who,ordered_at,amount,total\n1,c1,2010-12-01,5,7\n"
    reader = read("orders", text, map={"amount": "total", "customer_id": "who"})
    assert good(reader)[0].amount == 700
    assert reader.mapping["contact"] == "who"
    assert reader.ignored == ["amount"]


def test_texts_with_columns_make_values(read: Read) -> None:
    """`{column}` in a fixed text is the row's value, `{{` a brace, and a text of empty values alone is no value."""
    text = "contact,first,last\nc1,Ada,Lovelace\nc2,Plato,\nc3,,\n"
    reader = read("contacts", text, set={"name": "{first} {last}", "acquisition_source": "{{shop}}"})
    rows = good(reader)
    assert [(row.first_name, row.last_name) for row in rows] == [("Ada", "Lovelace"), ("Plato", None), (None, None)]
    assert {row.acquisition_source for row in rows} == {"{shop}"}
    assert reader.mapping["name"] == '"{first} {last}"'
    assert {"name", "first_name", "last_name"} <= reader.fields


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"map": {"ammount": "amount"}}, "write the field first, `amount=ammount`"),
        ({"map": {"oder_id": "items"}}, "`oder_id` is not a field of orders; did you mean `order_id`?"),
        ({"map": {"amount": "amout"}}, r"`amout`, which the file does not have; did you mean `amount`\? \(columns: or"),
        ({"set": {"email": "{customer}@example.com"}}, "`customer`, which the file does not have; did you mean `cust"),
        ({"set": {"email": "{}@example.com"}}, "write `{column}` with a column's name"),
        ({"set": {"email": "{customer_id@example.com"}}, "write `{column}` with a column's name"),
        ({"set": {"email_consent": "maybe"}}, '`set email_consent: "maybe"` is neither yes nor no'),
        ({"map": {"properties.x": "items"}}, "`properties.x` is not a field of orders"),
        ({"currency": "USB"}, "currency is not an ISO 4217 currency code"),
        ({"currency": "EUR"}, "add a rate for it in config/clm.yaml"),
        ({"time_zone": "London"}, "`London` is no IANA time zone"),
    ],
)
def test_a_wrong_mapping_is_refused_with_the_remedy(read: Read, spec: dict[str, object], message: str) -> None:
    """Opening the file already refuses: nothing can have been written."""
    with pytest.raises(MappingError, match=message):
        read("orders", ORDERS, **spec)


@pytest.mark.parametrize(
    ("feed", "header", "missing"),
    [
        ("contacts", "id,email", "`contact`"),
        ("orders", "contact,amount", "`order_id`, `ordered_at`"),
        ("events", "contact,at", "`name`"),
    ],
)
def test_a_needed_field_that_nothing_fills_is_refused(read: Read, feed: str, header: str, missing: str) -> None:
    """What each feed cannot do without must be mapped, and the message lists the columns to choose from."""
    with pytest.raises(MappingError, match=f"nothing fills {missing}, which {feed} need.*columns: "):
        read(feed, f"{header}\n1,2\n")


def test_json_lines_without_a_key_are_refused(read: Read) -> None:
    """Objects with nothing in them fill no field."""
    with pytest.raises(MappingError, match="nothing fills `contact`"):
        read("contacts", "{}\n", to="file.jsonl")


def test_a_column_that_is_there_twice_cannot_be_mapped(read: Read) -> None:
    """Two columns of one name are no trouble until one is asked for."""
    assert len(good(read("contacts", "contact,x,x\nc,1,2\n"))) == 1
    with pytest.raises(MappingError, match="`x`, which the file has more than once"):
        read("contacts", "contact,x,x\nc,1,2\n", map={"email": "x"})


def test_a_mapping_that_fits_no_row_is_refused(read: Read) -> None:
    """When all of the first rows fail on the same field, the mapping is wrong and not the rows."""
    rows = "".join(f"{n},c{n},2010-12-01,5.00\n" for n in range(10))
    with pytest.raises(
        MappingError, match="every one of the first 10 rows fails on `ordered_at`: on line 2 it is not a"
    ):
        read("orders", f"order_id,contact,day,amount\n{rows}", map={"ordered_at": "contact"})


def test_nine_bad_rows_or_one_good_one_are_left_to_quarantine(read: Read) -> None:
    """A short file, or one with a single good row, is read: its bad rows go to quarantine."""
    rows = "".join(f"{n},c,never,5.00\n" for n in range(9))
    assert len(bad(read("orders", f"order_id,contact,ordered_at,amount\n{rows}"))) == 9
    assert len(bad(read("orders", f"order_id,contact,ordered_at,amount\n{rows}{rows}1,c,2010-12-01,1\n"))) == 18


def test_a_field_of_json_lines_first_seen_late_is_read(read: Read) -> None:
    """In JSON lines a key may be missing from the first thousand rows; it is read when it comes, and then told."""
    lines = [{"contact": f"c{n}"} for n in range(1_500)]
    lines[1_200]["email"] = "ada@example.com"
    reader = read("contacts", "\n".join(json.dumps(line) for line in lines), to="file.jsonl")
    assert reader.fields == {"contact"}
    assert good(reader)[1_200].email == "ada@example.com"
    assert reader.fields == {"contact", "email"}


def test_columns_become_properties_of_events(read: Read) -> None:
    """`properties.X` in a mapping puts a column (or a fixed text) into the event's properties; empty ones stay out."""
    text = "contact,name,at,Colour,Size\nc1,viewed,2010-12-01,red,\n"
    reader = read(
        "events", text, map={"properties.colour": "Colour", "properties.size": "Size"}, set={"properties.via": "web"}
    )
    assert json.loads(good(reader)[0].properties) == {"colour": "red", "via": "web"}
