"""Customers' pages are made before anybody opens them, and what is wrong with one is told with its file and line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from clm.content.brand import read_brand
from clm.content.page_samples import SAMPLES, unreadable
from clm.content.page_words import PAGES, PageWords
from clm.errors import ConfigurationError

PROJECT = Path(__file__).parents[2]


def _faults(folder: Path) -> list[str]:
    brand = read_brand(PROJECT / "config" / "brand.yaml")
    try:
        found = unreadable(PageWords.load(folder, brand=brand, default_locale="en"), folder)
    except ConfigurationError as error:
        found = error.faults
    return [str(fault).removeprefix(f"{folder}/") for fault in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped pages, to be broken."""
    return Path(shutil.copytree(PROJECT / "templates" / "_pages", tmp_path / "_pages"))


def test_the_shipped_pages_can_be_made(folder: Path) -> None:
    """Each in every language."""
    assert set(SAMPLES) == set(PAGES)
    assert _faults(folder) == []


@pytest.mark.parametrize(
    ("page", "right", "wrong", "says"),
    [
        ("survey", "{% endif %}\n<p>", "<p>", "survey.html:45: is not Jinja: Encountered unknown tag 'endblock'."),
        (
            "join",
            "<h1>{{ words.join.title",
            "<h1>{{ words.join.tilte",
            "join.html:4: asks for `tilte`, which is not",
        ),
        ("join_form", "{{ words.join.wrong }}", "{{ words.join.wrnog }}", "join_form.html:5: asks for `wrnog`"),
        ("join_form", "{% endif %}\n<button", "<button", "join_form.html:"),
        (
            "layout",
            "brand.legal_name",
            "brand.leagl_name",
            "layout.html:17: asks for `leagl_name`, which is not there; did you mean `legal_name`?",
        ),
        (
            "layout",
            "{% block main %}{% endblock %}",
            "{% block main %}",
            "layout.html:17: is not Jinja: ",
        ),
        ("join", '"join_form.html"', '"form.html"', "join.html:6: asks for the file `form.html`, which does not exist"),
        ("confirm", "address=email", "adress=email", "confirm.html:6: cannot be made: KeyError: 'address'"),
        ("preferences", "words.preferences.barred_other", "words.barred", "preferences.html:31: asks for `barred`"),
        ("survey_thanks", "survey.thanks.sorry", "survey.thanks.sory", "survey_thanks.html:5: asks for `sory`"),
        ("referral", "words.referral.over", "words.referral.ovr", "referral.html:13: asks for `ovr`"),
    ],
)
def test_what_is_wrong_with_a_page_is_told_once_with_its_place(
    folder: Path, page: str, right: str, wrong: str, says: str
) -> None:
    """Also in what other pages are made of, and on the branches that only some readers come to."""
    path = folder / f"{page}.html"
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    [told] = _faults(folder)
    assert told.startswith(says)


def test_a_slip_is_told_with_what_may_be_meant(folder: Path) -> None:
    """The name that is most like it, of all that the page has."""
    for page, right, wrong in (("join", "words.join.lead", "words.join.laed"), ("layout", "legal_name", "leagl_name")):
        path = folder / f"{page}.html"
        path.write_text(path.read_text(encoding="utf-8").replace(right, wrong), encoding="utf-8")
    assert sorted(_faults(folder)) == [
        "join.html:5: asks for `laed`, which is not there; did you mean `lead`?",
        "layout.html:17: asks for `leagl_name`, which is not there; did you mean `legal_name`?",
    ]


def test_a_page_that_is_not_there_is_told(folder: Path) -> None:
    """By its file; somebody would be led to it."""
    (folder / "busy.html").unlink()
    assert _faults(folder) == ["busy.html: does not exist; a page of customers is made of it"]


def test_the_style_is_made_too(folder: Path) -> None:
    """It is in the brand's colours."""
    with (folder / "style.css").open("a", encoding="utf-8") as style:
        style.write("p { color: {{ brand.color.text }} }\n")
    [told] = _faults(folder)
    assert "style.css:" in told
    assert "asks for `color`" in told
