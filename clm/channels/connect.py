"""Which channel carries what: the routes of config/policy.yaml where sending is live, the local outbox otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from clm.channels.loopback import is_loopback
from clm.channels.outbox import Outbox
from clm.channels.protocol import Channel
from clm.domain.content import CHANNELS, ChannelName
from clm.domain.delivery import Limits, Provider, Route
from clm.errors import ConfigurationError, Fault
from clm.settings import Settings

# Providers are imported where they are made: their libraries take a quarter of a second, which no command pays that
# sends nothing.

_PLACEHOLDER = re.compile(
    r"change.?me|placeholder|example|your.?(?:api|key|secret|token|sid|password)|x{6,}|\.{3}|…|<.*>|^(?:key|secret|token|password|todo|test)$",
    re.IGNORECASE,
)
_ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_SECRET_CHARACTERS_MIN = 16


def connect(settings: Settings, routes: Mapping[str, Route]) -> dict[ChannelName, Channel]:
    """A channel for everything a campaign can send by; raises ConfigurationError naming every variable that is missing.

    Nothing leaves this machine without CLM_LIVE=1. Routes that ask for the same share their connections and their pace.
    """
    channels: dict[ChannelName, Channel] = dict.fromkeys(CHANNELS, cast("Channel", Outbox(settings.outbox)))
    if not settings.live:
        return channels
    made: dict[tuple[Provider, Limits, str | None], Channel] = {}
    faults: list[Fault] = []
    for name in CHANNELS:
        route = routes.get(name, Route())
        if route.by == "outbox":
            continue
        key = (route.by, route.limits, route.url)
        try:
            channels[name] = made[key] = made.get(key) or _MAKERS[route.by](settings, route)
        except ConfigurationError as error:
            faults += [
                Fault(fault.file, f"{fault.message} (for `{name}: {{by: {route.by}}}`)") for fault in error.faults
            ]
    if faults:
        raise ConfigurationError(faults)
    return channels


def _sendgrid(settings: Settings, route: Route) -> Channel:
    from clm.channels.sendgrid import SendGrid  # noqa: PLC0415 - see above

    key = _key("SENDGRID_API_KEY", settings.sendgrid_api_key)
    return SendGrid(key, api_url=_api_url("SENDGRID_API_URL", settings.sendgrid_api_url), limits=route.limits)


def _twilio(settings: Settings, route: Route) -> Channel:
    from clm.channels.twilio import Twilio  # noqa: PLC0415 - see above

    faults: list[Fault] = []
    sid = settings.twilio_account_sid or ""
    if not _ACCOUNT_SID.fullmatch(sid):
        faults.append(Fault("TWILIO_ACCOUNT_SID", "is not AC and 32 hexadecimal digits" if sid else "is not set"))
    try:
        token = _key("TWILIO_AUTH_TOKEN", settings.twilio_auth_token)
        api_url = _api_url("TWILIO_API_URL", settings.twilio_api_url)
    except ConfigurationError as error:
        raise ConfigurationError(faults + error.faults) from None
    if faults:
        raise ConfigurationError(faults)
    return Twilio(sid, token, api_url=api_url, public_url=settings.public_url, limits=route.limits)


def _smtp(settings: Settings, route: Route) -> Channel:
    from clm.channels.signing import read_dkim_key  # noqa: PLC0415 - see above
    from clm.channels.smtp import Smtp, read_server  # noqa: PLC0415 - see above

    server = read_server(_key("SMTP_URL", settings.smtp_url, secret=False))
    if _PLACEHOLDER.search(server.password or ""):
        raise ConfigurationError([Fault("SMTP_URL", "holds a placeholder, not a password")])
    dkim = None
    if settings.dkim_key is not None:
        dkim = read_dkim_key(settings.dkim_key, settings.dkim_selector or "")
    elif settings.dkim_selector is not None:
        raise ConfigurationError([Fault("CLM_DKIM_KEY", "is not set, but CLM_DKIM_SELECTOR is")])
    return Smtp(server, limits=route.limits, dkim=dkim)


def _webhook(settings: Settings, route: Route) -> Channel:
    from clm.channels.webhook import Webhook  # noqa: PLC0415 - see above

    secret = _key("CLM_WEBHOOK_SECRET", settings.webhook_secret)
    return Webhook(_api_url("config/policy.yaml", route.url or ""), secret, limits=route.limits)


_MAKERS: Mapping[Provider, Callable[[Settings, Route], Channel]] = {
    "sendgrid": _sendgrid,
    "twilio": _twilio,
    "smtp": _smtp,
    "webhook": _webhook,
}


def _key(variable: str, given: SecretStr | None, *, secret: bool = True) -> SecretStr:
    """A secret that can be one; never quoted."""
    value = given.get_secret_value() if given is not None else ""
    problem = None
    if not value.strip():
        problem = "is not set"
    elif not value.isascii() or not value.isprintable() or " " in value:
        problem = "holds a character that no key has"
    elif secret and _PLACEHOLDER.search(value):
        problem = "holds a placeholder, not a key"
    elif secret and len(value) < _SECRET_CHARACTERS_MIN:
        problem = f"has fewer than {_SECRET_CHARACTERS_MIN} characters, which no key has"
    if problem:
        raise ConfigurationError([Fault(variable, problem)])
    return SecretStr(value)


def _api_url(variable: str, url: str) -> str:
    """A URL to which a key may go: encrypted, or this machine's own."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None
    if parts is None or not parts.hostname or parts.username or parts.scheme not in {"https", "http"}:
        raise ConfigurationError([Fault(variable, "is not a URL such as https://api.example.com")])
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigurationError([Fault(variable, "is not encrypted; a key goes to https:// alone")])
    return url
