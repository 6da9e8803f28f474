"""The first page of the web application, for whoever has cut a link short."""

from __future__ import annotations

import pytest

from tests.web.asking import Asker


@pytest.mark.parametrize(
    ("language", "line"), [("en", "Whole-leaf tea"), ("fa", "چای برگ‌کامل"), ("ru", "Цельнолистовой")]
)
def test_the_first_page_says_whose_it_is_and_leads_to_the_shop(web: Asker, language: str, line: str) -> None:
    """In the reader's language, and it tells nobody that there are staff pages."""
    answer = web("GET", "/", headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert line in answer.text
    assert 'href="https://www.saffronandsage.example' in answer.text
    assert "does not work" not in answer.text
    assert "staff" not in answer.text.lower()
    assert web("HEAD", "/").status_code == 200
