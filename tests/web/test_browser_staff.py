"""The staff pages in a real browser: they open, say nothing on the console, and can be used by everybody."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from clm.channels.inbox import Inbox
from clm.cli.pictures import NoPicturesError, arguments, chromium
from clm.domain.instant import HOUR_MS
from clm.engine.signed_links import links_of
from clm.settings import Settings
from clm.store import messages, previewed
from clm.store.database import Database
from clm.web.app import create_app
from tests.engine.shop import NOW
from tests.web.staff_browser import PASSWORD

pytestmark = pytest.mark.slow

ALIKE = {"dark", "source", "dark sheet", "their message", "other contact"}
"""Of the same parts as the page named before, so that axe has nothing new to see there."""
WIDE, NARROW, NARROWEST = {"width": 1280, "height": 900}, {"width": 375, "height": 812}, {"width": 320, "height": 700}
AXE = Axe().axe_script
GRAVE = {"serious", "critical"}


@pytest.fixture(scope="module")
def place(project: Settings) -> Iterator[str]:
    """The application, answering on a port of its own."""
    config = uvicorn.Config(create_app(project, lambda: NOW + HOUR_MS), port=0, log_level="warning", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser(place: str) -> Iterator[Browser]:
    """The machine's Chromium; without one these tests are skipped, or fail where CI is set.

    After the application, because nothing may run an event loop of its own beside Playwright's.
    """
    assert place
    try:
        program = chromium(Settings().chromium)
    except NoPicturesError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI is set: {error}")
        pytest.skip(str(error))
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=arguments())
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, place: str) -> Any:
    """What a browser keeps of somebody who has signed in."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{place}/staff/contacts")
    assert page.url.startswith(f"{place}/staff/login")
    page.fill("#name", "nadia")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{place}/staff/contacts")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def faults() -> list[str]:
    """Whatever the console has said, and scripts that broke."""
    return []


@pytest.fixture
def context(browser: Browser, signed_in: Any, faults: list[str]) -> Iterator[BrowserContext]:
    """A window of somebody who is signed in."""
    opened = browser.new_context(viewport=WIDE, storage_state=signed_in)
    opened.on("console", lambda message: _note(message, faults))
    opened.on("weberror", lambda error: faults.append(str(error.error)))
    yield opened
    opened.close()


def _note(message: ConsoleMessage, faults: list[str]) -> None:
    if message.type in {"error", "warning"}:
        faults.append(message.text)


def _paths(project: Settings) -> dict[str, str]:
    database = Database(project.store_url)
    with database.read() as tx:
        dora = previewed.contact_id(tx, "dora")
        ada = previewed.contact_id(tx, "ada")
        [sms, *_] = messages.listed(tx, contact="shirin", campaign="win_back", status="sent", limit=None)
    database.close()
    task = Inbox(project.outbox, "").page().items[0].id
    return {
        "inbox": "inbox",
        "mail": f"inbox/mail/{sms.id}",
        "dark": f"inbox/mail/{sms.id}?view=phone&dark=1",
        "text": f"inbox/mail/{task}?view=text",
        "source": f"inbox/mail/{task}?view=source",
        "gallery": "gallery",
        "sheet": "gallery/win_back",
        "dark sheet": "gallery/win_back/news?look=phone&dark=1&persona=hostile",
        "attention": "attention",
        "message": "gallery/win_back/incentive/fa?dark=1",
        "their message": "gallery/win_back/news/en?contact=ada",
        "sms": "gallery/win_back/last_call/fa?persona=hostile",
        "campaigns": "campaigns",
        "campaign": "campaigns/win_back",
        "contacts": "contacts",
        "contact": f"contacts/{dora}",
        "other contact": f"contacts/{ada}",
    }


def _grave(page: Page, *rules: str) -> list[str]:
    """What axe-core finds that keeps people from using a page, by all its rules, or again by some.

    Of the page alone: no script comes into a frame that is shut, and waiting for its answer takes half a second.
    """
    options: dict[str, Any] = {"resultTypes": ["violations"], "iframes": False}
    if rules:
        options["runOnly"] = list(rules)
    else:
        page.evaluate(AXE)
    found = page.evaluate("options => axe.run(options).then(results => results.violations)", options)
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found if one["impact"] in GRAVE]


def test_every_page_opens_without_a_fault(
    context: BrowserContext, place: str, project: Settings, faults: list[str]
) -> None:
    """On a desktop and on a phone, in the light and in the dark: nothing on the console, nothing that axe finds grave.

    No page is wider than the phone, and no mail's own script, style or picture is refused by the page around it.
    """
    page = context.new_page()
    for name, path in _paths(project).items():
        answer = page.goto(f"{place}/staff/{path}")
        assert answer is not None
        assert answer.status == 200, name
        if name not in ALIKE:
            assert _grave(page) == [], name
        page.set_viewport_size(NARROW)
        page.emulate_media(color_scheme="dark")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], name
        if name in {"inbox", "campaign", "contact", "gallery"}:
            assert _grave(page, "color-contrast") == [], f"{name}, dark"
        page.set_viewport_size(WIDE)
        page.emulate_media(color_scheme="light")
        assert faults == [], name


def test_the_login_needs_no_mouse_and_is_sound(browser: Browser, place: str) -> None:
    """The page to sign in on is as usable as those behind it, and what is wrong is said where it is heard."""
    context = browser.new_context(viewport=NARROW)
    page = context.new_page()
    page.goto(f"{place}/staff")
    assert _grave(page) == []
    page.keyboard.type("nadia")
    page.keyboard.press("Tab")
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert page.inner_text("[role=alert]") == "Name or password is wrong."
    context.close()


@pytest.mark.parametrize("path", ["inbox", "campaigns/win_back", "gallery/win_back/last_call/fa", "gallery/win_back"])
def test_the_keyboard_reaches_everything(path: str, context: BrowserContext, place: str) -> None:
    """Each link, button, field and part that scrolls gets the focus in turn, and shows it; no mail on a sheet does."""
    page = context.new_page()
    page.goto(f"{place}/staff/{path}")
    wanted = page.evaluate(
        "() => [...document.querySelectorAll("
        "'a[href], button, input:not([type=hidden]), select, summary, [tabindex]:not([tabindex=\"-1\"])')]"
        ".map((one, number) => (one.dataset.number = number, number)).length"
    )
    reached = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        number, outlined = page.evaluate(
            "() => [document.activeElement.dataset.number, getComputedStyle(document.activeElement).outlineStyle]"
        )
        if number is not None:
            assert outlined != "none", page.evaluate("() => document.activeElement.outerHTML")
            reached.add(int(number))
    assert reached == set(range(wanted))


def test_what_is_put_right_is_done_with_one_press(context: BrowserContext, place: str, project: Settings) -> None:
    """The matter that a low mark opened stands on the contact's page, and is over afterwards."""
    page = context.new_page()
    page.goto(f"{place}/staff/{_paths(project)['contact']}")
    assert "The tin was dented." in page.inner_text(".timeline")
    page.get_by_role("button", name="It is put right").click()
    page.wait_for_selector(".notice", state="detached")
    assert "ticket closed" in page.inner_text(".timeline")


def test_figures_and_the_past_come_without_loading_the_page_again(
    context: BrowserContext, place: str, faults: list[str]
) -> None:
    """The campaign's figures are asked for every ten seconds; a script from elsewhere never runs."""
    page = context.new_page()
    page.clock.install()
    page.goto(f"{place}/staff/campaigns/win_back")
    assert "sent" in (page.text_content("svg.clm") or "")
    with page.expect_response(f"{place}/staff/campaigns/win_back/figures") as asked:
        page.clock.run_for(10_500)
    assert asked.value.status == 200
    assert page.locator("#figures").count() == 1
    assert faults == []


def test_renewed_figures_leave_the_reader_where_they_are(context: BrowserContext, place: str) -> None:
    """What has the focus keeps it, the diagram stays as far as it was scrolled, and each number is new."""
    page = context.new_page()
    page.set_viewport_size(NARROW)
    page.clock.install()
    page.goto(f"{place}/staff/campaigns/win_back")
    page.evaluate("() => { const one = document.querySelector('#diagram'); one.focus(); one.scrollLeft = 40; }")
    for _ in range(2):
        page.evaluate(
            "() => document.querySelectorAll('.tiles dd, svg.clm text').forEach(one => one.textContent = 'x')"
        )
        with page.expect_response(f"{place}/staff/campaigns/win_back/figures"):
            page.clock.run_for(10_500)
        page.wait_for_function("document.querySelector('.tiles dd').textContent !== 'x'")
        page.clock.run_for(100)
        assert page.evaluate("[document.activeElement.id, document.activeElement.scrollLeft]") == ["diagram", 40]
        assert "sent" in (page.text_content("svg.clm") or "")
        assert page.locator("#diagram, #tiles, #versions, #reasons, #as-of").count() == 5


def test_nothing_is_beside_the_smallest_screen(context: BrowserContext, place: str) -> None:
    """On 320 pixels every language of the gallery and every figure of the campaigns is seen without scrolling aside."""
    page = context.new_page()
    page.set_viewport_size(NARROWEST)
    for path, wanted in (
        ("gallery", ".languages li"),
        ("campaigns", "td.figure"),
        ("campaigns/win_back", "td.figure"),
        ("contacts", "table td"),
    ):
        page.goto(f"{place}/staff/{path}")
        boxes = page.evaluate(
            "wanted => [...document.querySelectorAll(wanted)].map(one => one.getBoundingClientRect())"
            ".map(one => [one.left, one.right, one.height])",
            wanted,
        )
        assert len(boxes) > 3, path
        assert all(left >= 0 and right <= NARROWEST["width"] and height > 0 for left, right, height in boxes), path


def test_subjects_stand_below_one_another_whichever_way_they_run(context: BrowserContext, place: str) -> None:
    """In the inbox a Persian subject begins where an English one ends: at the left of its own place, not of the row."""
    page = context.new_page()
    page.goto(f"{place}/staff/inbox")
    where = """found => found.map(one => {
        const words = document.createRange();
        words.selectNodeContents(one);
        return [getComputedStyle(one).direction, words.getBoundingClientRect().left - one.getBoundingClientRect().left];
    })"""
    subjects = page.locator(".mails .subject").evaluate_all(where)
    assert {direction for direction, _ in subjects} == {"ltr", "rtl"}
    assert {round(beside) for _, beside in subjects} == {0}
    page.close()


def test_languages_stand_next_to_each_other(context: BrowserContext, place: str) -> None:
    """All five in one row, in windows as wide as their columns; a script in a mail could not run there."""
    page = context.new_page()
    page.goto(f"{place}/staff/gallery/win_back/news")
    cells = page.evaluate(
        "() => [...document.querySelectorAll('.sheet > li')].map(one => one.getBoundingClientRect())"
        ".map(one => [one.top, one.right])"
    )
    assert len(cells) == 5
    assert len({top for top, _ in cells}) == 1
    assert max(right for _, right in cells) <= WIDE["width"]
    frames = page.evaluate(
        "() => [...document.querySelectorAll('.pane')].map(one => [one.getBoundingClientRect().width,"
        " one.querySelector('iframe').getBoundingClientRect().width, one.getBoundingClientRect().top])"
    )
    assert len(frames) == 2
    assert all(abs(pane - frame) < 1 for pane, frame, _ in frames)
    assert len({top for *_, top in frames}) == 1
    page.get_by_role("link", name="Phone", exact=True).click()
    page.get_by_role("link", name="Dark", exact=True).click()
    assert page.locator(".sheet.phone").count() == 1
    assert page.get_by_role("link", name="Dark", exact=True).get_attribute("aria-current") == "true"


def _painted(page: Page, selector: str, right: int, down: int) -> bytes:
    """Two pixels so far right of an element's corner and below it, as they are painted, whatever its style says."""
    box = page.locator(selector).bounding_box()
    assert box is not None
    return page.screenshot(clip={"x": box["x"] + right, "y": box["y"] + down, "width": 2, "height": 2})


def test_contrast_themes_show_what_is_chosen(browser: Browser, place: str, project: Settings, signed_in: Any) -> None:
    """The mark that a letter has chosen beforehand, where the focus is, and which staff page one is on."""
    with closing(Database(project.store_url)) as database, database.read() as tx:
        [asked] = messages.listed(tx, contact="dora", campaign="feedback", status="sent", limit=1)
    links = links_of(project.model_copy(update={"public_url": place}))
    context = browser.new_context(forced_colors="active", storage_state=signed_in)
    page = context.new_page()
    page.goto(links.survey(asked.id, 4))
    assert _painted(page, "label[for=mark-4]", 8, 8) != _painted(page, "label[for=mark-3]", 8, 8)
    before = _painted(page, "label[for=mark-5]", 20, -5)
    page.locator("#mark-4").focus()
    page.keyboard.press("ArrowRight")
    assert _painted(page, "label[for=mark-5]", 20, -5) != before
    page.goto(f"{place}/staff/contacts")
    assert _painted(page, "nav a[href$=contacts]", 20, 5) != _painted(page, "nav a[href$=inbox]", 20, 5)
    context.close()


def test_customers_pages_run_from_right_to_left(
    browser: Browser, place: str, project: Settings, faults: list[str]
) -> None:
    """What a Persian letter leads to is Persian, from right to left, and sound, in the light and in the dark."""
    database = Database(project.store_url)
    with database.read() as tx:
        shirin = previewed.contact_id(tx, "shirin") or 0
        [asked] = messages.listed(tx, contact="dora", campaign="feedback", status="sent", limit=1)
    database.close()
    links = links_of(project.model_copy(update={"public_url": place}))
    context = browser.new_context(viewport=NARROW, locale="fa-IR")
    context.on("console", lambda message: _note(message, faults))
    page = context.new_page()
    confirm = links.confirm(shirin, "shirin@example.com")
    own = (links.unsubscribe(shirin), links.preferences(shirin), links.referral(shirin), confirm)
    for url in (*own, links.survey(asked.id, 4), f"{place}/join"):
        answer = page.goto(url)
        assert answer is not None
        assert answer.status == 200, url
        assert page.get_attribute("html", "dir") == "rtl"
        assert _grave(page) == [], url
        page.emulate_media(color_scheme="dark")
        assert _grave(page, "color-contrast") == [], (url, "dark")
        page.emulate_media(color_scheme="light")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        left, right = page.evaluate(
            "() => { const range = document.createRange(); range.selectNodeContents(document.querySelector('h1'));"
            " const words = range.getBoundingClientRect();"
            " const main = document.querySelector('main').getBoundingClientRect();"
            " return [words.left - main.left, main.right - words.right]; }"
        )
        assert right <= left, url  # words begin at the right edge
    assert faults == []
    context.close()
