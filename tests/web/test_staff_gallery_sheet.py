"""The gallery side by side: every language of a campaign on one page, as live mails that can do nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest

from clm.settings import Settings
from clm.web.staff.desk import HEADERS
from tests.web.staff_browser import Browser, signed_in


@pytest.fixture(scope="module")
def browser(project: Settings) -> Iterator[Browser]:
    """Somebody who is signed in."""
    yield from signed_in(project)


def _links(page: str) -> dict[str, str]:
    """Where links lead, by their words."""
    found = re.findall(r'<a href="([^"]+)"[^>]*>(.*?)</a>', page)
    return {re.sub(r"<[^>]+>", "", words).strip(): unescape(href) for href, words in found}


def test_languages_stand_side_by_side(browser: Browser) -> None:
    """Each language is a frame that is shut and waits until it is seen, under its subject and sender."""
    answer = browser("GET", "/staff/gallery/win_back/news")
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    page = unescape(answer.text)
    frames = re.findall(r"<iframe[^>]+>", page)
    assert len(frames) == 2
    for frame in frames:
        assert 'loading="lazy"' in frame
        assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in frame
    for said in ("English", "Persian", "Preheader", "A new garden, a pepper we had given up on", "Nadia at Saffron"):
        assert said in page, said
    assert "نادیا از سفرون اند سیج" in page
    assert page.count("missing") == 3 * 2  # the name of the look, and the word
    whole = unescape(browser("GET", "/staff/gallery/win_back").text)
    assert len(re.findall(r"<iframe[^>]+>", whole)) > len(frames)
    assert "segments" in whole
    assert browser("GET", "/staff/gallery/win_back/nothing").status_code == 404
    assert browser("GET", "/staff/gallery/nothing").status_code == 404
    assert browser("GET", "/staff/gallery/win_back?persona=alien").status_code == 404


def test_ways_to_look_are_links(browser: Browser) -> None:
    """Phone and dark keep each other and the reader, and the frames follow."""
    links = _links(browser("GET", "/staff/gallery/win_back/news?look=phone&persona=hostile").text)
    dark = browser("GET", f"/staff/{links['Dark'].partition('staff/')[2]}").text
    assert '<ul class="sheet phone">' in dark
    frames = [unescape(src) for src in re.findall(r'<iframe[^>]+src="([^"]+)"', dark)]
    assert all("dark=1" in src and "persona=hostile" in src for src in frames) == bool(frames)
    shown = browser("GET", f"/staff/{frames[0].partition('staff/')[2]}")
    assert shown.status_code == 200
    assert "prefers-color-scheme: dark" not in shown.text


def test_a_mail_of_the_gallery_loads_nothing_foreign(browser: Browser) -> None:
    """No script, no form, and pictures of the brand's own hosts alone."""
    policy = browser("GET", "/staff/gallery/win_back/news/en/html").headers["content-security-policy"]
    [pictures] = re.findall(r"img-src ([^;]+);", policy)
    assert set(pictures.split()) >= {"data:", "https://www.saffronandsage.example"}
    assert "https:" not in pictures.split()
    assert "*" not in pictures
    assert "script" not in policy
    assert "sandbox allow-popups" in policy


def test_the_index_says_how_each_message_begins(browser: Browser) -> None:
    """Its subject, or of an SMS its text, in the shop's own language; languages are called by their names."""
    page = unescape(browser("GET", "/staff/gallery").text)
    links = _links(page)
    assert links["Persian, news of win_back"].endswith("staff/gallery/win_back/news/fa")
    assert links["news"].endswith("staff/gallery/win_back/news")
    assert ">look<" not in page
    news = browser("GET", "/staff/gallery/win_back/news/en").text
    [subject] = re.findall(r'dir="auto" lang="en">([^<]+)<', news)
    assert unescape(subject) in page
    assert "Persian" in news
