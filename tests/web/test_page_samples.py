"""The samples that customers' pages are checked with have the values that the application gives, by every name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, text

from clm.content.links import Links
from clm.content.page_samples import SAMPLES
from clm.content.page_words import PAGES
from clm.domain.instant import DAY_MS
from clm.store.database import Database
from clm.store.schema import contacts
from tests.engine.asked import ask
from tests.engine.shop import NOW, Shop
from tests.web.asking import Asker
from tests.web.test_joining import give_to_hand_on
from tests.web.test_pages import FORM, path

Names = dict[str, set[frozenset[str]]]
"""By page: the names of what it was given, each time that it was made."""

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Noting:
    """The words and pages of the application, which notes what each page is given."""

    def __init__(self, words: Any) -> None:
        self._words = words
        self.given: Names = defaultdict(set)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._words, name)

    def page(self, name: str, locale: str, *, root: str, **values: Any) -> str:
        """One page, noted."""
        self.given[name].add(names(values))
        made: str = self._words.page(name, locale, root=root, **values)
        return made


def names(values: Mapping[str, Any]) -> frozenset[str]:
    """`choices`, `choices.channel`, `survey.thanks.title`: of rows those of each; what is named by others is one."""
    return frozenset(_within(values, ""))


def _within(values: Mapping[str, Any], above: str) -> Iterable[str]:
    for name, value in values.items():
        yield above + name
        if name in {"survey", "thanks", "given"} and isinstance(value, Mapping):
            yield from _within(value, f"{above}{name}.")
        elif isinstance(value, list):
            for row in value:
                if isinstance(row, Mapping):
                    yield from _within(row, f"{above}{name}.")


def _of_samples() -> Names:
    return {page: {names(sample) for sample in SAMPLES[page]} for page in PAGES}


def test_the_samples_have_what_the_pages_are_given(web: Asker, links: Links, ada: int, shop: Shop) -> None:
    """Every page is opened: what it is given, some sample of it has, and nothing that nobody would be given."""
    noting = Noting(web.app.state.reception.words)
    web.app.state.reception = replace(web.app.state.reception, words=noting)
    _open_everything(web, links, ada, shop.database)
    samples = _of_samples()
    for page in PAGES:
        assert noting.given[page], f"{page} was not opened"
        assert noting.given[page] <= samples[page], page
        assert frozenset().union(*noting.given[page]) == frozenset().union(*samples[page]), page


def _open_everything(web: Asker, links: Links, ada: int, database: Database) -> None:
    def press(url: str, **fields: str) -> None:
        web("POST", url, content=urlencode(fields), headers=FORM)

    web("GET", "/")
    web("GET", "/join")
    press("/join", email="")
    for _ in range(6):
        press("/join", email="new@example.com", agree="yes")
    with database.read() as tx:
        new = tx.scalar(select(contacts.c.id).where(contacts.c.email == "new@example.com"))
    confirming = path(links.confirm(new, "new@example.com"))
    web("GET", confirming)
    press(confirming)
    web("GET", path(links.referral(ada)))
    give_to_hand_on(database, ada, until=NOW + 9 * DAY_MS)
    web("GET", path(links.referral(ada)))
    web("GET", "/nowhere")
    web("GET", path(links.preferences(ada)))
    press(path(links.preferences(ada)), shown="email", on="email")
    for survey in ("rating", "nps", "three_questions"):
        message = ask(database, survey=survey)
        web("GET", path(links.survey(message)))
        press(path(links.survey(message)), score="3")
    web("GET", path(links.unsubscribe(ada)))
    press(path(links.unsubscribe(ada)))
    with database.write() as tx:
        tx.execute(text("UPDATE contacts SET email = NULL, phone = NULL"))
    web("GET", path(links.unsubscribe(ada)))
    with database.write() as tx:
        tx.execute(text("ALTER TABLE contacts RENAME TO away"))
    web("GET", path(links.unsubscribe(ada)))
