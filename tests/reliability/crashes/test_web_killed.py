"""The web application killed while a provider tells it of messages: told again, everything is there once."""

from __future__ import annotations

import http.client
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

import pytest

from benchmarks.fake_events import Webhook, sendgrid_webhooks
from clm.faults import FaultPoint
from tests.databases import _free_port
from tests.engine.together import WAIT_SECONDS_MAX, end_of, started
from tests.reliability.crashes.acting import Fate, dispatch_all, serve
from tests.reliability.crashes.scene import PEOPLE, Scene

pytestmark = pytest.mark.slow

POINTS = (FaultPoint.EVENTS_CHECKED, FaultPoint.INSIDE_EVENTS, FaultPoint.EVENTS_COMMITTED)
KINDS = ("processed", "delivered")


@pytest.mark.parametrize("point", POINTS)
def test_events_are_stored_once_and_none_is_lost(scene: Scene, point: FaultPoint) -> None:
    """Signed events, each told three times in any order; killed before, inside and after the commit, told again."""
    scene.provider.behave(answers={"error_after": 1.0})
    with started(dispatch_all, [(scene.stage,)]) as processes:
        assert end_of(processes) == [0]
    assert scene.counts() == {"in_doubt": PEOPLE}
    port = _free_port()
    url = f"http://127.0.0.1:{port}/webhooks/sendgrid"
    now = scene.stage.clock()
    webhooks = sendgrid_webhooks(scene.provider.accepted(), url, scene.key, kinds=KINDS, repeats=3, seed=1, now=now)
    with started(serve, [(scene.stage, port, Fate(point, 1))]) as doomed:
        _wait_until_ready(port)
        assert _told(webhooks) == [None] * len(webhooks)  # nobody lived to acknowledge them
        assert end_of(doomed) == [-signal.SIGKILL]
    with started(serve, [(scene.stage, port)]):
        _wait_until_ready(port)
        assert _told(webhooks) == [204] * len(webhooks)
        assert _told(webhooks) == [204] * len(webhooks)
    expected = sorted(f"{one.id}-{kind}" for one in scene.provider.accepted() for kind in KINDS)
    assert len(expected) == PEOPLE * len(KINDS)
    assert scene.told() == expected
    assert scene.counts() == {"sent": PEOPLE}
    scene.judge()


def _told(webhooks: Sequence[Webhook]) -> list[int | None]:
    """The status of each answer; None where none came."""
    return [_post(webhook) for webhook in webhooks]


def _post(webhook: Webhook) -> int | None:
    request = urllib.request.Request(webhook.url, webhook.body, dict(webhook.headers))
    try:
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS_MAX) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, http.client.HTTPException):
        return None


def _wait_until_ready(port: int) -> None:
    patience = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < patience:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5):
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
    raise TimeoutError("the web application never answered")
