"""The page of a survey: whoever has the link answers with one button, and nothing happens by looking."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import text

from clm.content.links import Links
from clm.domain.record import ContactRecord
from clm.settings import Settings
from clm.store.database import Database
from clm.web.app import create_app
from tests.engine.asked import ask, told
from tests.engine.shop import NOW, Shop
from tests.web.asking import PUBLIC_URL, Asker

Rows = Callable[[], dict[str, list[Any]]]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what does not depend on it."""


def path(url: str) -> str:
    """The path and question of one of our links."""
    return url.removeprefix(PUBLIC_URL)


def post(web: Asker, url: str, **fields: str) -> Any:
    """Press the button."""
    return web("POST", path(url), content=urlencode(fields), headers=FORM)


def test_looking_changes_nothing(web: Asker, links: Links, shop: Shop, rows: Rows) -> None:
    """The mark of the link is chosen and nothing is recorded, however often a scanner opens it; nor by a wrong mark."""
    message = ask(shop.database)
    before = rows()
    page = web("GET", path(links.survey(message, 4))).text
    assert re.findall(r'value="(\d)" id="mark-\d" required( checked)?', page) == [
        *(("1", ""), ("2", ""), ("3", ""), ("4", " checked"), ("5", ""))
    ]
    for wrong in ("", "?a=9", "?a=x", "?a=%00", "?b=4"):
        assert "checked" not in web("GET", path(links.survey(message)) + wrong).text
    assert not web("HEAD", path(links.survey(message, 4))).content
    assert rows() == before


def test_the_button_records(web: Asker, links: Links, shop: Shop, rows: Rows) -> None:
    """What is chosen counts, whichever mark the link had; a second press says the same thanks and writes nothing."""
    message = ask(shop.database)
    for _ in range(2):
        answer = post(web, links.survey(message, 4), score="2", comment=" Late\r\nand\x00 cold\x1b ")
        assert answer.status_code == 200
        assert re.search(r'role="status"[^>]*>We are sorry', answer.text)
        before = rows()
    assert told(shop.database, "survey_answered") == [
        {"survey": "rating", "score": 2, "comment": "Late\nand cold", "message_id": message}
    ]
    assert post(web, links.survey(message), score="2").status_code == 200
    assert rows() == before
    assert "We have your answer" in post(web, links.survey(message), score="5").text
    assert shop.profile()["last_rating"] == 5


@ONE_DATABASE
def test_without_a_choice_nothing_is_recorded(web: Asker, links: Links, shop: Shop, rows: Rows) -> None:
    """The page says what is missing and keeps what was typed, as text; a form that is none does no harm."""
    hostile = '</textarea><script>alert(1)</script>{brand}{{ 7 * 7 }}"'
    message = ask(shop.database)
    before = rows()
    answer = post(web, links.survey(message), score="6", comment=hostile)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "<script" not in answer.text
    assert "{{ 7 * 7 }}" in answer.text
    for content in (b"\xff\xfe", b"score=%ff", b"&".join(b"a=1" for _ in range(99)), b""):
        assert web("POST", path(links.survey(message)), content=content, headers=FORM).status_code == 422
    assert web("POST", path(links.survey(message)), content=b"x" * 400_000, headers=FORM).status_code == 413
    assert rows() == before


@ONE_DATABASE
def test_whoever_uses_all_the_room_is_heard(web: Asker, links: Links, shop: Shop) -> None:
    """Three questions of 2,000 characters that take twelve bytes each; what is beyond is cut."""
    shop.tell(ContactRecord("ada", email="ada@example.com", locale="ar"))
    message = ask(shop.database, survey="three_questions")
    page = web("GET", path(links.survey(message)))
    assert page.text.count("<textarea") == 2
    assert page.text.count('type="radio"') == 6
    answer = post(web, links.survey(message), source="friend", opinion="🫖" * 2_000, friction="x" * 9_000, score="1")
    assert answer.status_code == 200
    (kept,) = told(shop.database)
    assert (kept["source"], len(kept["opinion"]), len(kept["friction"])) == ("friend", 2_000, 2_000)
    assert "score" not in kept


@ONE_DATABASE
def test_a_wrong_link_says_what_to_do(web: Asker, links: Links, shop: Shop, ada: int, rows: Rows) -> None:
    """Made up, of another purpose, for a message that is not there or asks nothing (more): 404 for all, and no row."""
    unsubscribe = path(links.unsubscribe(ada))[3:]
    gone, other = ask(shop.database, survey="gone"), ask(shop.database)
    before = rows()
    for url in ("/s/x", f"/s/{unsubscribe}", path(links.survey(10**6)), path(links.survey(gone))):
        assert web("GET", url).status_code == 404
        assert post(web, url, score="5").status_code == 404
        assert "hello@saffronandsage.example" in web("GET", url).text
    assert web("POST", f"/u/{path(links.survey(other))[3:]}").status_code == 404
    assert rows() == before


def test_while_the_database_refuses(web: Asker, links: Links, shop: Shop, database: Database) -> None:
    """Nobody is thanked for what is not kept."""
    message = ask(shop.database)
    with database.write() as tx:
        tx.execute(text("ALTER TABLE events RENAME TO away"))
    answer = post(web, links.survey(message), score="5")
    assert (answer.status_code, bool(answer.headers["retry-after"])) == (503, True)
    with database.write() as tx:
        tx.execute(text("ALTER TABLE away RENAME TO events"))
    assert told(database) == []


@ONE_DATABASE
@pytest.mark.parametrize(
    ("own", "accepted", "lang", "last"), [("fa", "en", "fa", "۱۰"), (None, "th", "th", "10"), ("de", "ru", "ru", "10")]
)
def test_it_speaks_the_contacts_language(  # noqa: PLR0917 - pytest's way of asking
    own: str | None, accepted: str, lang: str, last: str, web: Asker, links: Links, shop: Shop
) -> None:
    """Or the browser's; a legend, a label for each mark in its readers' digits with what the ends mean, no script."""
    shop.tell(ContactRecord("ada", email="ada@example.com", locale=own))
    message = ask(shop.database, survey="nps")
    answer = web("GET", path(links.survey(message, 10)), headers={"Accept-Language": accepted})
    page = answer.text
    assert f'<html lang="{lang}" dir="{"rtl" if lang == "fa" else "ltr"}">' in page
    assert page.count("<legend>") == page.count("<h1>") == page.count("<main>") == 1
    assert re.search(rf'<label for="mark-10">{last}<span class="unseen">, \w+', page)
    assert page.count("<label") == 12
    assert "{" not in page
    assert "<script" not in page
    assert "script" not in answer.headers["content-security-policy"]
    thanked = web("POST", path(links.survey(message)), content="score=10", headers=FORM | {"Accept-Language": accepted})
    assert thanked.headers["content-language"] == lang


@ONE_DATABASE
def test_a_changed_file_is_read_and_a_faulty_one_is_not(
    web_settings: Settings, links: Links, shop: Shop, ada: int, tmp_path: Path
) -> None:
    """A new survey works without a restart; a slip leaves the surveys as they were, and nobody subscribed by force."""
    config = tmp_path / "config"
    config.mkdir()
    for name in ("brand.yaml", "clm.yaml"):
        shutil.copyfile(web_settings.config / name, config / name)
    file = config / "surveys.yaml"
    file.write_text("surveys: [", encoding="utf-8")
    asker = Asker(create_app(web_settings.model_copy(update={"config": config}), lambda: NOW))
    url = path(links.survey(ask(shop.database)))
    assert asker("GET", url).status_code == 503
    assert asker.sms("5").status_code == 200
    assert asker("POST", path(links.unsubscribe(ada))).status_code == 200
    shutil.copyfile(web_settings.config / "surveys.yaml", file)
    assert asker("GET", url).status_code == 200
    file.write_text("surveys: {", encoding="utf-8")
    assert asker("GET", url).status_code == 200
    asker.close()


def test_a_number_by_sms_is_thanked_for(web: Asker, shop: Shop) -> None:
    """With the brand's name, in the contact's language, and alike when the callback is told again."""
    shop.tell(ContactRecord("ada", phone="+447700900123", locale="ru"))
    ask(shop.database, channel="sms")
    for _ in range(2):
        assert "Saffron &amp; Sage: спасибо за ответ" in web.sms("5").text
    assert "<Message>" not in web.sms("4", sid="SM2").text
    assert shop.profile()["last_rating"] == 4
