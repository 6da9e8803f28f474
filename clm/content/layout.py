"""MJML made into HTML with the Jinja in it left in place, once per template when the templates are loaded.

The compiler must see no Jinja: it would take `<` in a condition for a tag and escape quotation marks. So each tag and
expression goes through it as a plain word and is put back afterwards.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING
from xml.parsers import expat

import css_inline
from jinja2 import Environment
from mjml import mjml2html

from clm.content import mjml_rules
from clm.content.source import blank, line_at
from clm.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

_STAND_IN = re.compile(r"jjx(\d{5})xjj")
_WHITE_PREHEADER = "display:none;font-size:1px;color:#ffffff;"
_STAND_IN_AS_COMMENT = re.compile(rf"(?:<!--)?{_STAND_IN.pattern}(?:-->)?")
_BETWEEN = re.compile(r">[^<]*(?=<)")  # the words between two tags
_HTML_COMMENT = re.compile(r"(<!--.*?-->)", re.DOTALL)
_ENDS = frozenset({"variable_end", "block_end", "comment_end"})
_COMMENT = re.compile(r"<!--(?!\[if|<!\[endif|>).*?-->", re.DOTALL)
_RAW = re.compile(r"<mj-raw\b[^>]*>.*?</mj-raw>", re.DOTALL)
_CONDITIONAL = re.compile(r"<!--\[if\b.*?-->|<!--<!\[endif\]-->", re.DOTALL)
"""What Outlook alone reads, which may hold half of a table; `<!--[if !mso]><!-->` is one by itself."""
_VALUE = re.compile(r"=\s*(?:\"([^\"<>]*)\"|'([^'<>]*)')")
_INCLUDE_PATH = re.compile(r'<mj-include\s[^>]*path="([^"]*)"')
_INCLUDE = re.compile(r'<mj-include\s[^>]*path="([^"]*)"[^>]*?(?:/>|>\s*</mj-include>)')
_INCLUDE_KIND = re.compile(r"<mj-include\s[^>]*type=")  # the compiler panics on type="html" and needs no other
_POSITION = re.compile(r' in (?:root template|template from "([^"]+)") at position (\d+):\d+')  # in bytes
Part = tuple[str, str]  # file, source


def html_of(source: str, *, file: str, part: Callable[[str], Part | None]) -> str:
    """The HTML of an MJML source; `part` finds what `<mj-include path="…">` names.

    Raises ConfigurationError with every fault found in the source and in the parts it includes.
    """
    parts: dict[str, Part] = {"": (file, source)}
    for path in _INCLUDE_PATH.findall(source):
        found = part(path)
        if found is None:
            line = line_at(source, source.index(path))
            raise ConfigurationError([Fault(file, f"includes `{path}`, which does not exist", line)])
        words = found[1].strip() if path.endswith(".txt") else _with_words(found[1], part)
        parts[path] = found[0], words
    faults = [fault for where, text in parts.values() for fault in _include_faults(where, text)]
    for path, (where, text) in parts.items():
        if path and _INCLUDE_PATH.search(text):
            faults.append(Fault(where, "is itself an included part and can't include another but texts"))
    if faults:
        raise ConfigurationError(faults)
    return _compiled(parts)


def _with_words(source: str, part: Callable[[str], Part | None]) -> str:
    """A part with the texts it includes written out, such as what a coupon gives."""

    def written(match: re.Match[str]) -> str:
        found = part(match[1]) if match[1].endswith(".txt") else None
        return found[1].strip() if found else match[0]

    return _INCLUDE.sub(written, source)


def _compiled(parts: dict[str, Part]) -> str:
    stand_ins = _StandIns()
    hidden = {path: stand_ins.hide(text) for path, (_, text) in parts.items()}

    invalid = [
        Fault(file, message, line)
        for path, (file, _) in parts.items()
        for line, message in mjml_rules.problems(hidden[path])
    ]
    if invalid:
        raise ConfigurationError(invalid)

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
    # White words are what filters look for; these are hidden all the same.
    html = html.replace(_WHITE_PREHEADER, _WHITE_PREHEADER.replace("#ffffff", "inherit"))
    return stand_ins.restore(_inlined(html, stand_ins))


def _inlined(html: str, stand_ins: _StandIns) -> str:
    """Rules written into the elements they are of, for readers that drop <style>; media queries stay where they are.

    Tags of Jinja go through it as comments, because an HTML parser moves words that stand between the rows of a table.
    """
    pieces = _HTML_COMMENT.split(html)
    html = "".join(piece if index % 2 else stand_ins.as_comments(piece) for index, piece in enumerate(pieces))
    return css_inline.inline(html, keep_style_tags=True, keep_at_rules=True, load_remote_stylesheets=False)


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
        for _, kind, value in self._lexer.lex(_COMMENT.sub(blank, text)):
            if kind == "data":
                pieces.append(value)
                continue
            tag.append(value)
            if kind in _ENDS:
                pieces.append("" if kind == "comment_end" else self._stand_in("".join(tag)))
                tag.clear()
        return _RAW.sub(lambda raw: _CONDITIONAL.sub(self._for_outlook, raw[0]), "".join(pieces))

    def _for_outlook(self, found: re.Match[str]) -> str:
        return self._stand_in(found[0]) + blank(found)

    def _stand_in(self, jinja: str) -> str:
        self._jinja.append(jinja)
        return f"jjx{len(self._jinja) - 1:05}xjj"

    def misplaced(self, text: str, html: str, *, times: int) -> str | None:
        """The first `{% … %}` of `text` that the compiler dropped or repeated; None when all are there.

        An attribute's value may be repeated, as long as all of it is.
        """
        kept = Counter(_STAND_IN.findall(html))
        values = [_STAND_IN.findall(one or other) for one, other in _VALUE.findall(text)]
        times_each = [(numbers, {kept[one] for one in numbers}) for numbers in values]
        whole = {one for numbers, found in times_each if len(found) == 1 and 0 not in found for one in numbers}
        for number in (one for one in _STAND_IN.findall(text) if one not in whole):
            jinja = self._jinja[int(number)]
            if jinja.startswith("{%") and kept[number] != times:
                return jinja.strip()
        return None

    def as_comments(self, html: str) -> str:
        """`html` with each `{% … %}` between elements, and each comment for Outlook, made a comment."""

        def made(match: re.Match[str]) -> str:
            return _STAND_IN.sub(lambda one: f"<!--{one[0]}-->" if self._is_tag(one) else one[0], match[0])

        return _BETWEEN.sub(made, html)

    def _is_tag(self, found: re.Match[str]) -> bool:
        return self._jinja[int(found[1])].startswith(("{%", "<!--"))

    def restore(self, html: str) -> str:
        """`html` with the Jinja back in place, also inside what Outlook alone reads."""
        return _STAND_IN_AS_COMMENT.sub(lambda match: self.restore(self._jinja[int(match[1])]), html)


def _include_faults(file: str, source: str) -> list[Fault]:
    text = _COMMENT.sub(blank, source)
    return [
        Fault(file, "`type` of <mj-include> is not supported; include MJML", line_at(text, match.start()))
        for match in _INCLUDE_KIND.finditer(text)
    ]


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


def _line_of(text: str, wanted: str) -> int | None:
    position = text.find(wanted)
    return None if position < 0 else line_at(text, position)
