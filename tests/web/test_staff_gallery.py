"""The gallery of the staff pages: whose words it shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clm.settings import Settings
from tests.web.staff_browser import Browser, signed_in


@pytest.fixture(scope="module")
def browser(project: Settings) -> Iterator[Browser]:
    """Somebody who is signed in."""
    yield from signed_in(project)


def test_the_gallery_shows_a_language_of_a_region_as_its_readers_get_it(browser: Browser) -> None:
    """Words in their language with the manners of the region; a made-up reader there is none of is not found."""
    page = browser("GET", "/staff/gallery/win_back/news/fa-IR")
    assert page.status_code == 200
    assert 'aria-current="true">fa-IR</a>' in page.text
    assert 'dir="rtl"' in browser("GET", "/staff/gallery/win_back/news/fa-ir/html").text
    assert browser("GET", "/staff/gallery/win_back/news/pt-BR").status_code == 404
    assert browser("GET", "/staff/gallery/win_back/news/fa?persona=alien").status_code == 404
    assert browser("GET", "/staff/gallery/win_back/news/fa?persona=&contact=ada").status_code == 200
