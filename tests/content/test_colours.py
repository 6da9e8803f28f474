"""Colours as style sheets write them."""

from __future__ import annotations

import pytest

from clm.content.colours import NAMED, contrast, hex_of, over


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#ABC", "#aabbcc"),
        ("#2c5a4b", "#2c5a4b"),
        ("#abcf", "#aabbcc"),
        ("#00000080", "#00000080"),
        ("navy", "#000080"),
        (" White ", "#ffffff"),
        ("rgb(9,9,9)", "#090909"),
        ("rgb(9 9 9 / 50%)", "#09090980"),
        ("rgba(255, 0, 0, 1)", "#ff0000"),
        ("rgba(0,0,0,.5)", "#00000080"),
        ("rgb(100%, 0%, 50%)", "#ff0080"),
        ("hsl(120, 100%, 25%)", "#008000"),
        ("hsla(240deg 100% 50% / 0.2)", "#0000ff33"),
        ("#fff url(https://x.example/a.png) no-repeat", "#ffffff"),
    ],
)
def test_a_colour_is_read_however_it_is_written(text: str, colour: str) -> None:
    """By name, by three to eight digits, by what rgb() and hsl() say; the rest of a background is left alone."""
    assert hex_of(text) == colour


@pytest.mark.parametrize(
    "text",
    ["", "inherit", "transparent", "var(--ink)", "url(https://x.example/red.png)", "lab(9% 9 9)", "#12345", "reddish"],
)
def test_what_is_no_colour_by_itself_is_none(text: str) -> None:
    """What is decided elsewhere, and what no mail program reads."""
    assert hex_of(text) is None


def test_what_shines_through_is_seen_as_mixed() -> None:
    """Half black on white is grey; an opaque colour is itself."""
    assert over("#00000080", "#ffffff") == "#7f7f7f"
    assert over("#2c5a4b", "#ffffff") == "#2c5a4b"


def test_every_name_is_six_digits_once() -> None:
    """CSS has 148 of them, seven of which are spelt both ways."""
    assert len(NAMED) == 148
    assert all(hex_of(colour) == colour for colour in NAMED.values())
    greys = [name for name in NAMED if "grey" in name]
    assert len(greys) == 7
    assert all(NAMED[name] == NAMED[name.replace("grey", "gray")] for name in greys)


def test_contrast_is_that_of_wcag() -> None:
    """Black on white is 21, and #767676 on white the well-known first grey that passes."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
