"""The words clm ships: good enough to send after changing the brand."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from clm.config import load_configuration
from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.content.personas import carrying, sample_coupon, sample_survey
from clm.domain.campaign import SendStep
from clm.domain.content import ChannelName, Content
from clm.domain.instant import to_ms
from clm.offers_file import load_offers
from clm.surveys_file import load_surveys

from .conftest import PROJECT, persona, stranger

CAMPAIGNS = load_configuration(PROJECT / "config").campaigns
OFFERS = load_offers(PROJECT / "config", minor_per_major=100, locales=["en"])
SURVEYS = load_surveys(PROJECT / "config", [])
CODE = "TEA-7K4WQP"
SENDS = [(campaign.campaign, step) for campaign in CAMPAIGNS for step in campaign.sends]
MAILS, TEXTS, TASKS = (
    [(campaign, step.send) for campaign, step in SENDS if step.channel == channel]
    for channel in ("email", "sms", "staff")
)
READERS = {"full": persona(), "stranger": stranger()}
GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)


def _each(steps: list[tuple[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("campaign", "step"), steps, ids=["/".join(step) for step in steps])


each_mail, each_text, each_task = _each(MAILS), _each(TEXTS), _each(TASKS)
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


def _render(library: TemplateLibrary, campaign: str, step: str, reader: str, channel: ChannelName = "email") -> Content:
    known: dict[str, Any] = READERS[reader]
    own = next(one for name, one in SENDS if (name, one.send) == (campaign, step))
    coupon = survey = None
    if own.coupon is not None:
        offer = OFFERS[own.coupon]
        coupon = sample_coupon(offer.kind, "en", now=to_ms(known["now"]), code=CODE, days=offer.days)
        coupon |= offer.gives(["en"])
    if own.survey is not None:
        survey = sample_survey(own.survey, SURVEYS[own.survey].marks, public_url="https://mail.shop.example")
    context = carrying(known, coupon=coupon, survey=survey)
    return library.render(campaign, step, channel, context["contact"]["locale"], context)


def _all_words(content: Content) -> list[str]:
    """What a message says, once for each form it has."""
    return [content.text] if content.html is None else [content.text, _Page(content.html).words]


def test_every_step_has_its_words(shipped: TemplateLibrary) -> None:
    """Each step of each campaign has words for its channel, and nothing lies about that no campaign sends."""
    once = [
        (one.campaign, step.send) for one in load_configuration(PROJECT / "config").broadcasts for step in one.sends
    ]
    assert shipped.steps() == sorted({(campaign, step.send) for campaign, step in SENDS} | set(once))
    for campaign, step in SENDS:
        assert shipped.channels(campaign, step.send) == {step.channel}, (campaign, step.send)


@each_mail
@each_reader
def test_mails_carry_what_the_law_and_the_reader_want(
    shipped: TemplateLibrary, brand: Brand, campaign: str, step: str, reader: str
) -> None:
    """Each mail has a subject, preheader, a way out (or, before consent, in), an address and a sender, in each form."""
    content = _render(shipped, campaign, step, reader)
    way_out = READERS[reader]["links"]["confirm" if campaign == "confirm" else "unsubscribe"]
    page = _Page(content.html or "")
    preheader = re.search(r'<div style="display:none;[^"]*">([^<]+)</div>', content.html or "")
    assert content.subject
    assert 10 <= len(content.subject) <= 60
    assert preheader
    assert 30 <= len(preheader[1]) <= 110
    assert way_out in page.links
    assert way_out in content.text
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
    """Links are the brand's own, the reader's way out or to what they get, or a mail to the brand."""
    own = READERS["full"]["links"]
    known = {*brand.links.model_dump().values(), brand.website, *own.values(), f"{own['preferences']}?keep=yes"}
    for link in _Page(_render(shipped, campaign, step, "full").html or "").links:
        assert (
            link in known
            or link.startswith("https://mail.shop.example/s/")
            or link.partition("?")[0] == f"mailto:{brand.sender.reply_to}"
        )


def test_scores_are_asked_for_one_to_five(shipped: TemplateLibrary) -> None:
    """Each of the five numbers opens the survey's page with that mark chosen."""
    for step in ("rating", "reminder"):
        links = _Page(_render(shipped, "feedback", step, "full").html or "").links
        assert [link[-1] for link in links if "?a=" in link] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(("campaign", "step"), SENDS, ids=[f"{campaign}/{step.send}" for campaign, step in SENDS])
def test_offers_stand_where_the_campaign_says(shipped: TemplateLibrary, campaign: str, step: SendStep) -> None:
    """A step with a coupon shows its code and percentage; no other step shows any code or discount."""
    for words in _all_words(_render(shipped, campaign, step.send, "stranger", step.channel)):
        assert (CODE in words) == (step.coupon is not None)
        if step.coupon:
            assert f"{OFFERS[step.coupon].percent}%" in words
        else:
            assert "%" not in words


def test_every_offer_says_how_long_it_holds(shipped: TemplateLibrary) -> None:
    """The first message of a campaign that carries an offer says for how many days, or until which."""
    first = {campaign: step for campaign, step in reversed(SENDS) if step.coupon}
    assert {step.coupon for step in first.values()} == set(OFFERS)
    for campaign, step in first.items():
        for words in _all_words(_render(shipped, campaign, step.send, "stranger")):
            days = OFFERS[step.coupon or ""].days
            last = READERS["stranger"]["now"] + timedelta(days=days)
            assert f"{days} days" in words or f"{last:%B} {last.day}" in words


def test_sms_is_for_the_campaigns_that_earn_it() -> None:
    """A survey's reminder, a second purchase that agreed to SMS, and the last word to a good customer come by SMS."""
    assert TEXTS == [("feedback", "rating_sms"), ("second_purchase", "reminder_sms"), ("win_back", "last_call")]


@each_text
@each_reader
def test_an_sms_fits_one_segment(shipped: TemplateLibrary, brand: Brand, campaign: str, step: str, reader: str) -> None:
    """An SMS names the brand and the way out, in 160 letters every phone has (one segment)."""
    text = _render(shipped, campaign, step, reader, "sms").text
    assert text.startswith(f"{brand.name}: ")
    assert "Reply STOP" in text
    assert set(text) <= GSM_7
    assert len(text) <= 160


@each_task
@each_reader
def test_a_task_says_who_and_what(
    shipped: TemplateLibrary, brand: Brand, campaign: str, step: str, reader: str
) -> None:
    """The team reads the shop's own id, a first name, what is known and what to do; no link acts for the customer.

    The only one is that of their page, which opens for whoever of the team has signed in.
    """
    content = _render(shipped, campaign, step, reader, "staff")
    contact = READERS[reader]["contact"]
    assert content.html is None
    assert contact["id"] in (content.subject or "")
    assert 20 <= len(content.subject or "") <= 78
    assert f"Customer: {contact['id']}" in content.text
    assert "\n\nWHAT TO DO" in content.text
    assert re.findall(r"https?://\S+", content.text) == [READERS[reader]["links"]["staff"]]
    assert brand.legal_name not in content.text
    for words in (content.subject or "", content.text):
        assert not re.search(r"\{\{|\}\}|\{%|%\}|\bNone\b| ,| \.(?!\w)|,,|\(\)", words)


def test_a_task_tells_what_is_known(shipped: TemplateLibrary) -> None:
    """Orders, money, the last mark, tickets, group and likelihood stand in every task, as far as they are known."""
    for campaign, step in TASKS:
        lines = _render(shipped, campaign, step, "full", "staff").text.splitlines()
        start = lines.index("Customer: C-1042, Amina")
        assert lines[start : start + 8] == [
            "Customer: C-1042, Amina",
            "Country and language: GB, en-GB",
            "Orders: 1,204, together £1,234.50",
            "Last order: June 3, 2026 (House Assam, 250 g; Smoked paprika)",
            "Latest mark: 2 of 5, on November 21, 2026",
            "Open tickets: 1",
            "Group: cannot lose",
            "Likelihood of still being a customer: 41 in 100",
        ]


def test_copy_is_calm() -> None:
    """No exclamation marks (a Russian greeting ends with one), and none of the words that people are tired of."""
    tired = re.compile(r"\b(free|act now|hurry|unlock|elevate|delve|exclusive|game.changer)\b", re.IGNORECASE)
    for path in (PROJECT / "templates").rglob("*.*"):
        words = re.sub(r"<mj-style>.*</mj-style>|<[^>]*>|\{[{%].*?[%}]\}", "", path.read_text(), flags=re.DOTALL)
        assert not tired.search(words), path
        assert words.count("!") <= (3 if "ru" in path.parts or path.stem == "ru" else 0), path


@each_mail
def test_everything_stands_within_the_width_of_the_mail(shipped: TemplateLibrary, campaign: str, step: str) -> None:
    """Header, letter and footer stand in one column of 600 pixels, not across the whole window."""
    html = _render(shipped, campaign, step, "full").html or ""
    outermost = re.findall(r"<body.*?<div[^>]*>(.*)</body>", html, re.DOTALL)[0]
    widths = len(re.findall(r"max-width:600px", outermost))
    assert widths >= 3
