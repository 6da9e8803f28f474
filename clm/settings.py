"""What the environment decides: where things lie and the secrets. Behaviour lies in config/ (clm.config)."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from pydantic import Field, ModelWrapValidatorHandler, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from clm.errors import ConfigurationError, Fault

_PUBLIC_URL = re.compile(r"https?://[^\s/?#@\"'<>,]+(?:/[^\s?#\"'<>,]*)?")


def _user_cache() -> Path:
    """Where programs keep what can be made again (XDG Base Directory); in the project where there is no home."""
    given = os.environ.get("XDG_CACHE_HOME")
    if given:
        return Path(given) / "clm"
    try:
        return Path.home() / ".cache" / "clm"
    except RuntimeError:
        return Path(".clm") / "cache"


class Settings(BaseSettings):
    """Read once at the edges (command line, tasks) and handed on; raises ConfigurationError naming each variable."""

    model_config = SettingsConfigDict(env_prefix="CLM_", extra="ignore", frozen=True, populate_by_name=True)

    home: Path = Path(".clm")
    """Embedded database, local outbox, demo files, Prefect's own home."""

    database_url: SecretStr | None = None
    """`sqlite:///…` or `postgresql://…`; unset means SQLite in `home`. Secret because it may hold a password."""

    cache: Path = Field(default_factory=_user_cache)
    """Where compiled templates are kept between commands; may be emptied at any time."""

    config: Path = Path("config")
    templates: Path = Path("templates")

    public_url: str = "http://127.0.0.1:8080"
    """Where customers reach the web application; every link in a message starts with it."""

    secret_keys: SecretStr | None = None
    """Signing keys for links, newest first, separated by commas; unset means one made once and kept in `home`."""

    test_to: str = ""
    """Addresses and numbers that the staff pages may send tests to beside the brand's own, separated by commas."""

    live: bool = False
    """Messages leave this machine only when this is set and the provider has its key; otherwise to the outbox."""

    sendgrid_api_key: SecretStr | None = Field(default=None, validation_alias="SENDGRID_API_KEY")
    sendgrid_api_url: str = Field(default="https://api.sendgrid.com", validation_alias="SENDGRID_API_URL")
    sendgrid_webhook_key: SecretStr | None = Field(default=None, validation_alias="SENDGRID_WEBHOOK_KEY")
    """The public key, as SendGrid shows it, that its event webhook is signed for; without it events are refused."""

    twilio_account_sid: str | None = Field(default=None, validation_alias="TWILIO_ACCOUNT_SID")
    twilio_auth_token: SecretStr | None = Field(default=None, validation_alias="TWILIO_AUTH_TOKEN")
    """Signs in to Twilio, and its webhooks are signed with it; without it they are refused."""
    twilio_api_url: str = Field(default="https://api.twilio.com", validation_alias="TWILIO_API_URL")

    smtp_url: SecretStr | None = Field(default=None, validation_alias="SMTP_URL")
    """`smtp://user:password@host:587` (STARTTLS where offered) or `smtps://…:465`."""
    dkim_key: Path | None = None
    """A PEM file with the private RSA or Ed25519 key that mail over SMTP is signed with; SendGrid signs by itself."""
    dkim_selector: str | None = None
    """The selector under which the public key stands in the sending domain's DNS."""

    webhook_secret: SecretStr | None = None
    """Signs what the webhook channel posts; without it nothing is posted."""

    chromium: Path | None = None
    """The browser that `clm preview` takes pictures with; unset means one found on PATH."""

    @field_validator("public_url")
    @classmethod
    def _begins_links(cls, url: str) -> str:
        if not _PUBLIC_URL.fullmatch(url):
            raise ValueError("is not a URL that links can begin with, such as https://news.shop.example")
        return url

    @model_validator(mode="wrap")
    @classmethod
    def _told_by_variable(cls, data: Any, read: ModelWrapValidatorHandler[Settings]) -> Settings:
        """Pydantic's own complaint quotes what was given, which may be a secret."""
        try:
            return read(data)
        except ValidationError as error:
            faults = [
                Fault(_variable(str(item["loc"][0])), item["msg"].removeprefix("Value error, "))
                for item in error.errors(include_input=False, include_url=False)
            ]
        raise ConfigurationError(faults)

    @property
    def store_url(self) -> str:
        """The database to use, as a URL."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.home / 'clm.db').resolve()}"

    @property
    def outbox(self) -> Path:
        """The folder the local outbox writes to."""
        return self.home / "outbox"


def _variable(name: str) -> str:
    return name if name.isupper() else f"CLM_{name.upper()}"
