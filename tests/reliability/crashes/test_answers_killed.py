"""The web application killed while it records what somebody answers: they answer again, and it is there once."""

from __future__ import annotations

import contextlib
import http.client
import re
import signal
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import pytest
import uvicorn
from pydantic import SecretStr
from sqlalchemy import func, select
from twilio.request_validator import RequestValidator

from benchmarks.fake_provider import FakeProvider
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.record import ContactRecord
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.engine.signed_links import links_of
from clm.settings import Settings
from clm.store.database import Database
from clm.store.schema import messages, replies
from clm.web.app import create_app
from tests.databases import _free_port
from tests.engine.asked import ask, told
from tests.engine.shop import Shop
from tests.engine.together import WAIT_SECONDS_MAX, end_of, started
from tests.reliability.crashes.acting import mark_of
from tests.reliability.crashes.moments import Written, die
from tests.reliability.crashes.scene import CAMPAIGN, Scene, Stage, lay_out
from tests.reliability.crashes.test_web_killed import _wait_until_ready

pytestmark = pytest.mark.slow

Way = Literal["page", "sms"]
TOKEN = "a token of Twilio's"
NUMBER = "+447700900123"
FOLLOW_UP = CAMPAIGN.replace(
    "{when: order_count >= 1, once_per: contact}", "{when: open_tickets > 0, once_per: last('survey_answered')}"
)
MOMENTS = ("INSERT INTO profiles", "answered")
"""The answer, its ticket and what the profile says of them are written; all is committed, and nobody has heard."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody who was asked, and how they answer."""

    scene: Scene
    way: Way
    message: int

    def answer(self, port: int, *, sid: str = "SM1") -> str | None:
        """Answer with the lowest mark; what is said to that, or None where nobody lives to say anything."""
        stage = self.scene.stage
        if self.way == "page":
            address, form = links_of(_settings(stage)).survey(self.message), {"score": "1", "comment": "Cold tea"}
        else:
            address = f"{_settings(stage).public_url}/webhooks/twilio/inbound"
            form = {"MessageSid": sid, "From": NUMBER, "To": "+15005550006", "Body": "1"}
        signature = RequestValidator(TOKEN).compute_signature(address, form)
        path = address.removeprefix(_settings(stage).public_url)
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", urlencode(form).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS_MAX) as answer:
                said: str = answer.read().decode()
                return said
        except urllib.error.HTTPError:
            raise
        except (OSError, http.client.HTTPException):
            return None

    def follow_up(self) -> None:
        """What the next scheduled run decides on."""
        with self.scene.workspace() as workspace:
            now = self.scene.stage.clock()
            (campaign,) = workspace.journeys.live()
            enrol(workspace.database, workspace.journeys, campaign, now=now)
            advance(workspace.database, workspace.journeys, campaign, now=now)

    def counts(self) -> dict[str, int]:
        """How many answers, tickets, follow-ups and kept SMS there are."""
        with contextlib.closing(Database(self.scene.stage.url)) as database:
            answers, tickets = (len(told(database, name)) for name in ("survey_answered", "ticket_opened"))
            with database.read() as tx:
                count = select(func.count())
                follow_ups = tx.scalar(count.select_from(messages).where(messages.c.campaign == "nudge")) or 0
                sms = tx.scalar(count.select_from(replies)) or 0
        return {"answers": answers, "tickets": tickets, "follow-ups": follow_ups, "sms": sms}


@pytest.fixture(params=["page", "sms"])
def asked(request: pytest.FixtureRequest, tmp_path: Path, database_url: str, provider: FakeProvider) -> Asked:
    """Somebody who was asked an hour ago; a low mark is followed up by a letter."""
    scene = lay_out(tmp_path, database_url, provider)
    (tmp_path / "config" / "campaigns" / "nudge.yaml").write_text(FOLLOW_UP)
    now = scene.stage.now
    with scene.workspace() as workspace:
        said: dict[str, Any] = {"email_consent": True, "signed_up_at": now - 100 * DAY_MS}
        Shop(workspace.database).tell(ContactRecord("c0", email="c0@example.com", phone=NUMBER, **said), now=now)
        channel = "email" if request.param == "page" else "sms"
        message = ask(workspace.database, "c0", channel=channel, at=now - HOUR_MS)
    found = Asked(scene, request.param, message)
    found.follow_up()
    return found


@pytest.mark.parametrize("moment", MOMENTS)
def test_who_answers_again_has_answered_once(asked: Asked, moment: str) -> None:
    """One answer, one ticket, one follow-up, however the one before ended; and they are thanked for it at last."""
    stage, port = asked.scene.stage, _free_port()
    with started(serve_until, [(stage, port, moment)]) as doomed:
        _wait_until_ready(port)
        assert asked.answer(port) is None
        assert end_of(doomed) == [-signal.SIGKILL]
    assert mark_of(stage, "web").exists()
    kept, sms = int(moment == "answered"), int(asked.way == "sms")
    asked.follow_up()
    assert asked.counts() == {"answers": kept, "tickets": kept, "follow-ups": kept, "sms": kept * sms}
    with started(serve_until, [(stage, port, None)]):
        _wait_until_ready(port)
        thanks = asked.answer(port) or ""
        assert re.search("<Message>.+</Message>" if sms else 'role="status"', thanks), thanks
        asked.follow_up()
        assert asked.answer(port, sid="SM2")
    asked.follow_up()
    assert asked.counts() == {"answers": 1, "tickets": 1, "follow-ups": 1, "sms": 2 * sms}


def serve_until(stage: Stage, port: int, moment: str | None) -> None:
    """The web application of a shop that sends SMS too; killed at the moment, the first time that it comes."""
    mark = mark_of(stage, "web")
    app: Any = create_app(_settings(stage), stage.clock)
    if moment == "answered":
        app = _killed_before_it_answers(app, mark)
    elif moment is not None:
        Written(moment).await_it(mark)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical")


def _killed_before_it_answers(app: Any, mark: Path) -> Any:
    async def doomed(scope: Any, receive: Any, send: Any) -> None:
        async def answer(message: Any) -> None:
            if scope["method"] == "POST" and message["type"] == "http.response.start":
                die(mark)
            await send(message)

        await app(scope, receive, answer if scope["type"] == "http" else send)

    return doomed


def _settings(stage: Stage) -> Settings:
    return stage.settings.model_copy(update={"twilio_auth_token": SecretStr(TOKEN)})
