"""The letter that asks whose an address is leaves with the next dispatcher: the reader is looking at the page."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Barrier
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, text

from clm.config import load_configuration
from clm.domain.record import ContactRecord
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.engine.profile import refresh
from clm.engine.signup import ask
from clm.engine.signup_letter import write_at_once
from clm.settings import Settings
from clm.store import stops
from clm.store.database import Database, Transaction
from clm.store.schema import enrolments, messages
from clm.web.app import create_app
from tests.engine.shop import NOW, Shop
from tests.web.asking import Asker

HOUR = 3_600_000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def settings(web_settings: Settings, tmp_path: Path) -> Settings:
    """The shipped project, in a folder of its own."""
    config = tmp_path / "config"
    shutil.copytree(web_settings.config, config)
    return web_settings.model_copy(update={"config": config})


@pytest.fixture
def web(settings: Settings) -> Iterator[Asker]:
    """Its pages."""
    asker = Asker(create_app(settings, lambda: NOW))
    yield asker
    asker.close()


def join(web: Asker, email: str = "new@example.com") -> None:
    """Somebody asks for letters."""
    asked = web("POST", "/join", content=urlencode({"email": email, "agree": "yes"}), headers=FORM)
    assert asked.status_code == 200


def letters(database: Database) -> list[tuple[str, str, str, int]]:
    """Every message: campaign, step, status and when it is due."""
    m = messages.c
    with database.read() as tx:
        return [tuple(row) for row in tx.execute(select(m.campaign, m.step, m.status, m.due_at).order_by(m.id))]


def run_campaign(database: Database, settings: Settings, *, now: int = NOW) -> None:
    """The campaign's own run, as it is scheduled."""
    journeys = Journeys(load_configuration(settings.config))
    (confirm,) = [one for one in journeys.live() if one.campaign == "confirm"]
    refresh(database, now=now)
    enrol(database, journeys, confirm, now=now)
    advance(database, journeys, confirm, now=now)


def test_the_letter_waits_for_no_run_of_its_campaign(web: Asker, settings: Settings, database: Database) -> None:
    """It is queued and due when the page is there; the campaign's own runs add nothing, now and later."""
    join(web)
    assert letters(database) == [("confirm", "address", "queued", NOW)]
    join(web)
    for later in (0, HOUR // 2, 2 * HOUR):
        run_campaign(database, settings, now=NOW + later)
    assert letters(database) == [("confirm", "address", "queued", NOW)]
    with database.read() as tx:
        assert list(tx.scalars(select(enrolments.c.status))) == ["completed"]


def test_whoever_gets_letters_already_is_not_asked(web: Asker, shop: Shop, database: Database) -> None:
    """The campaign's own condition decides, here as there."""
    assert shop is not None
    join(web, "ada@example.com")
    assert letters(database) == []


def test_whoever_waits_at_the_same_step_is_left_to_a_run(web: Asker, settings: Settings, database: Database) -> None:
    """A run sees first who has confirmed meanwhile; nobody's letter depends on somebody else's visit."""
    file = settings.config / "campaigns" / "confirm.yaml"
    live = file.read_text(encoding="utf-8")
    file.write_text(live.replace("status: live", "status: paused"), encoding="utf-8")
    join(web, "earlier@example.com")
    file.write_text(live, encoding="utf-8")
    journeys = Journeys(load_configuration(settings.config))
    (confirm,) = [one for one in journeys.live() if one.campaign == "confirm"]
    refresh(database, now=NOW)
    assert enrol(database, journeys, confirm, now=NOW) == 1  # and the run has come no further
    join(web)
    assert len(letters(database)) == 1
    advance(database, journeys, confirm, now=NOW)
    assert len(letters(database)) == 2


def test_a_run_at_the_same_moment_makes_no_second_letter(web: Asker, settings: Settings, database: Database) -> None:
    """Page and run find the same fact: whoever is second adds nothing."""
    join(web, "first@example.com")  # its configuration is read
    barrier = Barrier(2)

    def page() -> None:
        barrier.wait()
        join(web)

    def run() -> None:
        barrier.wait()
        for _ in range(5):
            run_campaign(database, settings)

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(page), pool.submit(run)]:
            one.result()
    assert letters(database) == [("confirm", "address", "queued", NOW)] * 2


class Meanwhile(Database):
    """A database in which a shop tells of somebody between the two transactions of a sign-up."""

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Transaction]:
        """The second transaction is the one that waits for the disk."""
        if durable:
            Shop(Database(self.shown)).tell(ContactRecord("c-77", email="new@example.com"))
        with super().write(durable=durable) as tx:
            yield tx


def test_an_import_at_the_same_moment_loses_no_sign_up(sqlite_file: Path, tmp_path: Path) -> None:
    """Whoever is found to be a customer while they sign up is still asked whose the address is, and is one contact."""
    path = shutil.copyfile(sqlite_file, tmp_path / "meanwhile.db")
    with closing(Meanwhile(f"sqlite:///{path}")) as database:
        whose = ask(database, "new@example.com", first_name=None, locale="en", now=NOW)
        with database.read() as tx:
            told = tx.execute(
                text("SELECT c.id, c.source, e.name FROM contacts c JOIN events e ON e.contact_id = c.id")
            )
            assert [tuple(row) for row in told] == [(whose[0], "shop", "signup_requested")]


@pytest.mark.parametrize("change", [("status: live", "status: paused"), ("within: 1d", "within: soon")])
def test_where_it_cannot_be_queued_at_once_the_sign_up_stands(
    web: Asker, settings: Settings, database: Database, change: tuple[str, str]
) -> None:
    """A paused campaign sends nothing, a faulty file is told in the log; its next sound run finds who asked."""
    file = settings.config / "campaigns" / "confirm.yaml"
    sound = file.read_text(encoding="utf-8")
    file.write_text(sound.replace(*change), encoding="utf-8")
    join(web)
    assert letters(database) == []
    file.write_text(sound, encoding="utf-8")
    run_campaign(database, settings)
    assert letters(database) == [("confirm", "address", "queued", NOW)]


@pytest.mark.parametrize(
    "change",
    [
        ("again_after: 1h", "again_after: 1h\n  at_most: {entries: 1, within: 1d}"),
        ("  - send: address", "  - wait: 1h\n  - send: address"),
    ],
)
def test_what_a_run_has_to_decide_is_left_to_it(
    web: Asker, settings: Settings, database: Database, change: tuple[str, str]
) -> None:
    """Where only so many may enter, or the first step is no letter, the page takes nobody in; the run does."""
    file = settings.config / "campaigns" / "confirm.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    join(web)
    with database.read() as tx:
        assert list(tx.scalars(select(enrolments.c.status))) == []
    run_campaign(database, settings)
    with database.read() as tx:
        assert len(list(tx.scalars(select(enrolments.c.status)))) == 1


@pytest.mark.parametrize("live", [True, False])
def test_a_flood_of_sign_ups_is_held_like_any_other(settings: Settings, database: Database, live: bool) -> None:
    """Live, a campaign that queues far more than it is used to is stopped, also where no run has queued it."""
    policy = settings.config / "policy.yaml"
    few = re.sub(r"blast_radius: \{.*?\}", "blast_radius: {times: 3, above: 1}", policy.read_text(encoding="utf-8"))
    policy.write_text(few, encoding="utf-8")
    for name in ("ada", "bob", "eve"):
        whose = ask(database, f"{name}@example.com", first_name=None, locale="en", now=NOW)
        write_at_once(database, settings.model_copy(update={"live": live}), whose, now=NOW)
    with database.read() as tx:
        assert [one.kind for one in stops.standing(tx)] == (["blast_radius"] if live else [])


def test_a_file_that_is_put_back_is_read(web: Asker, settings: Settings, database: Database) -> None:
    """A campaign is paused by its file of last week, too, though others are newer and none was added."""
    join(web, "first@example.com")  # its configuration is read
    file = settings.config / "campaigns" / "confirm.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("status: live", "status: paused"), encoding="utf-8")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    join(web)
    assert len(letters(database)) == 1
