"""Holes in sentences: what a value that was left out leaves behind."""

from __future__ import annotations

import pytest

from clm.content.lint_holes import holes, prose


def _holes(text: str, locale: str = "en", *, spaces: bool = False) -> list[str]:
    return [one.message for one in holes("body.txt" if spaces else "body.mjml", text, locale)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hello ,\nWe have tea", "Hello ,"),
        ("We have tea .", "We have tea ."),
        ("Would you come ?", "Would you come ?"),
        ("سلام ،", "سلام ،"),
        ("آمدید ؟", "آمدید ؟"),
        ("Our tea ( ) is here", "Our tea ( )"),
        ("Our tea () is here", "Our tea ()"),
        ("We call it “” here", "We call it “”"),
        ("Мы зовём его «»", "Мы зовём его «»"),
        ("Tea, , spices", "Tea, ,"),
        ("Tea,, spices", "Tea,,"),
        ("Dear reader,\n, welcome", ","),
        ("Hello\u00a0,", "Hello\u00a0,"),
        ("\u200f، House Assam", "\u200f،"),  # a line that was kept right to left
    ],
)
def test_a_hole_in_a_sentence_is_told_with_what_stands_before_it(text: str, shown: str) -> None:
    """A space before a comma, or a pair of brackets around nothing, is what an empty fallback leaves behind."""
    assert _holes(text) == [f"has a hole where a value is missing: `{shown}`"]


def test_two_spaces_are_told_where_readers_see_them() -> None:
    """In plain text they show; what a list is set in with, or stands after a full stop, is layout."""
    assert _holes("Dear  friend", spaces=True) == ["has a hole where a value is missing: `Dear  friend`"]
    assert _holes("Dear  friend") == []
    assert _holes("    TEA-7K\n  * tea\nDone.  And more", spaces=True) == []


@pytest.mark.parametrize(
    "text",
    [
        "Hello, you",
        "tea at 2.30 …",
        "see .com",
        "(tea)",
        "1 (poor)",
        "«чай»",
        "a smile :)",
        "and so on ...",
        "it's 'x'",
        "on a scale of 1 : 100, and we won 3 : 1",
        "wait . . . what",
        "for you 🎁 !",
        "for you ☕️ !",
        "[ ] call them\n- [ ] write to them\n( ) leave it",
        "Assam house    2",
        "Tea      Price\nAssam    12\nGyokuro  1",
        "Assam   12\nGyokuro  1",
    ],
)
def test_whole_sentences_are_let_pass(text: str) -> None:
    """Marks where they belong, dots that go on and faces are no holes."""
    assert _holes(text, spaces=True) == []


def test_french_sets_a_space_before_some_marks() -> None:
    """Before `?`, `!`, `:` and `;`, but before no comma."""
    assert _holes("Vous venez ? Oui ! Voici : du thé ; ici", "fr-CA") == []
    assert len(_holes("Bonjour , voici .", "fr")) == 2


def test_hindi_sets_a_space_before_some_marks() -> None:
    """A colon without one would be read as a letter; a comma has none."""
    assert _holes("कोड : TEA\nक्या आप तैयार हैं ? हाँ !", "hi") == []
    assert len(_holes("नमस्ते ,", "hi-IN")) == 1


def test_what_looks_set_apart_and_is_not_is_told() -> None:
    """Brackets around nothing in a sentence, a colon after a word, gaps that are in no column."""
    assert len(_holes("Call [ ] today, or ( ) not\nAt 5 : tea\nThe tea . We")) == 4
    assert len(_holes("Assam   12\nTea  is here", spaces=True)) == 2


def test_words_are_seen_as_a_reader_sees_them() -> None:
    """Parts of a sentence that stand in elements of their own belong together, and blocks do not."""
    html = (
        "<html><head><title>T</title><style>p{}</style></head><body><div>Hello <b>Ada</b>,\n  <i>dear</i>.</div>"
        '<table><tr><td>5</td><td>Tea&nbsp;&amp; <a href="x" title="a > b">spice</a></td></tr></table><p>&nbsp;</p>'
        "Bye<br />.</body></html>"
    )
    assert prose(html) == "Hello Ada, dear.\n5\nTea\u00a0& spice\n\u00a0\nBye\n."
    assert _holes(prose('<p><a href="x"><img src="a > b" alt="Tea"></a>, and</p><p><img src="x"></p>')) == []
    assert prose('<p>Tea</p><p><img src="x"></p>') == "Tea"
    assert prose("<p>Tea<!-- ( ) --> and <script>x = ( )</script>spice</p>") == "Tea and spice"
    assert _holes(prose("<p>Hello <b></b>,</p>")) == ["has a hole where a value is missing: `Hello ,`"]
