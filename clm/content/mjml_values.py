"""What the attributes of MJML take: lengths, colours, whole numbers, and words from a list.

As the validator of MJML 4 says (documentation.mjml.io); the compiler that is used here writes any value into the
styles of the mail, where mail programs drop what they cannot read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from clm.content.colours import NAMED

_NUMBER = r"(?:\d+(?:\.\d+)?|\.\d+)"
_STAND_IN = re.compile(r"jjx\d{5}xjj")
_COLOURS = frozenset({*NAMED, "inherit", "none", "transparent"})
"""The names of CSS Color 4, and the three words that stand for no colour of one's own."""
_COLOUR = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})|(?:rgb|hsl)a?\([\d.,%\s/]+(?:deg)?[\d.,%\s/]*\)")


class _Kind(NamedTuple):
    """A kind of values: what they look like, and how that is said to whoever wrote another."""

    pattern: re.Pattern[str]
    wanted: str


def _lengths(units: str, wanted: str, *, most: int = 1, also: str = "") -> _Kind:
    """Lengths in any of `units` (an empty one stands for a bare number); 0 needs none."""
    one = rf"(?:{_NUMBER}(?:{units})|0)"
    return _Kind(re.compile(rf"{one}(?:\s+{one}){{0,{most - 1}}}{also}"), wanted)


def _words(text: str) -> _Kind:
    names = sorted(text.split())
    return _Kind(re.compile("|".join(map(re.escape, names))), " or ".join((", ".join(names[:-1]), names[-1])))


_PX = _lengths("px", "a length in px, such as `16px`")
_PX_OR_AUTO = _lengths("px", "a length in px, or `auto`", also="|auto")
_PX_OR_SHARE = _lengths("px|%", "a length in px or %")
_SIDES = _lengths("px|%", "one to four lengths in px or %, such as `10px 25px`", most=4)
_TABLE_WIDTH = _lengths("px|%", "a length in px or %, or `auto`", also="|auto")
_LINE = _lengths("px|%|", "a length in px or %, or a plain number such as `1.5`")
_SPACING = _Kind(re.compile(rf"-?{_NUMBER}(?:px|em)|0"), "a length in px or em")
_WHOLE = _Kind(re.compile(r"\d+"), "a whole number")
_ANY_COLOUR = _Kind(_COLOUR, "a colour, such as `#2c5a4b`")
_SIDE = _words("left center right")
_HEIGHT_OF_ROW = _words("top middle bottom")

_OF_ATTRIBUTE: Mapping[str, _Kind] = {
    **dict.fromkeys(("padding", "inner-padding", "ico-padding", "text-padding", "icon-padding"), _SIDES),
    **{
        f"{part}padding-{side}": _PX_OR_SHARE
        for part in ("", "inner-", "ico-")
        for side in ("bottom", "left", "right", "top")
    },
    **dict.fromkeys(("font-size", "ico-font-size", "border-width", "tb-width", "gap"), _PX),
    **dict.fromkeys(
        (*("height", "max-height", "width", "icon-size", "icon-height"), *("icon-width", "background-height")),
        _PX_OR_SHARE,
    ),
    "background-width": _PX_OR_SHARE,
    **dict.fromkeys(("border-radius", "inner-border-radius", "tb-border-radius"), _SIDES),
    **dict.fromkeys(("line-height", "ico-line-height"), _LINE),
    "letter-spacing": _SPACING,
    **dict.fromkeys(
        ("color", "background-color", "container-background-color", "inner-background-color", "border-color"),
        _ANY_COLOUR,
    ),
    **dict.fromkeys(("ico-color", "tb-hover-border-color", "tb-selected-border-color"), _ANY_COLOUR),
    **dict.fromkeys(("align", "ico-align", "text-align"), _SIDE),
    "direction": _words("ltr rtl"),
    **dict.fromkeys(("vertical-align", "icon-align"), _HEIGHT_OF_ROW),
    "icon-position": _words("left right"),
    "background-repeat": _words("repeat no-repeat"),
    "full-width": _Kind(re.compile("full-width|false|"), "`full-width`"),
    "fluid-on-mobile": _words("true false"),
    "table-layout": _words("auto fixed initial inherit"),
    **dict.fromkeys(("cellpadding", "cellspacing"), _WHOLE),
    "thumbnails": _words("visible hidden supported"),
}
_OF_ELEMENT: Mapping[tuple[str, str], _Kind] = {
    ("mj-text", "align"): _words("left center right justify"),
    ("mj-image", "height"): _PX_OR_AUTO,
    ("mj-image", "width"): _PX,
    ("mj-body", "width"): _PX,
    ("mj-breakpoint", "width"): _PX,
    ("mj-table", "width"): _TABLE_WIDTH,
    ("mj-hero", "mode"): _words("fixed-height fluid-height"),
    ("mj-social", "mode"): _words("horizontal vertical"),
}
"""Where an element takes other values than most."""
_ANY_ELEMENT = frozenset({"mj-all", "mj-class"})
_ELSEWHERE = frozenset(attribute for _, attribute in _OF_ELEMENT)


def unfit(element: str, attribute: str, value: str) -> str | None:
    """What is wrong with an attribute's value, with what MJML wants instead; None for what it takes, and for Jinja."""
    if _STAND_IN.search(value):
        return None
    if element in _ANY_ELEMENT and attribute in _ELSEWHERE:
        return None  # nobody knows yet whose it will be
    kind = _OF_ELEMENT.get((element, attribute)) or _OF_ATTRIBUTE.get(attribute)
    bare = value.strip().lower()
    if kind is None or kind.pattern.fullmatch(bare) or (kind is _ANY_COLOUR and bare in _COLOURS):
        return None
    return f"`{attribute}` of `{element}` is `{value[:40]}`; MJML wants {kind.wanted}"
