"""The contact sheet of a preview."""

from __future__ import annotations

import re

from clm.cli.sheet import sheet
from clm.config import load_configuration
from clm.domain.content import Content
from clm.engine.preview import Shown

from .test_check_words import PROJECT


def test_a_subject_stands_with_its_length() -> None:
    """A phone shows about forty characters, which nobody counts by eye; an SMS has no subject."""
    step = load_configuration(PROJECT / "config").campaigns[0].sends[0]
    subject = "A code, yours alone, & a week to use it in"
    mail = Shown(step, "en", Content(locale="en", text="Tea", subject=subject, html="<p>Tea</p>"))
    page = sheet("Tea", [(mail, {})])
    said = f'<small dir="ltr">{len(subject)} of about 40</small>'
    assert f"<strong>{subject.replace('&', '&amp;')}</strong> {said}" in page
    assert "<small" not in sheet("Tea", [(Shown(step, "en", Content(locale="en", text="Tea")), {})])


def test_what_the_sheet_says_itself_is_english_beside_words_of_any_direction() -> None:
    """Within a Persian line its figures would change places."""
    step = load_configuration(PROJECT / "config").campaigns[0].sends[0]
    mail = Shown(step, "fa", Content(locale="fa", text="چای", subject="چای تازه رسید", html="<p>چای</p>"))
    assert '<strong>چای تازه رسید</strong> <small dir="ltr">13 of about 40</small>' in sheet("Tea", [(mail, {})])


def test_languages_stand_in_the_order_of_the_shop() -> None:
    """As in the gallery; others come after them."""
    step = load_configuration(PROJECT / "config").campaigns[0].sends[0]
    shown = [(Shown(step, one, Content(locale=one, text="Tea")), {}) for one in ("ar", "de", "en", "fa")]
    heads = re.findall(r'<th scope="col">(\w\w)</th>', sheet("Tea", shown, first=("en", "fa", "ar")))
    assert heads == ["en", "fa", "ar", "de"]
