"""The contact sheet of a preview."""

from __future__ import annotations

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
    assert f"<strong>{subject.replace('&', '&amp;')}</strong> <small>{len(subject)} of about 40</small>" in page
    assert "<small>" not in sheet("Tea", [(Shown(step, "en", Content(locale="en", text="Tea")), {})])
