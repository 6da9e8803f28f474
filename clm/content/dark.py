"""A mail's HTML as a device shows it whose owner has chosen the dark scheme."""

from __future__ import annotations

import re

import css_inline

CANVAS = ("#ffffff", "#121212")
"""Words and ground of a dark page that says nothing of either, as Chromium has them."""
_DARK = re.compile(
    r"@media\s*(?:(?:only\s+)?(?:screen|all)\s+and\s+)?\(\s*prefers-color-scheme\s*:\s*dark\s*\)\s*", re.IGNORECASE
)
_DARK_RULES = re.compile(_DARK.pattern + r"\{((?:[^{}]++|\{(?:[^{}]++|\{[^{}]*+\})*+\})*+)\}", re.IGNORECASE)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STYLE = re.compile(r"<style\b[^>]*>.*?</style>", re.DOTALL | re.IGNORECASE)
_KNOWS_DARK = re.compile(
    r"""<meta\s+name=["']color-scheme["']\s+content=["'][^"']*\bdark|(?<![\w-])color-scheme\s*:[^;}"]*\bdark""",
    re.IGNORECASE,
)
_SAID = re.compile(r'(\s(?:href|src|alt|title|aria-label)=")[^"]+')
_WORDS = re.compile(r">(?!(?:\s|&\w+;|&#\w+;)*<)[^<]+(?=<)")


def knows_dark(html: str) -> bool:
    """Whether the mail says that it is made for the dark too, so that what it leaves open is dark there."""
    return _KNOWS_DARK.search(html) is not None


def changes(html: str) -> bool:
    """Whether the mail looks otherwise in the dark."""
    return knows_dark(html) or _DARK.search(html) is not None


def in_dark(html: str) -> str:
    """The mail with its rules for the dark in force, all of them written into the elements they are of."""
    return css_inline.inline(_STYLE.sub(_in_force, html), load_remote_stylesheets=False)


def _in_force(style: re.Match[str]) -> str:
    return _DARK_RULES.sub(r"\1", _CSS_COMMENT.sub("", style[0]))


def shape(html: str) -> str:
    """The mail without its words, links and pictures: what is left decides about colours, and many readers share it."""
    head, end, body = html.partition("</head>")
    if _STYLE.search(body) is None:  # whose rules would be taken for words
        body = _WORDS.sub(">x", _SAID.sub(r"\1", body))
    return head + end + body
