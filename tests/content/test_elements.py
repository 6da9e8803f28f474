"""HTML is gone through as Python's own parser would, and quicker."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from clm.content.elements import Attributes, walk

Seen = list[tuple[object, ...]]


class _Pythons(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: Seen = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.seen.append((tag,))

    def handle_data(self, data: str) -> None:
        self.seen.append((None, data))


def _walked(html: str) -> Seen:
    seen: Seen = []

    def begins(tag: str, attributes: Attributes) -> None:
        seen.append((tag, attributes))

    walk(html, begins=begins, ends=lambda tag: seen.append((tag,)), says=lambda words: seen.append((None, words)))
    return seen


@pytest.mark.parametrize(
    "html",
    [
        '<p class="a" hidden>Tea &amp; <b>spice</b> &#39;&nbsp;</p>',
        "<a title=\"a > b\" href='https://shop.example/?a=1&amp;b=2'>x</a>",
        '<A HREF="x" href="y">x</A >',
        "<a href=https://shop.example/>x</a>",
        'before<br/>between<img alt="" src="x"><span/>behind<hr>',
        '<!doctype html><!-- <a href="x">no</a> --><p>yes',
        "<!--[if mso]><td><![endif]--><!--[if !mso]><!--><p>yes</p><!--<![endif]-->",
        "<!-- not\nfinished <p>no</p>",
        "<p>\n&lt;script&gt; is shown</p>",
        "&copy;<i>in between</i>5 &gt; 4",
    ],
)
def test_elements_words_and_attributes_are_those_that_python_finds(html: str) -> None:
    """In order, with entities as the characters that they stand for; comments are left out."""
    parser = _Pythons()
    parser.feed(html)
    assert _walked(html) == parser.seen


@pytest.mark.parametrize("tag", ["script", "style", "STYLE"])
def test_what_stands_in_scripts_and_styles_is_no_html(tag: str) -> None:
    """A `<` is one there, and no words are; without an end nothing comes behind."""
    name = tag.lower()
    assert _walked(f"<{tag}>p > a {{ }} '<p>'</{tag}><p>x") == [(name, ()), (name,), ("p", ()), (None, "x")]
    assert _walked(f"<{tag}><p>x") == [(name, ())]


def test_a_sign_that_begins_no_tag_is_a_word() -> None:
    """`3 < 4` is shown as it stands."""
    assert _walked("<p>3 < 4</p>") == [("p", ()), (None, "3 < 4"), ("p",)]
