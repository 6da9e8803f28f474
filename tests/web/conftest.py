"""The web application on a database of either kind, and somebody who asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from clm.content.links import Links
from clm.domain.record import ContactRecord
from clm.engine.signed_links import links_of
from clm.faults import FaultPoint, arm
from clm.settings import Settings
from clm.store.database import Database
from clm.web.app import create_app
from tests.engine.shop import NOW, Shop
from tests.web.asking import AUTH_TOKEN, PUBLIC_URL, Asker, SendGrid, contact_id, everything
from tests.web.staffed import at_work, copied

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def sendgrid() -> SendGrid:
    """Somebody who signs as SendGrid does."""
    return SendGrid()


@pytest.fixture(scope="session")
def shop_at_work(tmp_path_factory: pytest.TempPathFactory, sqlite_file: Path) -> Settings:
    """A shop that has been at work; to be copied."""
    return at_work(tmp_path_factory.mktemp("staffed") / "project", sqlite_file)


@pytest.fixture(scope="module")
def project(shop_at_work: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same for one file of tests."""
    return copied(shop_at_work, tmp_path_factory.mktemp("staffed") / "project")


@pytest.fixture
def web_settings(database_url: str, tmp_path: Path, sendgrid: SendGrid) -> Settings:
    """The shipped project with keys for both providers."""
    return Settings(
        home=tmp_path / "home",
        database_url=SecretStr(database_url),
        config=PROJECT / "config",
        templates=PROJECT / "templates",
        public_url=PUBLIC_URL,
        secret_keys=SecretStr("0123456789abcdef" * 2),
        sendgrid_webhook_key=SecretStr(sendgrid.public_key),
        twilio_auth_token=SecretStr(AUTH_TOKEN),
    )


@pytest.fixture
def web(web_settings: Settings) -> Iterator[Asker]:
    """The application, asked without a network."""
    asker = Asker(create_app(web_settings, lambda: NOW))
    yield asker
    asker.close()


@pytest.fixture
def links(web_settings: Settings) -> Links:
    """The links of its messages."""
    return links_of(web_settings)


@pytest.fixture
def shop(database: Database) -> Shop:
    """Ada, who has agreed to mail and texts, and Bob, who shares her number."""
    found = Shop(database)
    consent = {"email_consent": True, "sms_consent": True, "consent_at": NOW - 1_000}
    found.tell(
        ContactRecord("ada", email="Ada@Example.com", phone="+447700900123", first_name="Ada", **consent),
        ContactRecord("bob", email="bob@example.com", phone="+447700900123", **consent),
    )
    return found


@pytest.fixture
def ada(shop: Shop) -> int:
    """Ada's number."""
    return contact_id(shop.database, "ada")


@pytest.fixture
def rows(database: Database) -> Callable[[], dict[str, list[Any]]]:
    """Every row of every table."""
    return lambda: everything(database)


@pytest.fixture
def at_fault() -> Iterator[Callable[[FaultPoint, Callable[[], None]], None]]:
    """Lets something happen whenever the code comes to a point."""

    def set_(point: FaultPoint, happen: Callable[[], None]) -> None:
        arm(lambda reached: happen() if reached is point else None)

    yield set_
    arm(None)
