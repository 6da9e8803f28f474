"""What the environment decides: where things lie and the secrets. Behaviour lies in config/ (clm.config)."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read once at the edges (command line, tasks) and handed on."""

    model_config = SettingsConfigDict(env_prefix="CLM_", extra="ignore", frozen=True)

    home: Path = Path(".clm")
    """Embedded database, local outbox, demo files, Prefect's own home."""

    database_url: SecretStr | None = None
    """`sqlite:///…` or `postgresql://…`; unset means SQLite in `home`. Secret because it may hold a password."""

    config: Path = Path("config")
    templates: Path = Path("templates")

    public_url: str = "http://127.0.0.1:8080"
    """Where customers reach the web application; every link in a message starts with it."""

    secret_keys: SecretStr | None = None
    """Signing keys for links, newest first, separated by commas; unset means one made once and kept in `home`."""

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
