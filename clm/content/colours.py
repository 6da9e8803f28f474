"""Colours as style sheets write them, by name, by digits, by rgb() and hsl(), and how well words are read in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from colorsys import hls_to_rgb
from functools import lru_cache

_NAMES = """
    aliceblue f0f8ff antiquewhite faebd7 aqua 00ffff aquamarine 7fffd4 azure f0ffff beige f5f5dc bisque ffe4c4
    black 000000 blanchedalmond ffebcd blue 0000ff blueviolet 8a2be2 brown a52a2a burlywood deb887 cadetblue 5f9ea0
    chartreuse 7fff00 chocolate d2691e coral ff7f50 cornflowerblue 6495ed cornsilk fff8dc crimson dc143c cyan 00ffff
    darkblue 00008b darkcyan 008b8b darkgoldenrod b8860b darkgray a9a9a9 darkgreen 006400 darkgrey a9a9a9
    darkkhaki bdb76b darkmagenta 8b008b darkolivegreen 556b2f darkorange ff8c00 darkorchid 9932cc darkred 8b0000
    darksalmon e9967a darkseagreen 8fbc8f darkslateblue 483d8b darkslategray 2f4f4f darkslategrey 2f4f4f
    darkturquoise 00ced1 darkviolet 9400d3 deeppink ff1493 deepskyblue 00bfff dimgray 696969 dimgrey 696969
    dodgerblue 1e90ff firebrick b22222 floralwhite fffaf0 forestgreen 228b22 fuchsia ff00ff gainsboro dcdcdc
    ghostwhite f8f8ff gold ffd700 goldenrod daa520 gray 808080 green 008000 greenyellow adff2f grey 808080
    honeydew f0fff0 hotpink ff69b4 indianred cd5c5c indigo 4b0082 ivory fffff0 khaki f0e68c lavender e6e6fa
    lavenderblush fff0f5 lawngreen 7cfc00 lemonchiffon fffacd lightblue add8e6 lightcoral f08080 lightcyan e0ffff
    lightgoldenrodyellow fafad2 lightgray d3d3d3 lightgreen 90ee90 lightgrey d3d3d3 lightpink ffb6c1
    lightsalmon ffa07a lightseagreen 20b2aa lightskyblue 87cefa lightslategray 778899 lightslategrey 778899
    lightsteelblue b0c4de lightyellow ffffe0 lime 00ff00 limegreen 32cd32 linen faf0e6 magenta ff00ff maroon 800000
    mediumaquamarine 66cdaa mediumblue 0000cd mediumorchid ba55d3 mediumpurple 9370db mediumseagreen 3cb371
    mediumslateblue 7b68ee mediumspringgreen 00fa9a mediumturquoise 48d1cc mediumvioletred c71585
    midnightblue 191970 mintcream f5fffa mistyrose ffe4e1 moccasin ffe4b5 navajowhite ffdead navy 000080
    oldlace fdf5e6 olive 808000 olivedrab 6b8e23 orange ffa500 orangered ff4500 orchid da70d6 palegoldenrod eee8aa
    palegreen 98fb98 paleturquoise afeeee palevioletred db7093 papayawhip ffefd5 peachpuff ffdab9 peru cd853f
    pink ffc0cb plum dda0dd powderblue b0e0e6 purple 800080 rebeccapurple 663399 red ff0000 rosybrown bc8f8f
    royalblue 4169e1 saddlebrown 8b4513 salmon fa8072 sandybrown f4a460 seagreen 2e8b57 seashell fff5ee
    sienna a0522d silver c0c0c0 skyblue 87ceeb slateblue 6a5acd slategray 708090 slategrey 708090 snow fffafa
    springgreen 00ff7f steelblue 4682b4 tan d2b48c teal 008080 thistle d8bfd8 tomato ff6347 turquoise 40e0d0
    violet ee82ee wheat f5deb3 white ffffff whitesmoke f5f5f5 yellow ffff00 yellowgreen 9acd32"""
NAMED: Mapping[str, str] = {name: f"#{digits}" for name, digits in re.findall(r"([a-z]+) ([0-9a-f]{6})", _NAMES)}
"""The names of CSS Color 4."""
_DIGITS = re.compile(r"#([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})(?![0-9a-f])")
_CALL = re.compile(r"(rgb|hsl)a?\(([\d.,%\s/deg+-]+)\)")
_NAME = re.compile(r"[a-z]+(?![a-z(-])")
_VALUE = re.compile(r"(\d+\.?\d*|\.\d+)(%|deg)?")
_SHORT = len("abcd")
_CHANNELS = 3
_OPAQUE = len("#rrggbb")

CONTRAST_MIN = 4.5
CONTRAST_LARGE_MIN = 3.0
"""Of words with what they stand on, and of large letters (WCAG 2.2, 1.4.3)."""


@lru_cache(maxsize=4096)
def hex_of(text: str) -> str | None:
    """A colour that a text begins with as #rrggbb, or #rrggbbaa where what is behind shines through.

    None for what is none, or cannot be known without more, such as `inherit` and `var(…)`.
    """
    text = text.strip().lower()
    if found := _DIGITS.match(text):
        digits = found[1]
        return _opaque("#" + ("".join(digit * 2 for digit in digits) if len(digits) <= _SHORT else digits))
    if called := _CALL.match(text):
        return _called(called[1], [(float(number), unit) for number, unit in _VALUE.findall(called[2])])
    named = _NAME.match(text)
    return NAMED.get(named[0]) if named else None


def over(colour: str, ground: str) -> str:
    """What a colour of `hex_of` looks like on an opaque ground; #rrggbb."""
    if len(colour) == _OPAQUE:
        return colour
    share = int(colour[7:], 16) / 255
    return "#" + "".join(
        f"{round(share * int(colour[at : at + 2], 16) + (1 - share) * int(ground[at : at + 2], 16)):02x}"
        for at in (1, 3, 5)
    )


@lru_cache(maxsize=4096)
def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours given as #rrggbb, from 1 to 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _called(name: str, values: list[tuple[float, str]]) -> str | None:
    if len(values) not in {_CHANNELS, _CHANNELS + 1}:
        return None
    alpha = _share(*values[3], whole=1) if len(values) > _CHANNELS else 1.0
    if name == "rgb":
        parts = [_share(*value, whole=255) for value in values[:3]]
    else:
        parts = list(hls_to_rgb(values[0][0] % 360 / 360, min(values[2][0] / 100, 1), min(values[1][0] / 100, 1)))
    return _opaque("#" + "".join(f"{round(255 * part):02x}" for part in (*parts, alpha)))


def _share(number: float, unit: str, *, whole: int) -> float:
    return min(number / (100 if unit == "%" else whole), 1)


def _opaque(digits: str) -> str:
    """Without what says that nothing shines through."""
    return digits[:_OPAQUE] if digits[_OPAQUE:] == "ff" else digits
