"""The staff pages are for whoever has an account, from this machine or the public address, and for nobody else."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from clm.domain.instant import HOUR_MS
from clm.engine import staff
from clm.settings import Settings
from clm.store import stops
from clm.web.app import create_app
from clm.web.staff.desk import HEADERS
from clm.web.staff.session import SESSION_HOURS
from clm.web.staff.tries import AT_ONCE_MAX, AT_ONCE_OF_A_PLACE_MAX, FAILURES_MAX, WAIT_SECONDS
from tests.engine.shop import NOW
from tests.web.asking import PUBLIC_URL, Asker
from tests.web.staff_browser import LOCAL, PASSWORD, Browser, employ


class Clock:
    """Shows what it is told."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        """Now."""
        return self.now


@pytest.fixture
def database_url(sqlite_file: Path, tmp_path: Path) -> str:
    """One kind of database is enough here."""
    path = tmp_path / "clm.db"
    shutil.copyfile(sqlite_file, path)
    return f"sqlite:///{path}"


@pytest.fixture
def clock() -> Clock:
    """A clock to turn."""
    return Clock()


@pytest.fixture
def asker(web_settings: Settings, clock: Clock) -> Iterator[Asker]:
    """The application by that clock, with one account."""
    found = Asker(create_app(web_settings, clock))
    employ(found.app.state.reception.database)
    yield found
    found.close()


@pytest.fixture
def browser(asker: Asker) -> Browser:
    """Somebody of the team, not signed in."""
    return Browser(asker)


def _paths(asker: Asker) -> set[str]:
    included = [getattr(route, "original_router", asker.app.router) for route in asker.app.routes]
    routes = [route for router in included for route in router.routes if isinstance(route, Route)]
    return {route.path for route in routes if route.path.startswith("/staff")}


def test_nothing_is_shown_to_whoever_is_not_signed_in(browser: Browser, asker: Asker) -> None:
    """Each page leads to the login, and afterwards back; htmx loads the page again; login and script are open."""
    values = {
        "contact_id": "1",
        "campaign": "welcome",
        "step": "hello",
        "locale": "en",
        "message_id": "1",
        "kind": "sms",
    }
    paths = {re.sub(r"\{(\w+)\}", lambda found: values[found[1]], path) for path in _paths(asker)}
    assert len(paths) > 12
    for path in paths - {"/staff/login", "/staff/htmx.min.js", "/staff", "/staff/logout", "/staff/contacts/1/resolve"}:
        answer = browser("GET", path)
        assert answer.status_code == 303, path
        assert "staff/login?next=" in answer.headers["location"]
        assert not answer.content
        htmx = browser("GET", path, headers={"HX-Request": "true"})
        assert htmx.status_code == 401
        assert htmx.headers["hx-refresh"] == "true"
    assert browser("POST", "/staff/contacts/1/resolve", headers={"Origin": LOCAL}).status_code == 403
    assert browser.sign_in().headers["location"] == "../staff/contacts"
    assert browser("GET", "/staff/contacts").status_code == 200


def test_the_session_is_kept_from_scripts_and_other_sites(browser: Browser, asker: Asker) -> None:
    """The cookie is HttpOnly, SameSite=Lax, for the staff pages alone, and Secure where it is given by HTTPS.

    Lax, since with Strict a link in a chat arrives without it; and whoever has it keeps it, also at the login.
    """
    browser.sign_in()
    said = browser.cookie_said.lower()
    assert "httponly" in said
    assert "samesite=lax" in said
    assert "set-cookie" not in browser("GET", "/staff/login").headers
    assert "path=" not in said
    assert "secure" not in said
    public = Browser(asker, PUBLIC_URL)
    assert public.sign_in().status_code == 303
    assert "; secure" in public.cookie_said.lower()
    answer = public("GET", "/staff/contacts")
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_the_answer_does_not_tell_which_names_there_are(browser: Browser) -> None:
    """An unknown name and a wrong password are answered alike."""
    wrong, unknown = browser.sign_in(password="wrong password here"), browser.sign_in(name="nobody")
    assert wrong.status_code == unknown.status_code == 403
    stripped = [re.sub(r'value="\w*"', "", answer.text) for answer in (wrong, unknown)]
    assert stripped[0] == stripped[1]


def test_guessing_has_to_wait(browser: Browser, clock: Clock) -> None:
    """After five failures not even the right password is taken, for a minute; others are not held up."""
    for _ in range(FAILURES_MAX):
        assert browser.sign_in(password="a wild guess here").status_code == 403
    refused = browser.sign_in()
    assert refused.status_code == 429
    assert "60 seconds" in refused.text
    assert browser.sign_in(name="else").status_code == 403
    clock.now += WAIT_SECONDS * 1_000
    assert browser.sign_in().status_code == 303


def test_a_clock_put_back_keeps_nobody_out(browser: Browser, clock: Clock) -> None:
    """After failures by a clock that was ahead, nobody waits until it has caught up."""
    for expected in [403] * FAILURES_MAX + [429]:
        assert browser.sign_in(password="a wild guess here").status_code == expected
    clock.now -= HOUR_MS
    assert browser.sign_in().status_code == 303


def test_nobody_is_kept_out_by_a_stranger(browser: Browser) -> None:
    """Failures count where they come from: whoever guesses waits, and whose name it is signs in all the same."""
    elsewhere = {"X-Forwarded-For": "203.0.113.9:4711"}
    browser("GET", "/staff/login")
    for expected in [403] * FAILURES_MAX + [429]:
        found = browser.send("/staff/login", name="nadia", password="a wild guess here", headers=elsewhere)
        assert found.status_code == expected
    assert found.headers["retry-after"] == str(WAIT_SECONDS)
    assert browser.sign_in().status_code == 303


def test_a_flood_of_logins_keeps_no_customer_waiting(
    browser: Browser, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few passwords wait to be checked, fewer of one place, in a thread of their own; others are refused at once."""
    may_go_on = threading.Event()
    monkeypatch.setattr(staff, "sign_in", lambda *_: str(may_go_on.wait(10)))
    browser("GET", "/staff/login")
    given = {"name": "nadia", "password": PASSWORD, "token": browser.token()}
    headers = {"Host": LOCAL.partition("://")[2], "Origin": LOCAL, "Cookie": f"clm_staff={browser.cookie}"}

    def tries(place: str) -> asyncio.Task[httpx.Response]:
        told = {**headers, "X-Forwarded-For": place}
        return asyncio.create_task(asker.ask("POST", "/staff/login", data=given, headers=told))

    async def flood() -> list[int]:
        asked = [tries("203.0.113.9") for _ in range(30)]
        asked += [tries(f"203.0.113.{number}") for number in range(20, 50)]
        for refused in islice(asyncio.as_completed(asked), len(asked) - AT_ONCE_MAX):
            assert (await refused).status_code == 503
        page = await asker.ask("GET", "/u/nobody")
        assert not may_go_on.is_set()
        may_go_on.set()
        answers = [await one for one in asked]
        assert all(int(one.headers["retry-after"]) for one in answers if one.status_code == 503)
        of_one_place = [one.status_code for one in answers[:30]]
        assert of_one_place.count(303) <= AT_ONCE_OF_A_PLACE_MAX
        return [page.status_code, *sorted(one.status_code for one in answers)]

    assert asyncio.run(asyncio.wait_for(flood(), 8)) == [404, *[303] * AT_ONCE_MAX, *[503] * (60 - AT_ONCE_MAX)]


@pytest.mark.parametrize("end", ["password", "account", "time"])
def test_a_session_ends(end: str, browser: Browser, asker: Asker, clock: Clock) -> None:
    """With another password, without the account, after twelve hours: everybody has to sign in again."""
    database = asker.app.state.reception.database
    browser.sign_in()
    clock.now += SESSION_HOURS * HOUR_MS - 1
    assert browser("GET", "/staff/contacts").status_code == 200
    if end == "password":
        staff.change(database, "nadia", "another one altogether")
    elif end == "account":
        staff.remove(database, "nadia")
    else:
        clock.now += 1
    assert browser("GET", "/staff/contacts").status_code == 303


@pytest.mark.parametrize(("behind", "status"), [(500, 200), (60_000, 200), (60_001, 303)])
def test_two_clocks_need_not_agree_to_the_millisecond(browser: Browser, clock: Clock, behind: int, status: int) -> None:
    """Who has signed in by one machine is known to the next, whose clock is behind; by a minute at most."""
    browser.sign_in()
    clock.now -= behind
    assert browser("GET", "/staff/contacts").status_code == status


@pytest.mark.parametrize("by", ["looking", "trying"])
def test_whose_account_has_ended_is_a_stranger(by: str, browser: Browser, asker: Asker) -> None:
    """The login page shows them neither the way round nor what needs a person, with the cookie that they still have."""
    browser.sign_in()
    with asker.app.state.reception.database.write() as tx:
        stops.put(tx, "refused", "email shop.example", "the key is wrong", since=NOW)
    browser("GET", "/staff/contacts")
    assert "Sign out" in browser.page
    assert "Needs a person" in browser.page
    staff.remove(asker.app.state.reception.database, "nadia")
    if by == "looking":
        page = browser("GET", "/staff/login")
    else:
        page = browser.send("/staff/login", name="nadia", password="a wild guess here")
    assert 'name="password"' in page.text
    assert "Sign out" not in page.text
    assert "Needs a person" not in page.text


def test_a_form_of_another_page_does_nothing(browser: Browser, asker: Asker) -> None:
    """Without the token, with somebody else's, or from another site, a form is refused; and so is a login."""
    browser.sign_in()
    other = Browser(asker)
    other.sign_in()
    browser("GET", "/staff/contacts")
    other("GET", "/staff/contacts")
    theirs = re.search(r'name="token" value="(\w+)"', other.page)
    assert theirs
    for token, origin in (("", LOCAL), (theirs[1], LOCAL), (None, "https://evil.example"), (None, "null"), (None, "")):
        answer = browser.send("/staff/contacts", token=token, origin=origin, wanted="ada")
        assert answer.status_code == 403, (token, origin)
    assert browser.send("/staff/contacts", wanted="nobody of that name").status_code == 200
    for token, origin in (("\u00e9" * 64, LOCAL), (None, "http://[")):
        assert browser.send("/staff/contacts", token=token, origin=origin, wanted="ada").status_code == 403
    stranger = Browser(asker)
    stranger("GET", "/staff/login")
    refused = stranger.send("/staff/login", origin="https://evil.example", name="nadia", password=PASSWORD)
    assert refused.status_code == 403


UNKNOWN = ["/staff/nonsense", "/staff/", "/staff/contacts/1/nonsense", "/staff/logout", "/staff/..%2fx"]


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_unknown_staff_page_is_the_teams_own(path: str, browser: Browser) -> None:
    """Whoever is signed in is told that there is nothing, beside the way to what there is; it is no customer's page."""
    browser.sign_in()
    answer = browser("GET", path)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert re.search(r'href="(\.\./)+staff/gallery"', answer.text)
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    browser("GET", "/staff/contacts")
    assert browser.send("/staff/nonsense").status_code == 404


@pytest.mark.parametrize("path", UNKNOWN)
def test_a_stranger_is_not_told_which_staff_pages_there_are(path: str, browser: Browser) -> None:
    """Who is not signed in is answered alike for a page that is there and for one that is not, however they ask."""
    for method, more in (("GET", {}), ("GET", {"HX-Request": "true"}), ("POST", {}), ("PUT", {}), ("HEAD", {})):
        known, unknown = (browser(method, one, headers=more) for one in ("/staff/contacts", path))
        assert (unknown.status_code, unknown.content) == (known.status_code, known.content), method
        own = {"location", "allow"}
        said = [{name: one.headers[name] for name in one.headers.keys() - own} for one in (known, unknown)]
        assert said[0] == said[1], method
        assert ("staff/login?next=" in unknown.headers.get("location", "")) == ("location" in known.headers)
    assert browser("GET", path, headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize("host", ["evil.example:8080", "127.0.0.1.evil.example", "", "10.0.0.5:8080", "["])
def test_only_our_own_names_lead_there(host: str, browser: Browser) -> None:
    """A page whose name was made to lead to this machine gets nothing, not even the login."""
    assert browser("GET", "/staff/login", headers={"Host": host}).status_code == 421
    for own in ("localhost:8080", "[::1]:8080", "mail.shop.example"):
        assert browser("GET", "/staff/login", headers={"Host": own}).status_code == 200


def test_after_signing_out_the_browser_has_no_session(browser: Browser) -> None:
    """The cookie is taken away; a forged link back leads nowhere else."""
    browser("GET", "/staff/login")
    led = browser.send("/staff/login", name="nadia", password=PASSWORD, next="//evil.example/")
    assert led.headers["location"] == "../staff/inbox"
    browser("GET", "/staff/contacts")
    assert browser.send("/staff/logout").headers["location"].endswith("staff/login")
    assert not browser.cookie
    assert browser("GET", "/staff/contacts").status_code == 303


def test_without_any_account_the_login_tells_the_command(browser: Browser, asker: Asker) -> None:
    """Whoever runs it is told how to make one."""
    staff.remove(asker.app.state.reception.database, "nadia")
    assert "clm staff add" in browser("GET", "/staff/login").text
