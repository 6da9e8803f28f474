"""Shipped words as readers see them: where Thai lines break, and what a text part can point at."""

from __future__ import annotations

import os
import re
from itertools import accumulate

import pytest
from playwright.sync_api import sync_playwright

from clm.cli.pictures import NoPicturesError, arguments, chromium
from clm.settings import Settings

from .conftest import PROJECT

TEMPLATES = PROJECT / "templates"
THAI = re.compile(r"[\u0e00-\u0e7f]+")
WHOLE = ("กระป๋อง", "กล่อง", "กริ่ง", "ความสุข", "บอก", "มอบ")
"""Words that browsers have split because of a letter beside them: ขอมอบ is read as ขอม and อบ."""
SEGMENTS = """runs => runs.map(run =>
    [...new Intl.Segmenter('th', {granularity: 'word'}).segment(run)].map(part => part.segment.length))"""
BUTTONS = {"en": "button", "fa": "دکمه", "ar": "زر", "th": "ปุ่ม", "ru": "кнопк"}


def torn(run: str, lengths: list[int]) -> set[str]:
    """Those of the words that do not begin and end where a browser may break the line."""
    breaks = {0, *accumulate(lengths)}
    found = ((word, *one.span()) for word in WHOLE for one in re.finditer(word, run))
    return {word for word, begin, end in found if not {begin, end} <= breaks}


@pytest.mark.slow
def test_thai_lines_break_between_words() -> None:
    """Thai has no spaces between words; browsers guess, and what they guess wrong is put otherwise."""
    try:
        program = chromium(Settings().chromium)
    except NoPicturesError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI is set: {error}")
        pytest.skip(str(error))
    files = [*TEMPLATES.glob("*/*/th/*"), *TEMPLATES.glob("_base/th/*"), TEMPLATES / "_pages" / "th.yaml"]
    texts = [path.read_text(encoding="utf-8") for path in files]
    runs = sorted({run for text in texts for run in THAI.findall(text)})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments())
        lengths = browser.new_page().evaluate(SEGMENTS, runs)
        browser.close()
    assert {run: bad for run, length in zip(runs, lengths, strict=True) if (bad := torn(run, length))} == {}


@pytest.mark.parametrize("locale", BUTTONS)
def test_the_text_part_that_asks_for_consent_points_at_its_link(locale: str) -> None:
    """It has no button that could be pressed."""
    words = (TEMPLATES / "confirm" / "address" / locale / "body.txt").read_text(encoding="utf-8")
    assert BUTTONS[locale] not in words
