"""MJML made into HTML with the Jinja in it left in place, once per template when the templates are loaded.

The compiler must see no Jinja: it would take `<` in a condition for a tag and escape quotation marks. So each tag and
expression goes through it as a plain word and is put back afterwards.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING
from xml.parsers import expat

from jinja2 import Environment
from mjml import mjml2html

from clm.domain.nearest import nearest
from clm.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

_STAND_IN = re.compile(r"jjx(\d{5})xjj")
_ENDS = frozenset({"variable_end", "block_end", "comment_end"})
_COMMENT = re.compile(r"<!--(?!\[if).*?-->", re.DOTALL)
_ELEMENT = re.compile(r"<(mj[\w-]*)")
_INCLUDE_PATH = re.compile(r'<mj-include\s[^>]*path="([^"]*)"')
_INCLUDE = re.compile(r'<mj-include\s[^>]*path="([^"]*)"[^>]*?(?:/>|>\s*</mj-include>)')
_INCLUDE_KIND = re.compile(r"<mj-include\s[^>]*type=")  # the compiler panics on type="html" and needs no other
_POSITION = re.compile(r' in (?:root template|template from "([^"]+)") at position (\d+):\d+')  # in bytes
_ELEMENTS = frozenset(
    (
        *("mjml", "mj-head", "mj-body", "mj-include", "mj-attributes", "mj-all", "mj-class", "mj-breakpoint"),
        *("mj-font", "mj-preview", "mj-style", "mj-title", "mj-raw", "mj-wrapper", "mj-section", "mj-group"),
        *("mj-column", "mj-text", "mj-button", "mj-image", "mj-divider", "mj-spacer", "mj-table", "mj-hero"),
        *("mj-social", "mj-social-element", "mj-navbar", "mj-navbar-link", "mj-accordion", "mj-accordion-element"),
        *("mj-accordion-title", "mj-accordion-text", "mj-carousel", "mj-carousel-image"),
    )
)

Part = tuple[str, str]  # file, source


def html_of(source: str, *, file: str, part: Callable[[str], Part | None]) -> str:
    """The HTML of an MJML source; `part` finds what `<mj-include path="…">` names.

    Raises ConfigurationError with every fault found in the source and in the parts it includes.
    """
    parts: dict[str, Part] = {"": (file, source)}
    for path in _INCLUDE_PATH.findall(source):
        found = part(path)
        if found is None:
            line = _line(source, source.index(path))
            raise ConfigurationError([Fault(file, f"includes `{path}`, which does not exist", line)])
        parts[path] = found
    faults = [fault for where, text in parts.values() for fault in _element_faults(where, text)]
    for path, (where, text) in parts.items():
        if path and _INCLUDE_PATH.search(text):
            faults.append(Fault(where, "is itself an included part and can't include another"))
    if faults:
        raise ConfigurationError(faults)
    return _compiled(parts)


def _compiled(parts: dict[str, Part]) -> str:
    stand_ins = _StandIns()
    hidden = {path: stand_ins.hide(text) for path, (_, text) in parts.items()}

    # Put in as text, because mrml 1.4 gives a section that it includes itself no width of its own.
    whole = _INCLUDE.sub(lambda match: hidden[match[1]], hidden[""])
    try:
        html = mjml2html(whole, disable_comments=True, fonts={})
    except ValueError as error:
        raise ConfigurationError([_parse_fault(parts, hidden, _complaint(hidden) or str(error))]) from None
    includes = Counter(["", *_INCLUDE_PATH.findall(hidden[""])])
    for path, (file, text) in parts.items():
        if lost := stand_ins.misplaced(hidden[path], html, times=includes[path]):
            message = f"`{lost}` is lost or repeated where it stands; between elements, wrap it in <mj-raw>"
            raise ConfigurationError([Fault(file, message, _line_of(text, lost))])
    file, source = parts[""]
    if "<mj-" in html:
        name = html[html.index("<mj-") + 1 :].split(">")[0].split()[0]
        raise ConfigurationError([Fault(file, f"`{name}` stands where MJML does not allow it", _line_of(source, name))])
    return stand_ins.restore(html)


def _complaint(hidden: dict[str, str]) -> str | None:
    """What the compiler says of the source when it includes the parts itself, and so can name the one at fault."""
    try:
        mjml2html(hidden[""], include_loader=lambda path: hidden[path], disable_comments=True, fonts={})
    except ValueError as error:
        return str(error)
    return None


class _StandIns:
    """Words that stand in for Jinja while MJML is compiled."""

    def __init__(self) -> None:
        self._jinja: list[str] = []
        self._lexer = Environment(autoescape=True, keep_trailing_newline=True)

    def hide(self, text: str) -> str:
        """`text` with each Jinja tag and expression replaced; Jinja comments and MJML comments are dropped."""
        pieces: list[str] = []
        tag: list[str] = []
        for _, kind, value in self._lexer.lex(_COMMENT.sub(_blank, text)):
            if kind == "data":
                pieces.append(value)
                continue
            tag.append(value)
            if kind in _ENDS:
                pieces.append("" if kind == "comment_end" else self._stand_in("".join(tag)))
                tag.clear()
        return "".join(pieces)

    def _stand_in(self, jinja: str) -> str:
        self._jinja.append(jinja)
        return f"jjx{len(self._jinja) - 1:05}xjj"

    def misplaced(self, text: str, html: str, *, times: int) -> str | None:
        """The first `{% … %}` of `text` that the compiler dropped or repeated; None when all are there."""
        kept = Counter(_STAND_IN.findall(html))
        for number in _STAND_IN.findall(text):
            jinja = self._jinja[int(number)]
            if jinja.startswith("{%") and kept[number] != times:
                return jinja.strip()
        return None

    def restore(self, html: str) -> str:
        """`html` with the Jinja back in place."""
        return _STAND_IN.sub(lambda match: self._jinja[int(match[1])], html)


def _element_faults(file: str, source: str) -> list[Fault]:
    text = _COMMENT.sub(_blank, source)
    faults = [
        Fault(
            file,
            f"there is no MJML element `{match[1]}`{nearest(match[1], sorted(_ELEMENTS))}",
            _line(text, match.start()),
        )
        for match in _ELEMENT.finditer(text)
        if match[1] not in _ELEMENTS
    ]
    faults += [
        Fault(file, "`type` of <mj-include> is not supported; include MJML", _line(text, match.start()))
        for match in _INCLUDE_KIND.finditer(text)
    ]
    return faults


def _parse_fault(parts: dict[str, Part], hidden: dict[str, str], complaint: str) -> Fault:
    """The compiler does not always say where; then an XML reader says which line is not well formed."""
    if place := _POSITION.search(complaint):
        path = place[1] or ""
        found = hidden[path].encode()[int(place[2]) :].lstrip()
        line = hidden[path].count("\n") - found.count(b"\n") + 1
        return Fault(parts[path][0], f"is not MJML: {complaint[: place.start()]}", line)
    for path, (file, _) in parts.items():
        parser = expat.ParserCreate()
        parser.UseForeignDTD(True)  # or `&nbsp;` would be unknown
        try:
            parser.Parse(f"<part>{hidden[path]}</part>", True)
        except expat.ExpatError as error:
            return Fault(file, f"is not MJML: {expat.ErrorString(error.code)}", error.lineno)
    return Fault(parts[""][0], f"is not MJML: {complaint}")


def _blank(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _line_of(text: str, wanted: str) -> int | None:
    position = text.find(wanted)
    return None if position < 0 else _line(text, position)
