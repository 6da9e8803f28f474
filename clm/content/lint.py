"""Looks at one rendered message as its reader and their mail program would, and tells what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

from clm.content.colours import CONTRAST_LARGE_MIN, CONTRAST_MIN, contrast, hex_of, over
from clm.content.dark import CANVAS, changes, in_dark, knows_dark, shape
from clm.content.elements import Attributes, walk
from clm.content.lint_holes import holes, prose
from clm.content.lint_links import (
    CLOSE_TAG,
    HARMLESS,
    LEFT_OVER,
    dead_links,
    icon_of,
    images_told,
    is_in,
    links_told,
    parts_of,
    shown,
    untagged,
    urls,
)
from clm.content.lint_placeholders import placeholders
from clm.content.lint_sms import dear, misasked
from clm.content.problem import Problem
from clm.domain.content import ChannelName, Content
from clm.domain.sms import UNITS, segments

SUBJECT_CHARACTERS_MAX = 78
"""What fits one line of a header (RFC 5322, 2.1.1), and about what a wide screen shows of it."""
SMS_SEGMENTS_MAX = 3
_LARGE_PX, _LARGE_BOLD_PX = 24.0, 18.66
"""Letters are large from here on (WCAG 2.2, 1.4.3)."""
_BOLD = 600
_HEADINGS = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h4": 1.0, "h5": 0.83, "h6": 0.67}
"""How much larger their letters are than those around them, where nothing else is said (HTML, 15.3.6)."""
_BOLD_TAGS = frozenset({"strong", "b", "th", *_HEADINGS})

_JUDGED_BY_OTHERS = frozenset({"inherit", "transparent", "initial", "unset", "currentcolor", "none"})
_VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})
_SILENT = frozenset({"style", "title", "script", "head"})
_SHAPES_MAX = 64
_UNTOLD = "whose contrast cannot be told; write #rrggbb"
_MEND_PALE = "choose a darker or a lighter one of the two, or leave both to the layout"
_MEND_DARK = (
    "leave both colours to the layout, or give the element a `css-class` and set both of that class in"
    " `@media (prefers-color-scheme: dark)` of an <mj-style>, with `!important`"
)
_BODY: Mapping[ChannelName, str] = {"sms": "sms.txt", "email": "body.txt"}
_SHOW = "let no condition stand around it, here or around the part that says it"
_THUMBNAIL = "mj-carousel-thumbnail"
"""A link that MJML itself writes, to a picture of its carousel."""
_ACTIVE = frozenset({"script", "iframe", "object", "embed", "form"})


def problems(
    content: Content,
    channel: ChannelName,
    *,
    hosts: Collection[str],
    shows: Collection[str] = (),
    survey: Mapping[str, Any] | None = None,
    typical: bool = True,
) -> Iterator[Problem]:
    """What is wrong with a message; `hosts` are those that links may lead to, `survey` is what it asks for.

    `shows` are links and words that have to be there for every reader: the way out, the postal address. Of readers who
    are not `typical`, whose names are as long or as strange as names can be, only what must hold of everybody is told.
    """
    page = None if content.html is None else Page(content.html)
    if typical:
        yield from _left_over(content, channel, page)
        yield from _misworded(content, channel, survey)
    if channel == "sms":
        yield from _too_long(content.text) if typical else ()
        yield from links_told("sms.txt", urls(content.text), hosts)
        return
    if typical and content.subject and len(content.subject) > SUBJECT_CHARACTERS_MAX:
        told = f"is {len(content.subject)} characters long; mail programs show {SUBJECT_CHARACTERS_MAX} at most"
        yield Problem("subject.txt", told, "say the first thing, and leave the rest to the mail")
    if page is None:
        return
    for one in shows:
        told = f"does not show {shown(one)} to every reader, which marketing must"
        if one not in page.links and one not in page.words:
            yield Problem("body.mjml", told, _SHOW, "shown", one)
        if one not in content.text:
            yield Problem("body.txt", told, _SHOW, "shown", one)
    yield from images_told(page.images, hosts)
    yield from links_told("body.mjml", [one for one in page.links if one not in page.anchors], hosts)
    yield from links_told("body.txt", urls(content.text), hosts)
    yield from dead_links(page.html)
    yield from page.problems()
    if changes(page.html):
        yield from _dark_told(page)
    if typical and not page.preheader:
        told = "has no <mj-preview>; mail programs show the first words they find instead"
        yield Problem("body.mjml", told, "write <mj-preview>…</mj-preview> into <mj-head>")
    there = {untagged(link) for link in urls(content.text)}
    for link in dict.fromkeys(page.links):
        parts = parts_of(link)
        said = untagged(link) in there or is_in(content.text, link)
        if parts and parts.path.strip("/") and not link.startswith(HARMLESS) and not said:
            told = f"does not lead to {shown(link)}, as the HTML does"
            yield Problem("body.txt", told, "write the link there, too")


def _too_long(text: str) -> Iterator[Problem]:
    taken = segments(text)
    if taken.count > SMS_SEGMENTS_MAX:
        told = f"takes {taken.count} segments; {SMS_SEGMENTS_MAX} are enough for anything"
        beyond = taken.units - SMS_SEGMENTS_MAX * UNITS[taken.encoding][1]
        yield Problem("sms.txt", told, f"leave {beyond} of {taken.units} characters out")


def _misworded(content: Content, channel: ChannelName, survey: Mapping[str, Any] | None) -> Iterator[Problem]:
    """Holes in sentences, marks that the survey does not have, and what an SMS need not cost."""
    said = [("subject.txt", content.subject or ""), (_BODY.get(channel, "task.txt"), content.text)]
    if content.html is not None:
        said.append(("body.mjml", prose(content.html)))
    for file, text in said:
        yield from holes(file, text, content.locale)
        if survey is not None:
            yield from misasked(file, text, survey, locale=content.locale)
    if channel == "sms":
        yield from dear(content.text)


def _dark_told(page: Page) -> Iterator[Problem]:
    told = [one for one in _pale_in_dark(shape(page.html)) if one not in page.pale]
    found = _by_dark(page.html).pale if told else {}  # with the words, which the shape is without
    for one in told:
        clue = found[one].clue if one in found else ""
        yield Problem("body.mjml", f"in the dark scheme {one}; {_MEND_DARK}", None, "words", clue)


@lru_cache(maxsize=_SHAPES_MAX)
def _pale_in_dark(html: str) -> tuple[str, ...]:
    """Words that cannot be read on a dark device; judged once for all readers who get a mail of the same shape."""
    return tuple(_by_dark(html).pale)


def _by_dark(html: str) -> Page:
    return Page(in_dark(html), *(CANVAS if knows_dark(html) else ()))


def _left_over(content: Content, channel: ChannelName, page: Page | None) -> Iterator[Problem]:
    """Pieces of the template that a reader would see; not looked for where a name itself is one."""
    for file, text in (("subject.txt", content.subject or ""), (_BODY.get(channel, "task.txt"), content.text)):
        if found := LEFT_OVER.search(text):
            yield Problem(
                file, f"shows a piece of the template: `{found[0]}`", CLOSE_TAG, "words", _line_at(text, found)
            )
        yield from placeholders(file, text)
    if page is None:
        return
    if found := LEFT_OVER.search(page.words):
        told = f"shows a piece of the template: `{found[0]}`"
        yield Problem("body.mjml", told, CLOSE_TAG, "words", page.left_over)
    yield from placeholders("body.mjml", page.html)


def _line_at(text: str, found: re.Match[str]) -> str:
    """The line of a text that something was found in."""
    return text[text.rfind("\n", 0, found.start()) + 1 :].partition("\n")[0].strip()


@dataclass(slots=True)
class _Style:
    """How words look where the parser is."""

    tag: str
    colour: str | None
    ground: str
    size: float = 16.0
    bold: bool = False
    hidden: bool = False


@dataclass
class Page:
    """What a mail's HTML shows, where it leads, and what is wrong with it."""

    html: str
    colour: str | None = None
    ground: str = "#ffffff"
    """What words are set in, and on, where the mail does not say."""
    links: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    """What links within the mail may lead to: `#top`."""
    images: list[str] = field(default_factory=list)
    pale: dict[str, Problem] = field(default_factory=dict)
    """What is wrong with the colours of words, once each."""
    faults: list[Problem] = field(default_factory=list)
    """Everything else that is wrong."""
    left_over: str = ""
    """The first words with a piece of the template in them."""
    preheader: str = ""
    words: str = ""

    def __post_init__(self) -> None:
        """Read it."""
        reader = _Reader(self)
        walk(self.html, begins=reader.begins, ends=reader.ends, says=reader.says)
        self.words = " ".join(self.words.split())

    def problems(self) -> Iterator[Problem]:
        """What is wrong with it, with the places."""
        yield from dict.fromkeys(self.faults)
        yield from self.pale.values()


class _Reader:
    """Is told of the elements and keeps what is inherited."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._styles = [_Style("", page.colour, page.ground)]

    def begins(self, tag: str, attributes: Attributes) -> None:
        """An element begins."""
        found = {name: value or "" for name, value in attributes}
        self._page.anchors |= {f"#{found[name]}" for name in ("id", "name") if found.get(name)}
        if tag == "a" and "href" in found and _THUMBNAIL not in found.get("class", "").split():
            self._page.links.append(found["href"])
        if tag == "area" and "href" in found:
            self._page.links.append(found["href"])
        if tag == "img":
            self._page.images.append(found.get("src", ""))
            if "alt" not in found:
                told = "has an image without `alt`; many readers see no images"
                remedy = 'say in `alt="…"` what it shows, and nothing between the quotes where it is an ornament'
                source = found.get("src", "")
                problem = Problem("body.mjml", told, remedy, "nameless", source)
                if icon := icon_of(source):
                    problem = replace(problem, about="source", clue=icon.clue)
                self._page.faults.append(problem)
        if tag in _ACTIVE or any(name[:2] == "on" for name in found):
            told = f"holds <{tag}> or a handler, which mail programs drop and readers fear"
            self._page.faults.append(Problem("body.mjml", told, "leave it out", "source", f"<{tag}"))
        if tag not in _VOID:
            self._styles.append(self._style(tag, found))

    def _style(self, tag: str, found: dict[str, str]) -> _Style:
        above, own = self._styles[-1], _look(found.get("style", ""), found.get("bgcolor", ""))
        for one in own.told:
            self._page.pale.setdefault(one.message, one)
        return _Style(
            tag,
            own.colour or above.colour,
            over(own.ground, above.ground) if own.ground else above.ground,
            above.size * _HEADINGS.get(tag, 1.0) if own.size is None else own.size,
            tag in _BOLD_TAGS or above.bold if own.bold is None else own.bold,
            above.hidden or own.hidden or tag in _SILENT,
        )

    def ends(self, tag: str) -> None:
        """An element ends, and what was left open in it."""
        for index in range(len(self._styles) - 1, 0, -1):
            if self._styles[index].tag == tag:
                del self._styles[index:]
                return

    def says(self, data: str) -> None:
        """Words stand where it is."""
        if not data.strip():
            return
        style = self._styles[-1]
        if style.hidden:
            if style.tag == "div":
                self._page.preheader += data
            return
        self._page.words += f"{data} "
        if not self._page.left_over and LEFT_OVER.search(data):
            self._page.left_over = data.strip()
        if style.colour is None:
            return
        needed = CONTRAST_LARGE_MIN if style.size >= (_LARGE_BOLD_PX if style.bold else _LARGE_PX) else CONTRAST_MIN
        colour = over(style.colour, style.ground)
        seen = contrast(colour, style.ground)
        if seen < needed:
            told = f"sets words in {colour} on {style.ground}, a contrast of {seen:.1f}; {needed:g} is the least"
            self._page.pale.setdefault(told, Problem("body.mjml", told, _MEND_PALE, "words", data.strip()))


class _Look(NamedTuple):
    """What one element says of how it looks; None of what it leaves to the one around it."""

    colour: str | None
    ground: str | None
    size: float | None
    bold: bool | None
    hidden: bool
    told: tuple[Problem, ...]


@lru_cache(maxsize=4096)
def _look(style: str, bgcolor: str) -> _Look:
    """What attributes say; a mail has few of them, again and again."""
    rules = _rules(style)
    weight = rules.get("font-weight", "")
    size = re.fullmatch(r"([\d.]+)px", rules.get("font-size", ""))
    bold = int(weight) >= _BOLD if weight.isdecimal() else {"bold": True, "normal": False}.get(weight)
    return _Look(
        hex_of(rules.get("color", "")),
        hex_of(rules.get("background-color") or rules.get("background") or bgcolor),
        float(size[1]) if size else None,
        bold,
        rules.get("display", "").startswith("none"),
        tuple(
            Problem("body.mjml", f"has the {name} `{rules[name][:30]}`, {_UNTOLD}", None, "source", rules[name])
            for name in ("color", "background-color")
            if name in rules and hex_of(rules[name]) is None and rules[name] not in _JUDGED_BY_OTHERS
        ),
    )


def _rules(style: str) -> Mapping[str, str]:
    """The rules of a `style`, by name."""
    pairs = (rule.partition(":") for rule in style.split(";"))
    rules = {name.strip().lower(): value.partition("!") for name, _, value in pairs if value}
    if rules.get("background", ("", "", ""))[1] > rules.get("background-color", ("", "", ""))[1]:
        rules.pop("background-color", None)  # an important `background` sets the colour, too
    return {name: value.strip() for name, (value, _, _) in rules.items()}
