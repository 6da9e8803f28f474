"""Nothing leaves this machine unless CLM_LIVE=1 and there is a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from clm.channels.connect import connect
from clm.config import load_configuration
from clm.errors import ConfigurationError
from clm.settings import Settings
from tests.conftest import PROJECT

KEYS = {
    "SENDGRID_API_KEY": "SG.0123456789abcdefghij",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "0123456789abcdef0123456789abcdef",
}


@pytest.mark.parametrize("keys", [{}, KEYS])
@pytest.mark.parametrize("live", [None, "0", "1"])
def test_it_takes_both(live: str | None, keys: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the shipped policy: neither, one, the other, both; only both is live, and live without a key is refused."""
    monkeypatch.chdir(tmp_path)
    for name in ("CLM_LIVE", "CLM_DATABASE_URL", *KEYS):
        monkeypatch.delenv(name, raising=False)
    if live is not None:
        monkeypatch.setenv("CLM_LIVE", live)
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    routes = load_configuration(PROJECT / "config").policy.delivery.routes
    if live == "1" and not keys:
        with pytest.raises(ConfigurationError, match="SENDGRID_API_KEY"):
            connect(Settings(), routes)
        return
    channels = connect(Settings(), routes)
    both = live == "1"
    assert {channels["email"].name, channels["sms"].name} == ({"sendgrid", "twilio"} if both else {"outbox"})
    assert channels["email"].live is channels["sms"].live is both
    assert any(channel.live for channel in channels.values()) is both
