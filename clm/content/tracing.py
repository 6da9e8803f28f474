"""Finds the line of a template, or of a part that it includes, which something in a finished message comes from.

A file is made once more from sources with marks in them, for the same reader: behind each link and each picture's
address, before each line of words, and, as white space that Jinja does not see, inside each of its tags. Only where
something is wrong, since it costs a compilation; what cannot be told for sure is not told.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import TemplateSyntaxError

from clm.content.bidi import RIGHT_TO_LEFT_MARK
from clm.content.context import missing_path
from clm.content.lint_links import nameless
from clm.content.parts import Parts, joined
from clm.content.sandbox import Missing, MissingValueError, Sandbox
from clm.content.source import line_at
from clm.errors import ConfigurationError

if TYPE_CHECKING:
    from jinja2 import Template

    from clm.content.layout import Part

_MARK = re.compile(r"jjp(\d{5})pjj")
_LINES_MAX = 2**16
_CHARACTERS_MAX = 1_000_000
"""Ten times the largest message, for its marks; what goes on behind a missing value is bounded by nothing else."""
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_OPENED = re.compile(r"\{[{%][-+]?")
_CODED = re.compile(rf"{_OPENED.pattern}([ \t]{{16}})")
_WITHIN = "\x02"
"""A line that ends inside a tag of Jinja, while the tag is away."""
_AWAY = re.compile(f"\x00(\\d+){_WITHIN}*\x01")
_ADDRESS = re.compile(r"""\b(?:href|src)\s*=\s*(["'])[^"'<>]*?(?=\1)""")
_WORDS = re.compile(r">([^<>]+)")
_MADE_ADDRESS = re.compile(rf"""\b(?:href|src)\s*=\s*"([^"]*?){_MARK.pattern}\"""")
_MADE_WORDS = re.compile(r">([^<]+)")
_URL_GOES_ON = r"(?![\w/%?=&#-])"


@dataclass(frozen=True, slots=True)
class Origin:
    """A line of a source; None where nobody can tell which."""

    file: str
    line: int | None


class _Note(NamedTuple):
    """A value that was missing, and the line of the template that asked for it."""

    error: MissingValueError
    line: int


class _Marked(NamedTuple):
    """A file ready to render, with its marks."""

    template: Template
    tags: list[tuple[int, int]]
    """The lines that Jinja's tags begin in, as the template counts them, and the marks of these tags."""
    notes: list[_Note]
    """What was missing when it was rendered last."""


class Tracer:
    """Makes files once more, with marks."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._origins: list[Origin] = []
        self._marks: dict[Origin, int] = {}
        self._made: dict[str, _Marked | None] = {}

    def of_tear(self, file: str) -> Origin | None:
        """The tag that has no other half once MJML has moved the elements; None where that cannot be told."""
        try:
            text, tags = self._joined(file)
            Sandbox(autoescape=True).parse(text)
        except TemplateSyntaxError as error:
            marks = [mark for start, mark in tags if start <= error.lineno]
            return self._origins[marks[-1]] if marks and not str(error.message).startswith("Unexpected end") else None
        except (OSError, ConfigurationError):
            pass
        return None

    def missing(self, file: str, values: Mapping[str, Any]) -> list[tuple[str, Origin | None]]:
        """Every value that a file misses for a reader, and the tag that asks for it."""
        made = self._of(file)
        if made is None:
            return []
        made.notes.clear()
        try:
            _rendered(made.template, values)
        except MissingValueError as error:  # compared, or in a filter: there it stops
            made.notes.append(_Note(error, _line_of(error, made.template)))
        except Exception:  # noqa: BLE001, S110 - of what was put in for what is missing
            pass
        noted = [(missing_path(dict(values), one.error), self._origin(made, one.line)) for one in made.notes]
        return list(dict.fromkeys(noted))

    def of_error(self, file: str, values: Mapping[str, Any]) -> Origin | None:
        """The tag that stops the file for a reader; None where nothing does, or it cannot be told which."""
        made = self._of(file)
        if made is None:
            return None
        try:
            _rendered(made.template, values)
        except Exception as error:  # noqa: BLE001 - whatever stops a template is what we look for
            return self._origin(made, _line_of(error, made.template))
        return self._origin(made, made.notes[0].line) if made.notes else None

    def of_link(self, file: str, values: Mapping[str, Any], link: str) -> list[Origin]:
        """Every place that a link, or a picture, comes from which a reader gets in a file."""
        text = self._text(file, values)
        if file.endswith(".mjml"):
            marks = [found[2] for found in _MADE_ADDRESS.finditer(text) if unescape(found[1]) == link]
        else:
            marks = list(_before(text, re.compile(re.escape(link) + _URL_GOES_ON))) if link else []
        return list(dict.fromkeys(self._origins[int(mark)] for mark in marks))

    def of_nameless(self, file: str, values: Mapping[str, Any], link: str) -> list[Origin]:
        """Every place of a link, or a picture, that lacks words there, wherever else it has some."""
        found = [one for one in nameless(self._text(file, values)) if _MARK.sub("", one) == link]
        marks = [mark for one in found for mark in _MARK.findall(one)]
        return list(dict.fromkeys(self._origins[int(mark)] for mark in marks))

    def of_words(self, file: str, values: Mapping[str, Any], words: str) -> Origin | None:
        """The one place that words come from which a reader gets in a file; None where there is none, or several."""
        text = self._text(file, values)
        words = words.removeprefix(RIGHT_TO_LEFT_MARK)  # which a line gets once it is made
        wanted = " ".join(words.split())
        if not wanted:
            return None
        if file.endswith(".mjml"):
            pieces = [piece[1] for piece in _MADE_WORDS.finditer(text)]
            marks = [
                found[1]
                for piece in pieces
                if (found := _MARK.search(piece)) and " ".join(_MARK.sub("", unescape(piece)).split()) == wanted
            ]
        else:
            marks = list(_before(text, re.compile(re.escape(words))))
        origins = {self._origins[int(mark)] for mark in marks}
        return origins.pop() if len(origins) == 1 else None

    def _origin(self, made: _Marked, line: int) -> Origin | None:
        marks = [mark for start, mark in made.tags if start <= line]
        return self._origins[marks[-1]] if line and marks else None

    def _text(self, file: str, values: Mapping[str, Any]) -> str:
        made = self._of(file)
        try:
            return "" if made is None else _rendered(made.template, values)
        except Exception:  # noqa: BLE001 - a mark where none can stand; then nothing is told
            return ""

    def _of(self, file: str) -> _Marked | None:
        if file not in self._made:
            try:
                self._made[file] = self._make(file)
            except (OSError, ConfigurationError, TemplateSyntaxError):
                self._made[file] = None
        return self._made[file]

    def _make(self, file: str) -> _Marked:
        text, tags = self._joined(file)
        sandbox = Sandbox(autoescape=file.endswith(".mjml"))
        notes: list[_Note] = []
        sandbox.undefined = _noting(notes)
        return _Marked(sandbox.ready(sandbox.code_of(text, {})), tags, notes)

    def _joined(self, file: str) -> tuple[str, list[tuple[int, int]]]:
        path = self._parts.path(file)

        def part(name: str) -> Part | None:
            found = self._parts.find(name, path.parent.name)
            return None if found is None else (self._parts.file(found), self._source(self._parts.file(found)))

        return _with_tags_on_lines(joined(self._source(file), file=file, part=part))

    def _source(self, file: str) -> str:
        """A source with marks in it."""
        source = self._parts.path(file).read_text(encoding="utf-8-sig")
        jinja: list[str] = []

        def put_away(found: re.Match[str]) -> str:
            jinja.append(found[0])
            lines = _WITHIN * found[0].count("\n")
            return f"\x00{len(jinja) - 1}{lines}\x01"

        bare = _JINJA.sub(put_away, source)
        places = set(_places(bare, jinja, mjml=file.endswith(".mjml")))
        pieces, at = [], 0
        for place in sorted({*places, *(found.start() for found in _AWAY.finditer(bare))}):
            pieces += [bare[at:place], f"jjp{self._mark(file, bare, place):05}pjj" if place in places else ""]
            at = place
            if (tag := _AWAY.match(bare, place)) is not None:
                pieces.append(self._coded(jinja[int(tag[1])], self._mark(file, bare, place)))
                at = tag.end()
        return "".join([*pieces, bare[at:]])

    def _mark(self, file: str, text: str, place: int) -> int:
        origin = Origin(file, line_at(text, place) + text.count(_WITHIN, 0, place))
        if origin not in self._marks:
            self._marks[origin] = len(self._origins)
            self._origins.append(origin)
        return self._marks[origin]

    @staticmethod
    def _coded(tag: str, mark: int) -> str:
        """A tag with the number of its mark in white space; comments have none, nor what is beyond the last number."""
        opened = _OPENED.match(tag)
        if opened is None or mark >= _LINES_MAX:
            return tag
        code = f"{mark:016b}".replace("0", " ").replace("1", "\t")
        return f"{opened[0]}{code}{tag[opened.end() :]}"


def _places(bare: str, jinja: list[str], *, mjml: bool) -> Iterator[int]:
    """Where marks go in a source: the ends of addresses, and the beginnings of lines of words."""
    if not mjml:
        yield from _lines_of_words(bare, 0, len(bare), jinja)
        return
    for found in _ADDRESS.finditer(bare):
        yield found.end()
    for found in _WORDS.finditer(bare):
        yield from _lines_of_words(bare, *found.span(1), jinja)


def _lines_of_words(bare: str, start: int, end: int, jinja: list[str]) -> Iterator[int]:
    for line in re.compile(r"[^\n]+").finditer(bare, start, end):
        said = _AWAY.sub(lambda one: "x" if jinja[int(one[1])].startswith("{{") else "", line[0])
        if said.strip():
            yield line.start() + len(line[0]) - len(line[0].lstrip())


def _with_tags_on_lines(text: str) -> tuple[str, list[tuple[int, int]]]:
    """A template each of whose tags has a line of its own, and these lines with the marks of the tags."""
    pieces, tags, line, at = [], [], 1, 0
    for found in _CODED.finditer(text):
        pieces += [text[at : found.end()], "\n"]
        line += text.count("\n", at, found.end()) + 1
        tags.append((line, int(found[1].replace(" ", "0").replace("\t", "1"), 2)))
        at = found.end()
    return "".join([*pieces, text[at:]]), tags


def _noting(notes: list[_Note]) -> type[Missing]:
    """A missing value that is noted where it would stop the template, so that all of them are found at once."""

    class Noting(Missing):
        __slots__ = ()

        def _noted(self) -> None:
            error = self._undefined_exception(self._undefined_message)
            if not isinstance(error, MissingValueError):  # refused, not missing
                raise error
            frame = sys._getframe(2)  # noqa: SLF001 - there is no other way to ask who asks
            while frame.f_back is not None and "__jinja_template__" not in frame.f_globals:
                frame = frame.f_back
            asking = frame.f_globals.get("__jinja_template__")
            notes.append(_Note(error, asking.get_corresponding_lineno(frame.f_lineno) if asking else 0))

        def __str__(self) -> str:  # type: ignore[override]
            self._noted()
            return "x"

        def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
            self._noted()
            return iter(())

        def __len__(self) -> int:  # type: ignore[override]
            self._noted()
            return 0

        def __bool__(self) -> bool:  # type: ignore[override]
            self._noted()
            return False

    return Noting


def _rendered(template: Template, values: Mapping[str, Any]) -> str:
    pieces: list[str] = []
    left = _CHARACTERS_MAX
    for piece in template.root_render_func(template.new_context(dict(values), shared=True)):
        pieces.append(piece)
        left -= len(piece)
        if left < 0:
            break
    return "".join(pieces)


def _line_of(error: BaseException, template: Template) -> int:
    """The line of the template that has raised an error; 0 where none has."""
    line, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_globals.get("__jinja_template__") is template:
            line = template.get_corresponding_lineno(step.tb_lineno)
        step = step.tb_next
    return line


def _before(text: str, wanted: re.Pattern[str]) -> Iterator[str]:
    """The mark before each place where `wanted` stands."""
    for found in wanted.finditer(text):
        if marks := _MARK.findall(text, 0, found.start()):
            yield marks[-1]
