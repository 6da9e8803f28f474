"""A brand, the shipped templates, and a desk to write templates at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clm.content.brand import Brand, read_brand
from clm.content.library import TemplateLibrary
from clm.domain.content import Content
from clm.domain.fact import FACTS
from clm.settings import Settings
from clm.store.database import Database

from .town import Town

PROJECT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)

BODY = """<mjml lang="{{{{ locale }}}}" dir="{{{{ direction }}}}">
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text>{words}</mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""


class Desk:
    """Writes templates of one step, `welcome/hello`, and renders them."""

    def __init__(self, root: Path, brand: Brand) -> None:
        self.root = root
        self.brand = brand
        self.default_locale = "en"

    def write(self, name: str, text: str) -> None:
        """Put `text` into templates/`name`."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def mail(self, *, html: str = "Hello", subject: str = "Hello", text: str = "Hello", locale: str = "en") -> None:
        """Write an e-mail whose HTML says `html`."""
        self.write(f"welcome/hello/{locale}/subject.txt", subject)
        self.write(f"welcome/hello/{locale}/body.mjml", BODY.format(words=html))
        self.write(f"welcome/hello/{locale}/body.txt", text)

    def library(self) -> TemplateLibrary:
        """Everything written so far, loaded."""
        return TemplateLibrary.load(self.root, brand=self.brand, default_locale=self.default_locale, facts=list(FACTS))

    def render(self, context: dict[str, Any] | None = None, *, locale: str | None = None) -> Content:
        """The e-mail, for a reader of `locale`."""
        return self.library().render("welcome", "hello", "email", locale, context or persona())

    def text(self, template: str, context: dict[str, Any] | None = None, *, locale: str | None = None) -> str:
        """What a text body that says `template` comes to."""
        self.mail(text=template)
        return self.render(context, locale=locale).text.rstrip("\n")


def persona(**contact: Any) -> dict[str, Any]:
    """The context of somebody of whom everything is known."""
    return {
        "contact": {
            "id": "C-1042",
            "first_name": "Amina",
            "last_name": "Karimi",
            "country": "GB",
            "locale": "en-GB",
            **contact,
        },
        "facts": {
            "signed_up_at": datetime(2023, 3, 1, 10, tzinfo=UTC),
            "first_order_at": datetime(2023, 3, 4, 10, tzinfo=UTC),
            "last_order_at": datetime(2026, 6, 3, 18, tzinfo=UTC),
            "order_count": 1204,
            "revenue": 123_450,
            "acquisition_source": "friend",
            "last_rating": 2,
            "last_rated_at": datetime(2026, 11, 21, 9, tzinfo=UTC),
            "open_tickets": 1,
            "late_delivery": False,
            "rfm_group": "cannot_lose",
            "p_alive": 0.412,
        },
        "last_order": {
            "id": "A-77",
            "ordered_at": datetime(2026, 6, 3, 18, tzinfo=UTC),
            "amount": 4250,
            "products": [
                {"name": "House Assam, 250 g", "category": "tea", "quantity": 2},
                {"name": "Smoked paprika", "category": "spices", "quantity": 1},
            ],
        },
        "currency": "GBP",
        "links": {
            "unsubscribe": "https://mail.shop.example/u/MTIz.c2lnbmF0dXJl",
            "preferences": "https://mail.shop.example/p/MTIz.c2lnbmF0dXJl",
            "referral": "https://mail.shop.example/r/MTIz.c2lnbmF0dXJl",
            "confirm": "https://mail.shop.example/c/MTIz.c2lnbmF0dXJl",
            "staff": "https://mail.shop.example/staff/contacts/123",
        },
        "now": NOW,
    }


def stranger() -> dict[str, Any]:
    """The context of somebody of whom nothing is known but the shop's own id, and that they may be written to."""
    return persona() | {
        "contact": {"id": "C-7"} | dict.fromkeys(("first_name", "last_name", "country", "locale")),
        "facts": dict.fromkeys(FACTS),
        "last_order": {"id": None, "ordered_at": None, "products": None},
    }


@pytest.fixture(scope="session")
def brand() -> Brand:
    """The demo shop, as config/brand.yaml has it."""
    return read_brand(PROJECT / "config" / "brand.yaml")


@pytest.fixture(scope="session")
def shipped(brand: Brand) -> TemplateLibrary:
    """The templates that clm ships."""
    return TemplateLibrary.load(
        PROJECT / "templates", brand=brand, default_locale="en", facts=list(FACTS), cache=Settings().cache
    )


@pytest.fixture
def desk(tmp_path: Path, brand: Brand) -> Desk:
    """An empty desk."""
    return Desk(tmp_path / "templates", brand)


@pytest.fixture
def town(database: Database) -> Town:
    """A town without people."""
    return Town(database)
