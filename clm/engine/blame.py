"""Where what is wrong with messages has to be mended: in their own words, a part of many, or a colour of the brand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from clm.content.brand import Brand, Palette
from clm.content.colours import CONTRAST_MIN, contrast
from clm.content.legal import REQUIRED, says
from clm.content.library import TemplateLibrary
from clm.content.lint_placeholders import lines_with
from clm.content.parts import SHARED, Parts
from clm.content.problem import Problem
from clm.content.source import line_at
from clm.content.tracing import Origin, Tracer
from clm.errors import Fault, RenderError
from clm.yaml_file import YamlFile

_STANDS_ON: Mapping[str, tuple[str, ...]] = {
    "text": ("card",),
    "muted": ("card", "background"),
    "primary": ("card", "background"),
    "on_primary": ("primary",),
}
"""What colours of words are set on, in the shipped layouts and pages."""
_DARKER = "choose a darker or a lighter one"
_PAIR = re.compile(r"sets words in (#[0-9a-f]{6}) on (#[0-9a-f]{6})")
_VALUE = re.compile(r"`\{\{ (\w+\.\w+) \}\}`")
_CARRIED = re.compile(r"missing value (coupon|survey)\b")
"""What a step carries or not, whoever reads."""
_FALLBACK = "write a fallback, `{{ … | default('…') }}` or `{% if … is defined %}`"
_OTHER_VALUE = "give what stands there a value of the kind that it needs, or use another filter"
_REMEDIES = (
    ("missing value", _FALLBACK),
    ("access to attribute", "templates hold plain values only, without methods and attributes; use a filter"),
    ("longer than", "leave something out: mail programs cut what is longer, the way out first"),
    ("nothing to say", "write its words, and where all of them stand in a condition, words for its other side"),
    ("line break", "write it as one line"),
)


class Message(NamedTuple):
    """One message in one language."""

    campaign: str
    step: str
    locale: str


@dataclass(frozen=True, slots=True)
class Told:
    """A fault, and the message that it was seen in."""

    fault: Fault
    message: Message
    same: str
    """What two faults of one line have in common that are one."""


def gathered(found: Iterable[Told], parts: Parts) -> list[Fault]:
    """Each fault once, with the number of messages where it lies in a part that many include."""
    faults: dict[tuple[str, int | None, str], Fault] = {}
    messages: dict[tuple[str, int | None, str], set[Message]] = {}
    for one in found:
        key = one.fault.file, one.fault.line, one.same
        faults.setdefault(key, one.fault)
        messages.setdefault(key, set()).add(one.message)
    return [
        counted(fault, len(messages[key])) if parts.is_shared(fault.file) else fault for key, fault in faults.items()
    ]


def counted(fault: Fault, messages: int) -> Fault:
    """A fault with the number of messages that it spoils."""
    if messages <= 1:
        return fault
    what, semicolon, rest = fault.message.partition("; ")
    return replace(fault, message=f"{what} (and so in {messages} messages){semicolon}{rest}")


class Places:
    """Finds the lines of problems of one project's messages."""

    def __init__(self, library: TemplateLibrary) -> None:
        self._parts = library.parts
        self._tracer = Tracer(library.parts)
        self._known: dict[tuple[str, str, str], list[Origin]] = {}
        self._sources: dict[str, Mapping[str, str]] = {}

    def of_problem(self, file: str, problem: Problem, given: Mapping[str, Any]) -> list[Fault]:
        """A problem of a message's file, at each line that it comes from; at none where nobody can tell."""
        key = file, problem.message, problem.clue
        if key not in self._known:
            unknown = Origin(file, None)
            self._known[key] = [one or unknown for one in self._origins(file, problem, given)] or [unknown]
        return [Fault(one.file, problem.message, one.line, remedy=problem.remedy) for one in self._known[key]]

    def _origins(self, file: str, problem: Problem, given: Mapping[str, Any]) -> Iterator[Origin | None]:
        match problem.about:
            case None:
                yield Origin(file, 1)
            case "link":
                yield from self._tracer.of_link(file, given, problem.clue)
            case "nameless":
                yield from self._tracer.of_nameless(file, given, problem.clue)
            case "words":
                fixed = [self._only(file, colour) for colour in pair_of(problem) or ()]
                in_part = [origin for origin in fixed if origin is not None and origin.file != file]
                own = fixed[0] if fixed else None  # of words that stand twice, the one line that says their colour
                yield in_part[0] if in_part else self._tracer.of_words(file, given, problem.clue) or own
            case "source" if there := self._placeholders(file, problem.clue):
                yield from there
            case "source":
                yield self._only(file, problem.clue)

    def _placeholders(self, file: str, piece: str) -> list[Origin]:
        """The lines of the sources of a file that hold a placeholder of another program, one wherever it stands."""
        return [Origin(name, line) for name, text in self.sources(file).items() for line in lines_with(piece, text)]

    def _only(self, file: str, piece: str) -> Origin | None:
        """The one line of the sources of a file that holds a piece."""
        lines = [
            Origin(name, number)
            for name, text in self.sources(file).items()
            for number, line in enumerate(text.split("\n"), 1)
            if piece.lower() in line.lower()
        ]
        return lines[0] if len(lines) == 1 else None

    def of_stop(self, error: RenderError, reader: str, values: Mapping[str, Any]) -> Iterator[tuple[Fault, str]]:
        """What stops a file for a reader, each with what it is one of; everything that is missing at once."""
        file = str(error.file)
        cannot = f"cannot be written to a reader with {reader}: "
        if carried := _CARRIED.match(error.reason):
            # Whatever part asks for it, it is the message that ought not to.
            line, _ = self.of_value(file, carried[1])
            told = f"missing value {carried[1]}"
            yield Fault(file, cannot + told, line, remedy=remedy_of(told)), told
            return
        missing = self._tracer.missing(file, values) if error.reason.startswith("missing value") else []
        for name, origin in missing:
            told, found = f"missing value {name}", origin or Origin(file, None)
            yield Fault(found.file, cannot + told, found.line, remedy=remedy_of(told)), told
        if not missing:
            whole = error.reason.startswith(("longer than", "nothing to say", "line break"))
            found = Origin(file, 1) if whole else self._tracer.of_error(file, values) or Origin(file, None)
            yield Fault(found.file, cannot + error.reason, found.line, remedy=remedy_of(error.reason)), error.reason

    def of_value(self, file: str, value: str) -> tuple[int | None, Origin | None]:
        """The line of a file that says a value or includes the part that does; and the part's own."""
        said = re.compile(rf"\b{re.escape(value)}\b")  # of a coupon also the name of the part that is about it
        for name, text in self.sources(file).items():
            if (found := said.search(text)) is not None:
                line = line_at(text, found.start())
                return (line, None) if name == file else (self._line_of_part(file, name), Origin(name, line))
        return None, None

    def _line_of_part(self, file: str, part: str) -> int | None:
        """The line of a file that includes a part."""
        name = f"{SHARED}/{part.rpartition('/')[2]}"
        lines = [number for number, line in enumerate(self.sources(file)[file].split("\n"), 1) if name in line]
        return lines[0] if lines else None

    def sources_of(self, folder: str, name: str) -> Mapping[str, str]:
        """`sources` of a file in a folder; none where it is not there."""
        file = f"{folder}/{name}"
        return self.sources(file) if self._parts.path(file).is_file() else {}

    def sources(self, file: str) -> Mapping[str, str]:
        """The texts of a file and of the parts that it includes, by name; its own first."""
        if file not in self._sources:
            self._sources[file] = self._parts.sources(file)
        return self._sources[file]


def carried_by(error: RenderError) -> str | None:
    """What a step would have to carry for a message that is stopped without it: `coupon`, `survey`."""
    found = _CARRIED.match(error.reason)
    return found[1] if found else None


def remedy_of(reason: str) -> str | None:
    """What to do about what stops a message."""
    if carried := _CARRIED.match(reason):
        return f"give its step a `{carried[1]}:` in the campaign's file, or leave the words out"
    remedy = next((remedy for beginning, remedy in _REMEDIES if reason.startswith(beginning)), None)
    return remedy or (None if "; " in reason else _OTHER_VALUE)


def pale(brand: Brand, path: Path) -> dict[tuple[str, str], Fault]:
    """Colours of the brand that words cannot be read in, by day or by night, by what is set on what."""
    found: dict[tuple[str, str], Fault] = {}
    file = YamlFile(path)
    for where, palette in ((("colours",), brand.colours), (("colours", "dark"), brand.colours.dark)):
        for name, grounds in _STANDS_ON.items():
            for ground in grounds:
                pair = _of(palette, name), _of(palette, ground)
                if (seen := contrast(*pair)) < CONTRAST_MIN:
                    told = f"has a contrast of {seen:.1f} with `{ground}`, on which it stands; {CONTRAST_MIN} at least"
                    found.setdefault(pair, replace(file.fault((*where, name), told), remedy=_DARKER))
    return found


def pair_of(problem: Problem) -> tuple[str, str] | None:
    """The colours of words that a problem is about, and of what they stand on."""
    pair = _PAIR.search(problem.message)
    return (pair[1], pair[2]) if pair else None


def _of(palette: Palette, name: str) -> str:
    return str(getattr(palette, name)).lower()


def of_the_law(faults: Iterable[Fault], library: TemplateLibrary) -> list[Fault]:
    """Faults of `marketing_faults`, those at a shared part that ought to say what is lacking told of the part."""
    places = Places(library)
    return gathered((_lawful(fault, places, library) for fault in faults), library.parts)


def _lawful(fault: Fault, places: Places, library: TemplateLibrary) -> Told:
    _, campaign, step, locale, name = fault.file.split("/")
    value = _VALUE.search(fault.message)
    part = None if value is None else ought_to_say(value[1], fault.file, places, library)
    remedy = None
    if value is not None:
        alone = part is not None or name == "sms.txt"  # parts that say who writes are long, and made for mail
        said_by = None if alone else library.parts.saying(value[1], fault.file)
        remedy = f"include `{said_by}`, which says it" if said_by else "write it there"
    return Told(replace(fault, file=part or fault.file, remedy=remedy), Message(campaign, step, locale), fault.message)


def ought_to_say(value: str, file: str, places: Places, library: TemplateLibrary) -> str | None:
    """The part of a file that should say a value: what is called like it in another language, or as text, does.

    Where none does, the part that says something else that the law wants. None where the file includes no such part.
    """
    brand = library.brand(file.split("/")[3])
    shared = list(places.sources(file))[1:]
    others = [other for other in REQUIRED.get(file.rpartition("/")[2], ()) if other != value]
    for part in shared:
        if any(says(text, value, brand) for text in library.parts.like(part)):
            return part
    return next((part for part in shared if any(says(places.sources(file)[part], one, brand) for one in others)), None)
