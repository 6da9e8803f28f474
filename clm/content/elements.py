"""Goes through the elements of HTML as Python's parser does, reading each tag once however often it comes again.

Mails are made of a few tags, again and again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from html import unescape
from html.parser import HTMLParser

from clm.content.tags import ATTRIBUTES

Attributes = tuple[tuple[str, str | None], ...]
_PIECE = re.compile(rf"<!--.*?(?:-->|\Z)|<[/?!]?[a-zA-Z]{ATTRIBUTES}>", re.DOTALL)
_RAW = frozenset({"script", "style"})
"""What stands in these is no HTML."""


def walk(
    html: str,
    *,
    begins: Callable[[str, Attributes], None],
    ends: Callable[[str], None],
    says: Callable[[str], None],
) -> None:
    """Tell what begins with which attributes, what ends and which words stand between, in order; no comments."""
    at = 0
    while (found := _PIECE.search(html, at)) is not None:
        if found.start() > at:
            says(unescape(html[at : found.start()]))
        at = found.end()
        for tag, attributes, words in _parts(found[0]):
            if words is not None:
                says(words)
            elif attributes is None:
                ends(tag)
            else:
                begins(tag, attributes)
                if tag in _RAW:
                    closing = re.compile(rf"</{tag}", re.IGNORECASE).search(html, at)
                    at = closing.start() if closing else len(html)
    if at < len(html):
        says(unescape(html[at:]))


_Part = tuple[str, Attributes | None, str | None]
"""A tag with the attributes that it begins with, or with none where it ends; or words."""


@lru_cache(maxsize=8192)
def _parts(piece: str) -> tuple[_Part, ...]:
    """What Python's parser makes of one tag; of one with quotation marks that belong nowhere, more than that."""
    parser = _Parser()
    parser.feed(piece)
    return tuple(parser.found)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[_Part] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(attrs), None))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((tag, None, None))

    def handle_data(self, data: str) -> None:
        self.found.append(("", None, data))
