"""One customer from sign-up to a bad parcel and back, with everything that is shipped and nothing that is faked."""

from __future__ import annotations

import email
import email.policy
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from itertools import count
from urllib.parse import urlencode, urlsplit

import pytest

from clm.domain.instant import DAY_MS, HOUR_MS, to_ms
from clm.domain.record import ContactRecord, EventRecord
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.engine.profile import refresh
from clm.engine.stream import stream
from clm.engine.surveys import resolve
from clm.engine.workspace import Workspace
from clm.store import messages
from clm.web.app import create_app
from tests.engine.shop import Shop, order
from tests.web.asking import Asker, contact_id

pytestmark = pytest.mark.slow

SIGNED_UP = to_ms(datetime(2026, 3, 2, 10, tzinfo=UTC))
"""A Monday."""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Town:
    """The shop, its mailboxes and its pages, as time goes on."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.shop = Shop(workspace.database, source="demo")
        self.now = SIGNED_UP
        self.web = Asker(create_app(workspace.settings, lambda: self.now))
        self._ids = count(1)

    def lifecycle(self, at: int) -> None:
        """What the scheduler does every few minutes, once: profiles, campaigns, dispatch."""
        self.now = at
        database, journeys = self.workspace.database, self.workspace.journeys
        refresh(database, now=at)
        for campaign in journeys.live():
            enrol(database, journeys, campaign, now=at)
            advance(database, journeys, campaign, now=at)
        stream(self.workspace.dispatcher(now=at, clock=lambda: at), stopping=lambda: False)

    def happens(self, name: str, **properties: str | int) -> None:
        """The shop tells something that negar did at this moment."""
        said = json.dumps(properties, sort_keys=True)
        self.shop.tell(EventRecord(f"e{next(self._ids)}", "negar", name, self.now, said), now=self.now)

    @property
    def number(self) -> int:
        """How our own tables call negar."""
        return contact_id(self.workspace.database, "negar")

    def mails(self) -> list[EmailMessage]:
        """What the local outbox holds, oldest first."""
        paths = sorted((self.workspace.settings.outbox / "mail").glob("*.eml"))
        read = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]
        return [one for one in read if isinstance(one, EmailMessage)]

    def stands(self, campaign: str) -> dict[str, tuple[str, str | None]]:
        """Status and reason of each message of a campaign, by step."""
        with self.workspace.database.read() as tx:
            rows = messages.listed(tx, contact="negar", campaign=campaign, status=None, limit=None)
        return {row.step: (row.status, row.reason) for row in rows}


@pytest.fixture
def town(workspace: Workspace) -> Iterator[Town]:
    """Everything as it is shipped, on an empty database."""
    found = Town(workspace)
    yield found
    found.web.close()


def _text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def test_from_sign_up_to_a_bad_parcel_and_back(town: Town) -> None:
    """Welcome, order, survey by link, low mark, a task for the team, promotions held, put right, promotions again."""
    person = ContactRecord(
        "negar",
        email="negar@example.com",
        first_name="نگار",
        locale="fa",
        zone="Europe/London",
        signed_up_at=SIGNED_UP,
        email_consent=True,
        consent_at=SIGNED_UP,
    )
    town.shop.tell(person, now=SIGNED_UP)
    town.lifecycle(SIGNED_UP + HOUR_MS)
    (welcome,) = town.mails()
    assert welcome["To"].addresses[0].addr_spec == "negar@example.com"
    assert "نگار" in str(welcome["Subject"])
    assert welcome["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    town.now = SIGNED_UP + DAY_MS
    town.shop.tell(order("A-1", "negar", at=town.now, amount=2_450), now=town.now)
    town.now = SIGNED_UP + 3 * DAY_MS
    town.happens("order_delivered", order_id="A-1")
    town.lifecycle(SIGNED_UP + 3 * DAY_MS + HOUR_MS)
    assert town.stands("first_purchase") == {"thanks": ("sent", None)}
    assert town.stands("welcome") == {"hello": ("sent", None)}

    town.lifecycle(SIGNED_UP + 4 * DAY_MS + 4 * HOUR_MS)
    asking = town.mails()[-1]
    assert town.stands("feedback") == {"rating": ("sent", None)}
    (worst,) = re.findall(r"http\S+/s/\S+\?a=1\b", _text(asking))
    page = town.web("GET", f"{urlsplit(worst).path}?a=1")
    assert 'dir="rtl"' in page.text
    assert re.search(r'value="1" id="mark-1" required checked', page.text)
    town.lifecycle(SIGNED_UP + 4 * DAY_MS + 5 * HOUR_MS)
    assert town.stands("feedback_low") == {}

    answer = urlencode({"score": "1", "comment": "قوطی شکسته بود"})
    assert town.web("POST", urlsplit(worst).path, content=answer, headers=FORM).status_code == 200
    town.lifecycle(SIGNED_UP + 4 * DAY_MS + 6 * HOUR_MS)
    task = town.mails()[-1]
    assert task["To"].addresses[0].addr_spec == town.workspace.project.brand.team.email
    assert "negar" in str(task["Subject"])
    assert town.stands("feedback_low") == {"alert": ("sent", None)}

    town.lifecycle(SIGNED_UP + 7 * DAY_MS)
    assert town.stands("feedback_low") == {"alert": ("sent", None), "overdue": ("sent", None)}
    town.now = SIGNED_UP + 8 * DAY_MS
    town.happens("cart_updated", cart_id="c1", value=1_200)
    town.lifecycle(SIGNED_UP + 8 * DAY_MS + 6 * HOUR_MS)
    assert town.stands("abandoned_cart") == {"help": ("queued", "open ticket: promotions wait")}
    sent = len(town.mails())

    assert resolve(town.workspace.database, town.number, by="sam", now=SIGNED_UP + 8 * DAY_MS + 7 * HOUR_MS)
    town.lifecycle(SIGNED_UP + 8 * DAY_MS + 13 * HOUR_MS)
    assert town.stands("abandoned_cart") == {"help": ("sent", None)}
    assert len(town.mails()) == sent + 1
    assert "سبد" in _text(town.mails()[-1])


def test_what_is_put_right_at_once_alerts_nobody(town: Town) -> None:
    """A low mark of the shop's own file, resolved before the next tick; the next low mark alerts the team."""
    person = ContactRecord("negar", email="negar@example.com", email_consent=True, consent_at=SIGNED_UP)
    town.shop.tell(person, now=SIGNED_UP)
    town.shop.tell(order("A-1", "negar", at=SIGNED_UP), now=SIGNED_UP)
    town.now = SIGNED_UP + DAY_MS
    town.happens("survey_answered", survey="rating", score=1)
    assert resolve(town.workspace.database, town.number, by="sam", now=town.now + 1) == ["rating 1 from demo e1"]
    for hours in (1, 24, 49, 73):
        town.lifecycle(SIGNED_UP + DAY_MS + hours * HOUR_MS)
    assert town.stands("feedback_low") == {}
    town.now = SIGNED_UP + 5 * DAY_MS
    town.happens("survey_answered", survey="rating", score=2)
    town.lifecycle(SIGNED_UP + 5 * DAY_MS + HOUR_MS)
    assert town.stands("feedback_low") == {"alert": ("sent", None)}


def test_from_the_form_to_the_welcome(town: Town) -> None:
    """Sign-up on a page, the letter's own link, its button, and the welcome that this begins: she is not held out."""
    said = urlencode({"email": "Shirin@Example.com", "first_name": "شیرین", "agree": "yes"})
    answer = town.web("POST", "/join", content=said, headers=FORM | {"Accept-Language": "fa"})
    assert answer.status_code == 200
    town.lifecycle(SIGNED_UP)
    (letter,) = town.mails()
    assert letter["To"].addresses[0].addr_spec == "Shirin@example.com"
    (link,) = set(re.findall(r"http\S+/c/\S+", _text(letter)))
    assert 'dir="rtl"' in town.web("GET", urlsplit(link).path).text
    assert town.web("POST", urlsplit(link).path, headers=FORM).status_code == 200
    town.lifecycle(SIGNED_UP + HOUR_MS)
    assert [one["To"].addresses[0].addr_spec for one in town.mails()] == ["Shirin@example.com"] * 2
    assert "List-Unsubscribe" in town.mails()[-1]
