"""Where words have a hole, because a value was left out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from html import unescape

from clm.content.bidi import RIGHT_TO_LEFT_MARK
from clm.content.problem import Problem
from clm.content.tags import ATTRIBUTES, IMAGE, INLINE, TAG

_MARKS = ",.،؛;:!?؟"
_SPACED = dict.fromkeys(("fr", "as", "bn", "hi", "mr", "ne", "sa"), ",.،")
"""Marks that never have a space before them where others may: in French, and in scripts of which `:` looks a letter."""
_PAIRS = r"\(\s*\)|\[\s*\]|«\s*»|“\s*”|„\s*[“”]|‘\s*’|\"\""
_HOLE = {
    marks: re.compile(
        rf"(?:(?<=\S)|^)[^\S\n]+[{marks}](?=\s|$)|^{RIGHT_TO_LEFT_MARK}?[,،;؛](?=\s|$)|[,،][^\S\n]*[,،]|{_PAIRS}",
        re.MULTILINE,
    )
    for marks in (_MARKS, *_SPACED.values())
}
_WIDE = re.compile(r"(?<=[^\W_]) {2,3}(?=[^\W_])")
_COLUMN = re.compile(r"(?<=\S) {2,}(?=(\S+))")
_BOX = re.compile(r"^[^\S\n]*(?:[-*][^\S\n]+)?(?:\[ \]|\( \))(?= \S)", re.MULTILINE)
"""What is ticked in a list: `[ ] call them`."""
_UNSEEN = re.compile(r"<(style|title|script)\b.*?</\1>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
_BODY = re.compile(rf"<body\b{ATTRIBUTES}>", re.IGNORECASE)
_SPACES = re.compile(r"[^\S\u00a0]+")
_PICTURE = "\ufffc"
_SHOWN_CHARACTERS = 40
_FALLBACK = "write a fallback that says something, or a sentence of its own for those without it"


def holes(file: str, text: str, locale: str) -> Iterator[Problem]:
    """Each hole in the words of a file as readers see them, who in HTML see several spaces as one."""
    pattern = _HOLE[_SPACED.get(locale.partition("-")[0], _MARKS)]
    boxes = {found.end() for found in _BOX.finditer(text)}
    torn = (found for found in pattern.finditer(text) if found.end() not in boxes and not _is_set_apart(text, found))
    wide = [found for found in _WIDE.finditer(text) if not _is_column(text, found)] if file != "body.mjml" else []
    for found in (*torn, *wide):
        start = text.rfind("\n", 0, found.end() - 1) + 1
        line = text[start:].partition("\n")[0]
        end = found.end() - start
        before = line[max(0, end - _SHOWN_CHARACTERS) : end] if found.re is pattern else line[: end + _SHOWN_CHARACTERS]
        shown = before.replace(_PICTURE, "").strip()
        yield Problem(file, f"has a hole where a value is missing: `{shown}`", _FALLBACK, "words", line.strip())


def _is_set_apart(text: str, found: re.Match[str]) -> bool:
    """Whether a mark has its space by custom: `1 : 100`, `. . .`, and what follows a picture."""
    before, mark, after = text[: found.end() - 1].rstrip(), text[found.end() - 1], text[found.end() :]
    last, following = before[-1:], after.lstrip()[:1]
    if mark == ":":
        return last.isdigit() and following.isdigit()
    if mark == ".":
        return last == "." or following == "."
    return mark in "!?؟" and last != "" and (last == "\ufe0f" or unicodedata.category(last) == "So")


def _is_column(text: str, gap: re.Match[str]) -> bool:
    """Whether what follows a gap begins or ends where it does in another line, as in a table of plain text."""
    start = text.rfind("\n", 0, gap.start()) + 1
    line, *below = text[start:].split("\n")
    own = _COLUMN.search(line, gap.start() - start)
    others = (other for one in (*text[:start].split("\n"), *below) for other in _COLUMN.finditer(one))
    return own is not None and any(own.end() == other.end() or own.end(1) == other.end(1) for other in others)


def prose(html: str) -> str:
    """The words of a mail as its reader sees them, a line for each block."""
    begin = _BODY.search(html)
    body = html[begin.end() if begin else 0 :]
    seen = IMAGE.sub(_PICTURE, _SPACES.sub(" ", _UNSEEN.sub(" ", body)))
    text = TAG.sub("\0", INLINE.sub("", seen))
    lines = (one.strip(" ") for one in unescape(text).split("\0"))
    return "\n".join(line for line in lines if line.strip(f" {_PICTURE}"))
