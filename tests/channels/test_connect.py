"""What may leave this machine: only what is live, routed, and has a key that is one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from clm.channels.connect import connect
from clm.domain.content import CHANNELS
from clm.domain.delivery import Limits, Route
from clm.errors import ConfigurationError
from clm.settings import Settings

KEY = "SG.3fA9.0123456789abcdef"
SID = "AC" + "0123456789abcdef" * 2
ROUTES = {
    "email": Route("sendgrid", Limits(at_once=128)),
    "sms": Route("twilio"),
    "staff": Route("webhook", url="https://hooks.shop.example/T0"),
    "webhook": Route("outbox"),
}
KEYS: dict[str, Any] = {
    "sendgrid_api_key": KEY,
    "twilio_account_sid": SID,
    "twilio_auth_token": "0123456789abcdef" * 2,
    "smtp_url": "smtp://shop:pw@mail.shop.example",
    "webhook_secret": "whsec-0123456789abcdef",
}


def settings(home: Path, **changes: Any) -> Settings:
    """Settings of somebody who is live and has every key; changed as told, and blind to the environment."""
    unset = ("database_url", "secret_keys", "sendgrid_webhook_key", "dkim_key", "dkim_selector")
    values: dict[str, Any] = dict.fromkeys(unset)
    fixed = {"sendgrid_api_url": "https://api.sendgrid.com", "twilio_api_url": "https://api.twilio.com"}
    return Settings(**(values | fixed | KEYS | {"home": home, "live": True} | changes))


def carriers(home: Path, routes: dict[str, Route], **changes: Any) -> dict[str, str]:
    """Who carries what."""
    return {name: channel.name for name, channel in connect(settings(home, **changes), routes).items()}


def test_nothing_leaves_without_clm_live(tmp_path: Path) -> None:
    """Keys and routes alone send nothing: every channel is the local outbox."""
    channels = connect(settings(tmp_path, live=False), ROUTES)
    assert list(channels) == list(CHANNELS)
    assert {(channel.name, channel.live) for channel in channels.values()} == {("outbox", False)}


def test_live_follows_the_routes(tmp_path: Path) -> None:
    """Each channel goes by whom the policy names, with its limits; one without a route stays here."""
    channels = connect(settings(tmp_path), ROUTES)
    assert {name: channel.name for name, channel in channels.items()} == {
        "email": "sendgrid", "sms": "twilio", "staff": "webhook", "webhook": "outbox",
    }  # fmt: skip
    assert channels["email"].limits == Limits(at_once=128)
    assert {channel.live for channel in channels.values() if channel.name != "outbox"} == {True}
    assert [name for name, channel in channels.items() if channel.idempotent] == ["staff", "webhook"]
    assert carriers(tmp_path, {"email": Route("smtp")})["email"] == "smtp"
    assert set(carriers(tmp_path, {}).values()) == {"outbox"}


def test_routes_that_ask_for_the_same_share_it(tmp_path: Path) -> None:
    """Mail and alerts by one provider keep one pace together; with limits of their own they do not."""
    same = connect(settings(tmp_path), {"email": Route("sendgrid"), "staff": Route("sendgrid")})
    assert same["email"] is same["staff"]
    own = connect(settings(tmp_path), {"email": Route("sendgrid"), "staff": Route("sendgrid", Limits(at_once=4))})
    assert own["email"] is not own["staff"]


def test_every_missing_key_is_named_at_once(tmp_path: Path) -> None:
    """Live with routes and no keys is refused, with each variable and the route that asks for it."""
    with pytest.raises(ConfigurationError) as caught:
        connect(settings(tmp_path, **dict.fromkeys(KEYS)), ROUTES)
    assert [str(fault) for fault in caught.value.faults] == [
        "SENDGRID_API_KEY: is not set (for `email: {by: sendgrid}`)",
        "TWILIO_ACCOUNT_SID: is not set (for `sms: {by: twilio}`)",
        "TWILIO_AUTH_TOKEN: is not set (for `sms: {by: twilio}`)",
        "CLM_WEBHOOK_SECRET: is not set (for `staff: {by: webhook}`)",
    ]


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "changeme", "SG.xxxxxxxxxxxxxxxxxxxx", "your-api-key-goes-here", "<your key, please>",
        "example-key-0123456789", "SG....................", "placeholder-placeholder", "short",
        "with a space 0123456789", "with\na-line-0123456789", "ключ-0123456789abcdef",
    ],
)  # fmt: skip
def test_placeholders_are_no_keys(tmp_path: Path, value: str) -> None:
    """What stands in examples, or cannot be a key, is refused by name and never quoted."""
    for variable, name, route in (
        ("SENDGRID_API_KEY", "sendgrid_api_key", {"email": Route("sendgrid")}),
        ("TWILIO_AUTH_TOKEN", "twilio_auth_token", {"sms": Route("twilio")}),
        ("CLM_WEBHOOK_SECRET", "webhook_secret", {"webhook": Route("webhook", url="https://hooks.shop.example")}),
    ):
        with pytest.raises(ConfigurationError, match=variable) as caught:
            connect(settings(tmp_path, **{name: SecretStr(value)}), route)
        assert not value.strip() or value not in str(caught.value)


@pytest.mark.parametrize("password", ["password", "changeme", "your-password", "%3Cpassword%3E"])
def test_a_placeholder_is_no_password(tmp_path: Path, password: str) -> None:
    """The address of a mail server as it stands in examples, our own among them, is refused."""
    with pytest.raises(ConfigurationError, match="SMTP_URL: holds a placeholder"):
        connect(settings(tmp_path, smtp_url=f"smtp://user:{password}@mail.shop.example"), {"email": Route("smtp")})


@pytest.mark.parametrize("sid", ["AC1", "ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", SID + "/../x", SID.replace("AC", "SK")])
def test_an_account_is_one(tmp_path: Path, sid: str) -> None:
    """AC and 32 hexadecimal digits; it stands in every URL."""
    with pytest.raises(ConfigurationError, match="TWILIO_ACCOUNT_SID"):
        connect(settings(tmp_path, twilio_account_sid=sid), {"sms": Route("twilio")})


@pytest.mark.parametrize(
    "url", ["http://api.sendgrid.com", "ftp://x", "", "https://", "https://me@api.sendgrid.com", "//x", "https://["]
)
def test_a_key_goes_encrypted_or_nowhere(tmp_path: Path, url: str) -> None:
    """Another URL must be https, unless it is this machine's own."""
    for variable, changes, routes in (
        ("SENDGRID_API_URL", {"sendgrid_api_url": url}, {"email": Route("sendgrid")}),
        ("TWILIO_API_URL", {"twilio_api_url": url}, {"sms": Route("twilio")}),
        ("policy.yaml", {}, {"webhook": Route("webhook", url=url)}),
    ):
        with pytest.raises(ConfigurationError, match=variable):
            connect(settings(tmp_path, **changes), routes)
    here = {"email": Route("sendgrid")}
    assert carriers(tmp_path, here, sendgrid_api_url="http://127.0.0.1:8025")["email"] == "sendgrid"
    assert carriers(tmp_path, here, sendgrid_api_url="https://api.eu.sendgrid.com")["email"] == "sendgrid"


def test_a_signature_needs_key_and_selector(tmp_path: Path) -> None:
    """One without the other signs nothing, and says so."""
    by_smtp = {"email": Route("smtp")}
    with pytest.raises(ConfigurationError, match="CLM_DKIM_KEY: is not set"):
        connect(settings(tmp_path, dkim_selector="s1"), by_smtp)
    with pytest.raises(ConfigurationError, match="CLM_DKIM_SELECTOR"):
        connect(settings(tmp_path, dkim_key=tmp_path / "dkim.pem"), by_smtp)
    with pytest.raises(ConfigurationError, match="SMTP_URL"):
        connect(settings(tmp_path, smtp_url=None), by_smtp)


def test_whoever_sends_nothing_loads_no_provider() -> None:
    """Until sending is live no command waits for the providers' libraries."""
    program = (
        "import sys; import clm.channels.connect;"
        " print([name for name in ('aiohttp', 'sendgrid', 'twilio', 'dkim') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"
