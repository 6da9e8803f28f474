"""What the staff pages show, and what they keep from doing anything."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import text

from clm.domain.instant import HOUR_MS
from clm.domain.record import EventRecord
from clm.settings import Settings
from clm.store import messages, previewed
from clm.store.database import Database
from clm.web.app import create_app
from clm.web.staff.frame import in_scheme
from tests.conftest import PROJECT
from tests.engine.shop import NOW, Shop
from tests.store.test_reach import gone_through
from tests.web.asking import Asker
from tests.web.staff_browser import Browser


@pytest.fixture(scope="module")
def asker(project: Settings) -> Iterator[Asker]:
    """The application on it."""
    found = Asker(create_app(project, lambda: NOW + HOUR_MS))
    yield found
    found.close()


@pytest.fixture(scope="module")
def browser(asker: Asker) -> Browser:
    """Somebody who is signed in."""
    found = Browser(asker)
    found.sign_in()
    return found


def test_a_mail_is_shut_in(browser: Browser) -> None:
    """Its frame lets no script run and no form be sent, and belongs to our pages alone; its links open elsewhere."""
    page = browser("GET", "/staff/inbox/mail/1").text
    assert re.search(r'<iframe [^>]*sandbox="allow-popups allow-popups-to-escape-sandbox"', page)
    frame = browser("GET", "/staff/inbox/mail/1/html")
    policy = frame.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "script" not in policy
    assert '<base target="_blank">' in frame.text
    assert browser("GET", "/staff/inbox/mail/999").status_code == 404
    assert browser("GET", "/staff/inbox/mail/..%2f..%2fclm.db").status_code in {404, 422}


def test_dark_is_dark_whatever_the_device(browser: Browser) -> None:
    """A mail is looked at as on a dark device, or on a light one, without having either."""
    html = "<style>@media (prefers-color-scheme:dark){p{color:#fff}}</style>"
    assert "@media all{" in in_scheme(html, dark=True)
    assert "@media not all{" in in_scheme(html, dark=False)
    shown = [browser("GET", f"/staff/gallery/win_back/news/fa/html{query}").text for query in ("", "?dark=1")]
    assert "prefers-color-scheme: dark" not in "".join(shown)
    assert shown[0] != shown[1]


def test_what_is_missing_in_the_gallery_is_marked(browser: Browser) -> None:
    """Each language that the shop promises and a message has no words in; those there are lead to them."""
    page = browser("GET", "/staff/gallery?campaign=win_back").text
    assert 'href="../staff/gallery/win_back/news/fa"' in page
    assert page.count('class="missing"') == 3 * page.count('<th scope="row">')
    assert browser("GET", "/staff/gallery/win_back/news/th").status_code == 404


def test_a_hostile_name_does_nothing(browser: Browser) -> None:
    """Code in a customer's name is text, in the page as in the mail."""
    page = browser("GET", "/staff/gallery/win_back/last_call/en?persona=hostile").text
    mail = browser("GET", "/staff/gallery/win_back/news/en/html?persona=hostile").text
    assert "<script>alert" not in page + mail
    browser("GET", "/staff/inbox")
    found = browser.send("/staff/inbox", words='"><script>alert(1)</script>').headers["location"]
    assert "<script>alert" not in browser("GET", f"/staff/{found.partition('staff/')[2]}").text


def test_a_contact_is_found_without_standing_in_an_address(
    browser: Browser, project: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """The address is sent as a form and kept out of the log; the page shows facts, consents, messages and answers."""
    caplog.set_level(logging.INFO)
    browser("GET", "/staff/contacts")
    found = browser.send("/staff/contacts", wanted="Dora@example.com")
    database = Database(project.store_url)
    with database.read() as tx:
        dora = previewed.contact_id(tx, "dora")
        [mail] = messages.listed(tx, contact="dora", campaign=None, status="sent", limit=None)
    database.close()
    assert found.headers["location"] == f"../staff/contacts/{dora}"
    page = browser("GET", f"/staff/contacts/{dora}").text
    for said in ("dora@example.com", "order_count", "answered rating: 1", "The tin was dented.", "open matter"):
        assert said in page, said
    assert f"staff/inbox/mail/{mail.id}" in page
    assert browser("GET", "/staff/contacts/999").status_code == 404
    browser("GET", "/staff/contacts")
    assert "Nobody" in browser.send("/staff/contacts", wanted="dora@elsewhere").text
    assert "dora" not in caplog.text.lower()


def test_a_low_mark_that_a_source_told_can_be_put_right(browser: Browser, project: Settings) -> None:
    """By the same button, which is gone afterwards."""
    with closing(Database(project.store_url)) as database:
        said = json.dumps({"survey": "rating", "score": 2})
        Shop(database).tell(EventRecord("m1", "carol", "survey_answered", NOW, said))
        with database.read() as tx:
            carol = previewed.contact_id(tx, "carol")
    page = browser("GET", f"/staff/contacts/{carol}").text
    assert "1 open matter<" in page
    assert "It is put right" in page
    assert browser.send(f"/staff/contacts/{carol}/resolve").status_code == 303
    page = browser("GET", f"/staff/contacts/{carol}").text
    assert "It is put right" not in page
    assert "ticket closed" in page


def test_a_broadcast_is_not_live_before_it_is_announced(browser: Browser, project: Settings) -> None:
    """The list and its own page say how far it is, as `clm broadcast --list` does; campaigns are live."""
    file = project.config / "broadcasts" / "harvest.yaml"
    file.parent.mkdir(exist_ok=True)
    shutil.copyfile(PROJECT / "config" / "broadcasts" / "harvest.yaml", file)
    looked = browser.asker.app.state.desk.projects
    try:
        looked._configuration._looked = 0.0
        listed = browser("GET", "/staff/campaigns").text
        with gone_through(browser.asker.app.state.reception.database) as read:
            alone = browser("GET", "/staff/campaigns/harvest").text
    finally:
        file.unlink()
        looked._configuration._looked = 0.0
    assert counted_of_all(read) == []
    [row] = re.findall(r"<tr>(?:(?!</tr>).)*harvest.*?</tr>", listed, re.DOTALL)
    [heading] = re.findall(r"<h1>.*?</h1>", alone, re.DOTALL)
    for part in (row, heading):
        assert ">not announced</span>" in part
        assert "live" not in part
    assert ">live</span>" in listed


def counted_of_all(gone: list[str]) -> list[str]:
    """What was read of the tables that grow with each message, from one end to the other."""
    return [one for one in gone if one.split()[1] in {"enrolments", "messages"}]


@pytest.mark.parametrize("path", ["win_back", "win_back/figures"])
def test_a_campaigns_page_counts_no_other_campaign(browser: Browser, path: str) -> None:
    """It is asked for every ten seconds, and costs as much as the campaign has sent, not as all of them have."""
    with gone_through(browser.asker.app.state.reception.database) as read:
        assert "in flight" in browser("GET", f"/staff/campaigns/{path}").text
    assert counted_of_all(read) == []


def test_a_search_of_the_inbox_stands_in_no_address(browser: Browser) -> None:
    """It is sent as a form, and kept under a name of chance: so its channels and pages have addresses to go back to."""
    browser("GET", "/staff/inbox")
    led = browser.send("/staff/inbox", words="dora@example.com", kind="email").headers["location"]
    assert "dora" not in led
    page = browser("GET", f"/staff/{led.partition('staff/')[2]}").text
    assert 'value="dora@example.com"' in page
    assert page.count('<span class="subject"') == 1
    assert "dora" not in "".join(re.findall(r'href="([^"]*)"', page))
    assert "forgotten" in browser("GET", "/staff/inbox?search=unknown").text


def test_only_what_lies_in_the_outbox_can_be_read(browser: Browser, project: Settings) -> None:
    """The contact's page leads to mails and texts alike, each to its own page and back; not to what left for real."""
    database = Database(project.store_url)
    names = ("ada", "shirin", "bob")
    with database.write() as tx:
        ids = {
            name: messages.listed(tx, contact=name, campaign="win_back", status="sent", limit=1)[0] for name in names
        }
        contacts = {name: previewed.contact_id(tx, name) for name in names}
        tx.execute(text("UPDATE messages SET channel = 'sms' WHERE id = :id"), {"id": ids["shirin"].id})
    database.close()
    with (project.outbox / "sms.jsonl").open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"id": ids["shirin"].id, "to": "+447700900123", "text": "Hello"}) + "\n")
    mail = project.outbox / "mail" / f"{ids['bob'].id}.eml"
    hidden = mail.rename(mail.with_suffix(".hidden"))
    pages = {name: browser("GET", f"/staff/contacts/{contacts[name]}").text for name in names}
    hidden.rename(mail)
    assert f'../staff/inbox/mail/{ids["ada"].id}"' in pages["ada"]
    assert f'../staff/inbox/sms/{ids["shirin"].id}"' in pages["shirin"]
    for name, kind in (("ada", "mail"), ("shirin", "sms")):
        page = browser("GET", f"/staff/inbox/{kind}/{ids[name].id}").text
        assert 'staff/campaigns/win_back">win_back</a> / news, <a href=' in page
        assert f'staff/contacts/{contacts[name]}">the contact</a>' in page
    assert "sent: win_back" in pages["bob"]
    assert "read it" not in pages["bob"]


def test_parts_of_pages_start_from_the_page(browser: Browser, project: Settings) -> None:
    """Under a proxy's folder too, what htmx puts into a page leads where the page itself did."""
    database = Database(project.store_url)
    with database.read() as tx:
        dora = previewed.contact_id(tx, "dora")
    database.close()
    for page, part, wanted in (
        ("campaigns/win_back", "figures", r'hx-get="([^"]+)'),
        (f"contacts/{dora}", "timeline", r'href="([^"]+/inbox/mail/[^"]+)'),
    ):
        whole, alone = (browser("GET", f"/staff/{path}").text for path in (page, f"{page}/{part}"))
        assert re.findall(wanted, whole) == re.findall(wanted, alone) != []


@pytest.mark.parametrize(
    "path", ["contacts/99999999999999999999999", "contacts/0", "contacts/abc", "inbox?before=x", "inbox/mail/x"]
)
def test_an_address_that_cannot_be_leads_nowhere(browser: Browser, path: str) -> None:
    """It is answered by a page, whatever is wrong with it."""
    answer = browser("GET", f"/staff/{path}")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


def test_a_fault_in_a_file_is_shown_and_mended(browser: Browser, project: Settings) -> None:
    """Campaign pages say what is wrong, with file and line, until it is right again; contacts are seen meanwhile."""
    file = project.config / "campaigns" / "feedback.yaml"
    right = file.read_text(encoding="utf-8")
    looked = browser.asker.app.state.desk.projects
    file.write_text(right.replace("status:", "statuss:", 1), encoding="utf-8")
    looked._configuration._looked = 0.0
    page = browser("GET", "/staff/campaigns")
    assert page.status_code == 503
    assert "feedback.yaml" in page.text
    assert browser("GET", "/staff/contacts").status_code == 200
    file.write_text(right, encoding="utf-8")
    looked._configuration._looked = 0.0
    assert browser("GET", "/staff/campaigns/win_back").status_code == 200
