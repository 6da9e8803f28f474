"""Addresses that get nothing: kept as salted hashes, told set-wise, lifted and opened again."""

from __future__ import annotations

import contextlib
import threading

import pytest
from sqlalchemy import select, text

from clm.domain.record import ContactRecord
from clm.store import contacted, shop, suppressions
from clm.store.database import Database
from clm.store.schema import contacts, shop_values
from clm.store.schema import suppressions as table
from tests.engine.shop import NOW, Shop

ADA, BOB, NUMBER = ("email", "ada@example.com"), ("email", "bob@example.com"), ("sms", "+447700900123")


def suppress(database: Database, one: tuple[str, str], reason: str = "manual", *, at: int = NOW) -> bool:
    """Suppress one address."""
    with database.write() as tx:
        return suppressions.suppress(tx, channel=one[0], address=one[1], reason=reason, source="test", at=at)


def standing(database: Database, *asked: tuple[str, str]) -> dict[tuple[str, str], str]:
    """Which of them get nothing, and why."""
    with database.read() as tx:
        return suppressions.suppressed(tx, asked)


def test_an_address_is_suppressed_on_its_channel_alone(database: Database) -> None:
    """Whoever is asked of beside it is told of nothing; before anything was suppressed, nobody is."""
    assert standing(database, ADA, BOB) == {}
    assert suppress(database, ADA, "unsubscribed")
    assert standing(database, ADA, BOB, NUMBER, ("sms", "ada@example.com")) == {ADA: "unsubscribed"}
    suppress(database, NUMBER, "stopped")
    assert standing(database, ADA, NUMBER) == {ADA: "unsubscribed", NUMBER: "stopped"}


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        (("email", "Ada@Example.com"), ADA),
        (ADA, ("email", " ADA@EXAMPLE.COM ")),
        (("sms", "+44 (7700) 900-123"), NUMBER),
    ],
)
def test_however_it_is_written(database: Database, kept: tuple[str, str], asked: tuple[str, str]) -> None:
    """Capitals in an address and blanks in a number do not bring anybody back."""
    suppress(database, kept)
    assert standing(database, asked) == {asked: "manual"}


def test_the_gravest_reason_is_told(database: Database) -> None:
    """The person's own word counts for more than a full mailbox."""
    for reason in ("sunset", "bounced", "complained", "unsubscribed"):
        suppress(database, ADA, reason)
    assert standing(database, ADA) == {ADA: "complained"}


def test_suppressing_again_changes_nothing_and_after_lifting_opens_it_again(database: Database) -> None:
    """One row per address, channel and reason, whatever happens."""
    assert suppress(database, ADA, at=NOW)
    assert not suppress(database, ADA, at=NOW + 1)
    with database.write() as tx:
        assert suppressions.lift(tx, channel="email", address="ADA@example.com", at=NOW + 2) == 1
    assert standing(database, ADA) == {}
    with database.write() as tx:
        assert suppressions.lift(tx, channel="email", address="ada@example.com", at=NOW + 3) == 0
    assert suppress(database, ADA, at=NOW + 4)
    assert standing(database, ADA) == {ADA: "manual"}
    with database.read() as tx:
        (kept,) = tx.execute(select(table.c.at, table.c.lifted_at)).all()
    assert tuple(kept) == (NOW + 4, None)


def test_one_reason_is_lifted_and_the_others_stand(database: Database) -> None:
    """Lifting a sunset does not undo an unsubscription."""
    suppress(database, ADA, "sunset")
    suppress(database, ADA, "unsubscribed")
    with database.write() as tx:
        assert suppressions.lift(tx, channel="email", address=ADA[1], at=NOW, reason="sunset") == 1
    assert standing(database, ADA) == {ADA: "unsubscribed"}


def test_many_at_once(database: Database) -> None:
    """A whole list takes a handful of statements; what stood already does not count."""
    suppress(database, ADA)
    with database.write() as tx:
        many = [f"c{number}@example.com" for number in range(2_000)] + [ADA[1], "C1@example.com"]
        added = suppressions.suppress_all(tx, channel="email", addresses=many, reason="manual", source="list", at=NOW)
    assert added == 2_000
    assert len(standing(database, *(("email", address) for address in many))) == 2_002


def test_no_address_is_kept(database: Database) -> None:
    """Nobody who reads the table learns who is in it, or could find out without the salt."""
    suppress(database, ("email", "Grace.Hopper@example.org"))
    with database.read() as tx:
        rows = str(tx.execute(select(table)).all()).lower()
        salt = shop.get(tx, "suppression_salt")
    for part in ("grace", "hopper", "example", "@"):  # none can be met by chance in hexadecimal digits, as "ada" was
        assert part not in rows
    assert salt is not None
    assert len(salt) == 64


def test_whose_address_it_is_has_changed(shop_with_two: Shop) -> None:
    """The profiles are stamped of all who have the address, and of nobody else."""
    people = ("ada", "ada's other account", "bob")
    before = {one: shop_with_two.profile(one)["changed"] for one in people}
    suppress(shop_with_two.database, ("email", "ada@EXAMPLE.com"))
    assert [one for one in people if shop_with_two.profile(one)["changed"] > before[one]] == list(people[:2])


@pytest.mark.parametrize(
    ("channel", "reason", "told"),
    [("staff", "manual", "not a channel that reaches contacts"), ("email", "boredom", "not a reason to suppress")],
)
def test_what_makes_no_sense_is_refused(database: Database, channel: str, reason: str, told: str) -> None:
    """A slip in a campaign or a provider's answer must not be taken for a suppression."""
    with pytest.raises(ValueError, match=told), database.write() as tx:
        suppressions.suppress(tx, channel=channel, address="a@b.example", reason=reason, source="test", at=NOW)


def test_two_who_draw_the_salt_at_once_use_one(database: Database, database_url: str) -> None:
    """Had each its own, one of two suppressions would never be found again."""
    gate = threading.Barrier(4)

    def add(number: int) -> None:
        with contextlib.closing(Database(database_url)) as own:
            gate.wait()
            suppress(own, ("email", f"c{number}@example.com"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked = [("email", f"c{number}@example.com") for number in range(4)]
    assert len(standing(database, *asked)) == 4
    with database.read() as tx:
        assert len(tx.scalars(select(shop_values.c.name)).all()) == 1


def test_it_waits_for_whoever_is_authorising_a_message_to_that_address(postgres_url: str) -> None:
    """On PostgreSQL: an opt-out is committed before a dispatcher looks, or after its intent is; never in between."""
    from tests.databases import empty

    with contextlib.closing(Database(postgres_url)) as database, contextlib.closing(Database(postgres_url)) as other:
        empty(database)
        Shop(database).tell(ContactRecord("ada", email=ADA[1]))
        done = threading.Event()

        def opt_out() -> None:
            suppress(other, ADA)
            done.set()

        thread = threading.Thread(target=opt_out)
        with database.write() as tx:
            contacted.hold(tx, tx.scalars(select(contacts.c.id)).all())
            thread.start()
            assert not done.wait(0.3), "it did not wait"
            assert suppressions.suppressed(tx, [ADA]) == {}
            assert tx.scalar(text("SELECT count(*) FROM suppressions")) == 0
        thread.join()
        assert standing(database, ADA) == {ADA: "manual"}


@pytest.fixture
def shop_with_two(database: Database) -> Shop:
    """One person with two accounts, and somebody else."""
    made = Shop(database)
    made.tell(
        ContactRecord("ada", email="ada@example.com"),
        ContactRecord("ada's other account", email="Ada@example.com"),
        ContactRecord("bob", email="bob@example.com"),
    )
    return made
