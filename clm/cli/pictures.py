"""Takes pictures of mails, as a desktop and a phone show them, with the machine's own Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request, Route

Scheme = Literal["light", "dark"]

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LOOKS: Mapping[str, tuple[int, Scheme]] = {"desktop": (700, "light"), "phone": (390, "light"), "dark": (390, "dark")}
"""What there is a picture of: width in CSS pixels, and the colour scheme."""
ARGUMENTS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_HEIGHT = 900
SECONDS_MAX = 30.0
IMAGES_SECONDS_MAX = 10.0
"""For how long a mail's images are waited for."""


class NoPicturesError(Exception):
    """Pictures cannot be taken here; the text says what is missing."""


def chromium(named: Path | None) -> str:
    """The browser to use; raises NoPicturesError where there is none."""
    if named is not None:
        if os.access(named, os.X_OK):
            return str(named)
        raise NoPicturesError(f"CLM_CHROMIUM is {named}, which is no program")
    found = next((place for name in CHROMIUMS if (place := shutil.which(name))), None)
    if found is None:
        raise NoPicturesError("no Chromium was found; install one, or name it in CLM_CHROMIUM")
    return found


def arguments() -> list[str]:
    """What the browser is started with; its sandbox does not work for root."""
    return [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


@dataclass(slots=True)
class Camera:
    """A browser that is open."""

    browser: Browser
    silent: set[str] = field(default_factory=set)
    """Hosts whose images did not come in time; nothing more is asked of them."""

    def take(self, html: str, look: str, to: Path) -> None:
        """A picture of a whole mail, in one of LOOKS; raises NoPicturesError where the browser makes none."""
        from playwright.sync_api import Error  # noqa: PLC0415 - an extra, and half a second

        width, scheme = LOOKS[look]
        try:
            with self.browser.new_context(
                viewport={"width": width, "height": _HEIGHT},
                color_scheme=scheme,
                java_script_enabled=False,
            ) as context:
                page = context.new_page()
                self._load(page, html)
                page.screenshot(path=to, full_page=True, timeout=SECONDS_MAX * 1_000)
        except Error as error:
            raise NoPicturesError(str(error).partition("\n")[0]) from None

    def _load(self, page: Page, html: str) -> None:
        """Show the mail, with those of its images that come in time."""
        from playwright.sync_api import TimeoutError as TooLateError  # noqa: PLC0415 - as above

        awaited: set[str] = set()

        def over(request: Request) -> None:
            awaited.discard(request.url)

        page.on("requestfinished", over)
        page.on("requestfailed", over)
        page.route("**/*", lambda route: self._images_alone(route, awaited))
        page.set_content(html, timeout=SECONDS_MAX * 1_000, wait_until="domcontentloaded")
        try:
            page.wait_for_load_state("load", timeout=IMAGES_SECONDS_MAX * 1_000)
        except TooLateError:
            self.silent |= {_host(url) for url in awaited}

    def _images_alone(self, route: Route, awaited: set[str]) -> None:
        """A mail loads its images, where they are encrypted on the way, and nothing else."""
        request = route.request
        if request.resource_type != "image" or _host(request.url) in self.silent:
            route.abort()
        elif request.url.startswith("https:"):
            awaited.add(request.url)
            route.continue_()
        elif request.url.startswith("data:"):
            route.continue_()
        else:
            route.abort()


@contextmanager
def camera(named: Path | None) -> Iterator[Camera]:
    """Open the browser for as long as pictures are taken; raises NoPicturesError where that cannot be."""
    place = chromium(named)
    try:
        from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 - an extra, and half a second
    except ImportError:
        raise NoPicturesError("playwright is not installed; `pip install clm[pictures]`") from None
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=place, args=arguments())
        except Error as error:
            raise NoPicturesError(f"{place} does not start: {str(error).splitlines()[0]}") from None
        try:
            yield Camera(browser)
        finally:
            browser.close()


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
