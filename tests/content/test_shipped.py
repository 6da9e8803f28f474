"""The words clm ships: good enough to send after changing the brand."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.content import Content

from .conftest import PROJECT, persona, stranger

MAILS = [
    *(("welcome", step) for step in ("hello", "story", "best_sellers")),
    *(("second_purchase", step) for step in ("incentive", "reminder")),
    *(("feedback", step) for step in ("rating", "reminder")),
    *(("win_back", step) for step in ("news", "value", "incentive")),
    *(("high_value", step) for step in ("thanks", "early_access")),
]
READERS = {"full": persona(), "stranger": stranger()}
GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)

each_mail = pytest.mark.parametrize(("campaign", "step"), MAILS, ids=["/".join(mail) for mail in MAILS])
each_reader = pytest.mark.parametrize("reader", READERS)


class _Page(HTMLParser):
    """What a mail shows, where it leads, and what is hidden before its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.shown: list[str] = []
        self._silent = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._silent += tag in ("style", "title")
        if tag in ("div", "td", "p", "br", "h1", "h2"):
            self.shown.append(" ")
        if tag == "a":
            self.links.append(found.get("href") or "")
        if tag == "img":
            self.images.append(found)

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.shown.append(data)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.shown))


def _render(library: TemplateLibrary, campaign: str, step: str, reader: str) -> Content:
    context: dict[str, Any] = READERS[reader]
    return library.render(campaign, step, "email", context["contact"]["locale"], context)


def test_there_is_a_mail_for_every_step(shipped: TemplateLibrary) -> None:
    """The five campaigns are complete, and nothing lies about that no campaign sends."""
    assert shipped.steps() == sorted([*MAILS, ("win_back", "last_call")])
    assert all(shipped.channels(campaign, step) == {"email"} for campaign, step in MAILS)
    assert shipped.channels("win_back", "last_call") == {"sms"}


@each_mail
@each_reader
def test_mails_carry_what_the_law_and_the_reader_want(
    shipped: TemplateLibrary, brand: Brand, campaign: str, step: str, reader: str
) -> None:
    """Each mail has a subject, a preheader, a way out, a postal address and a sender, in HTML and in text."""
    content = _render(shipped, campaign, step, reader)
    unsubscribe = READERS[reader]["links"]["unsubscribe"]
    page = _Page(content.html or "")
    preheader = re.search(r'<div style="display:none;[^"]*">([^<]+)</div>', content.html or "")
    assert content.subject
    assert 10 <= len(content.subject) <= 60
    assert preheader
    assert 30 <= len(preheader[1]) <= 110
    assert unsubscribe in page.links
    assert unsubscribe in content.text
    for words in (page.words, content.text):
        assert brand.address in words
        assert brand.legal_name in words
        assert brand.sender.name in words


@each_mail
@each_reader
def test_mails_are_whole(shipped: TemplateLibrary, campaign: str, step: str, reader: str) -> None:
    """Nothing of the template shows, nothing is called None, and no sentence has a hole."""
    content = _render(shipped, campaign, step, reader)
    for words in (content.subject or "", _Page(content.html or "").words, content.text):
        assert not re.search(r"\{\{|\}\}|\{%|%\}|jjx|\bNone\b|\bUndefined\b|\[\]|&amp;|&lt;", words)
        assert not re.search(r" ,| \.(?!\w)|,,|\(\)", words)
    assert "{{" not in (content.html or "")
    assert "mj-" not in re.sub(r'class="[^"]*"|\.mj-[\w-]+|\.moz-text-html', "", content.html or "")


@each_mail
def test_mails_arrive_whole(shipped: TemplateLibrary, campaign: str, step: str) -> None:
    """Gmail clips at 102 KB; ours are far below, with no line too long for SMTP once encoded."""
    content = _render(shipped, campaign, step, "full")
    assert len((content.html or "").encode()) < 30_000
    assert len(content.text.encode()) < 5_000


@each_mail
def test_mails_work_without_images_and_at_night(shipped: TemplateLibrary, campaign: str, step: str) -> None:
    """Images have words, dark devices get dark colours, and a screen reader learns the language."""
    html = _render(shipped, campaign, step, "full").html or ""
    assert all(image.get("alt") for image in _Page(html).images)
    assert '<meta name="color-scheme" content="light dark"' in html
    assert "prefers-color-scheme: dark" in html
    assert 'lang="en-GB" dir="ltr"' in html


@each_mail
def test_text_says_what_html_says(shipped: TemplateLibrary, campaign: str, step: str) -> None:
    """The text part is written, not an afterthought: it has the greeting, and every page the HTML leads to."""
    content = _render(shipped, campaign, step, "full")
    assert "Amina" in content.text
    header = {"https://www.saffronandsage.example"}
    for link in set(_Page(content.html or "").links) - header:
        address = link.removeprefix("mailto:").partition("?")[0]
        assert address in content.text, link


@each_mail
def test_every_link_leads_somewhere_known(shipped: TemplateLibrary, brand: Brand, campaign: str, step: str) -> None:
    """Links are the brand's own, the unsubscribe link, or a mail to the brand."""
    known = {*brand.links.model_dump().values(), brand.website, persona()["links"]["unsubscribe"]}
    for link in _Page(_render(shipped, campaign, step, "full").html or "").links:
        assert link in known or link.partition("?")[0] == f"mailto:{brand.sender.reply_to}"


def test_scores_are_asked_for_one_to_five(shipped: TemplateLibrary) -> None:
    """Each of the five numbers opens a mail with that score in its subject."""
    for step in ("rating", "reminder"):
        links = _Page(_render(shipped, "feedback", step, "full").html or "").links
        scores = [link.partition("?subject=")[2] for link in links if "?subject=" in link]
        assert scores == [f"My%20rating%3A%20{score}%20out%20of%205" for score in range(1, 6)]


def test_offers_stand_where_they_belong(shipped: TemplateLibrary, brand: Brand) -> None:
    """Incentive mails show their code and percentage; thanks to the best customers hold no discount."""
    for campaign, step, offer in (
        ("second_purchase", "incentive", "second_purchase"),
        ("second_purchase", "reminder", "second_purchase"),
        ("win_back", "incentive", "win_back"),
    ):
        content = _render(shipped, campaign, step, "stranger")
        for words in (_Page(content.html or "").words, content.text):
            assert brand.offers[offer].code in words
            assert f"{brand.offers[offer].percent}%" in words
    for step in ("thanks", "early_access"):
        assert "%" not in _render(shipped, "high_value", step, "full").text


@each_reader
def test_the_sms_fits_one_segment(shipped: TemplateLibrary, brand: Brand, reader: str) -> None:
    """The SMS names the brand, the code and the way out, in 160 letters every phone has (one segment)."""
    text = shipped.render("win_back", "last_call", "sms", None, READERS[reader]).text
    assert text.startswith(f"{brand.name}: ")
    assert brand.offers["win_back"].code in text
    assert "Reply STOP" in text
    assert set(text) <= GSM_7
    assert len(text) <= 160


def test_copy_is_calm() -> None:
    """No exclamation marks, no capitals that shout, none of the words that mail filters and people are tired of."""
    tired = re.compile(r"!|\b(free|act now|hurry|unlock|elevate|delve|exclusive|game.changer)\b", re.IGNORECASE)
    for path in (PROJECT / "templates").rglob("*.*"):
        words = re.sub(r"<mj-style>.*</mj-style>|<[^>]*>|\{[{%].*?[%}]\}", "", path.read_text(), flags=re.DOTALL)
        assert not tired.search(words), path


@each_mail
def test_everything_stands_within_the_width_of_the_mail(shipped: TemplateLibrary, campaign: str, step: str) -> None:
    """Header, letter and footer stand in one column of 600 pixels, not across the whole window."""
    html = _render(shipped, campaign, step, "full").html or ""
    outermost = re.findall(r"<body.*?<div[^>]*>(.*)</body>", html, re.DOTALL)[0]
    widths = len(re.findall(r"max-width:600px", outermost))
    assert widths >= 3
