"""Finds every template under templates/, checks it and compiles it; a fault in one hides none in another."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateSyntaxError

from clm.content.brand import Brand, spoken
from clm.content.compiled import Compiled, Entry, name_of
from clm.content.context import CONTROL, VOCABULARY, plain
from clm.content.grammar import template_faults
from clm.content.legal import lacks
from clm.content.locale import babel_locale, chain, direction, normalise
from clm.content.parts import SHARED, Parts, joined
from clm.content.sandbox import Sandbox, spoken_of
from clm.content.source import line_at
from clm.content.tracing import Origin, Tracer
from clm.domain.content import ChannelName
from clm.domain.nearest import nearest
from clm.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from jinja2 import Template

    from clm.content.layout import Part


FILES: dict[ChannelName, tuple[str, ...]] = {
    "email": ("subject.txt", "body.mjml", "body.txt"),
    "sms": ("sms.txt",),
    "staff": ("subject.txt", "task.txt"),
}
_FILE_NAMES = list(dict.fromkeys(name for names in FILES.values() for name in names))

_SOURCE_BYTES_MAX = 100_000
_TEMPLATES_MAX = 10_000
_PAGES = ("_pages", "_staff")
"""Pages of the web application, for customers (clm.content.page_words) and for the team."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")

Key = tuple[str, str, ChannelName, str]
"""Campaign, step, channel, locale."""
Place = tuple[str, str, str]
"""Campaign, step, locale."""


@dataclass(frozen=True, slots=True)
class Words:
    """One compiled file of a template."""

    name: str  # subject.txt, body.mjml, body.txt, sms.txt or task.txt
    file: str  # templates/welcome/hello/en/subject.txt
    template: Template
    lacks: tuple[str, ...]
    """What it would have to say in marketing, and does not."""
    names: frozenset[str]
    """What it speaks of: `proof.rating`, `products.again`."""


class Catalogue:
    """Reads a folder of templates; `words` is filled and `faults` tells everything that is wrong."""

    def __init__(
        self,
        root: Path,
        *,
        brand: Brand,
        default_locale: str,
        facts: Collection[str] | None,
        cache: Path | None = None,
    ) -> None:
        self._root = root
        self._parts = Parts(root)
        self._compiled = Compiled(cache)
        self._default_locale = default_locale
        self._brand = brand
        names = None if facts is None else dict.fromkeys(facts)
        self._vocabulary = {**VOCABULARY, "facts": names, "brand": _fields(spoken(brand, default_locale))}
        self._html = Sandbox(autoescape=True)
        self._text = Sandbox(autoescape=False)
        self._sources: dict[Path, str | None] = {}
        self.words: dict[Key, tuple[Words, ...]] = {}
        self.halves: dict[Key, tuple[Words, ...]] = {}
        """What there is of words some of whose files are missing."""
        self.faults: list[Fault] = []
        self._torn = False
        """Whether a faulty part is missing from what was joined last."""
        self._lame = False
        """Whether one is from any file of what is read."""
        self.spoilt: set[Place] = set()
        """Where something is wrong, so that nothing more can be said of the words there."""
        self._read()
        if not self.faults:
            self._compiled.save()

    def _read(self) -> None:
        if not self._root.is_dir():
            self.faults.append(Fault(str(self._root), "does not exist; CLM_TEMPLATES says where templates lie"))
            return
        if babel_locale(self._default_locale) is None:
            told = f"the default locale `{self._default_locale}` is not a language"
            remedy = "write one such as `en` or `en-GB` as `default_locale` into config/clm.yaml"
            self.faults.append(Fault(str(self._root), told, remedy=remedy))
        for campaign in self._folders(self._root):
            if campaign.name in (SHARED, *_PAGES):
                continue
            for step in self._folders(campaign):
                for locale in self._folders(step, locales=True):
                    before, self._lame = len(self.faults), False
                    self._read_locale(campaign.name, step.name, locale)
                    if len(self.faults) > before or self._lame:
                        self.spoilt.add((campaign.name, step.name, locale.name))
                self._check_default(campaign.name, step)

    def _folders(self, folder: Path, *, locales: bool = False) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if path.name.startswith("."):
                continue
            if not path.is_dir():
                self._fault(path, "is read by nothing here; words lie in <campaign>/<step>/<locale>/")
            elif path.name in (SHARED, *_PAGES) and folder == self._root:
                yield path
            elif locales and (normalise(path.name) != path.name or babel_locale(path.name) is None):
                self._fault(path, "is not named for a locale, such as `en` or `pt-BR`")
            elif not locales and not _NAME.fullmatch(path.name):
                self._fault(path, "must be named in small letters, digits and `_`")
            else:
                yield path

    def _read_locale(self, campaign: str, step: str, folder: Path) -> None:
        present = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        for name in sorted(present - set(_FILE_NAMES)):
            self._fault(folder / name, f"is read by nothing{nearest(name, _FILE_NAMES)}")
        for channel in _channels_of(present):
            names = FILES[channel]
            lacking = [name for name in names if name not in present]
            for name in lacking:
                told = f"is required beside the other files for {channel}"
                self._fault(folder / name, told, "write it, or delete the others")
            compiled = [self._compile(folder / name) for name in names if name in present]
            if len(self.words) >= _TEMPLATES_MAX:
                self._fault(folder, f"there are more than {_TEMPLATES_MAX:,} templates")
                return
            found = self.halves if lacking else self.words
            found[campaign, step, channel, folder.name] = tuple(words for words in compiled if words)

    def _check_default(self, campaign: str, step: Path) -> None:
        """Words that no default locale has are told, but where half of them are there: the other files were told."""
        defaults = chain(None, self._default_locale)
        begun = next((name for name in defaults if (step / name).is_dir()), self._default_locale)
        channels = {key[2] for key in self.words if key[:2] == (campaign, step.name)}
        for channel in sorted(channels):
            keys = [(campaign, step.name, channel, name) for name in defaults]
            if not any(key in self.words or key in self.halves for key in keys):
                told = f"has no words for {channel} in the default locale `{self._default_locale}`"
                self._fault(step, told, f"write {', '.join(FILES[channel])} in {step.name}/{begun}/")

    def _compile(self, path: Path) -> Words | None:
        sandbox = self._html if path.suffix == ".mjml" else self._text
        key = self._key(path)
        known = None if key is None else self._compiled.get(key)
        self._torn = False
        if known is None:
            known = self._made(path, sandbox)
            if key is not None and known is not None:
                self._compiled.put(key, known)
        self._lame = self._lame or self._torn
        if known is None or self._torn:
            return None
        return Words(path.name, self._file(path), sandbox.ready(known.code), known.lacks, frozenset(known.names))

    def _key(self, path: Path) -> str | None:
        """What a compiled file is kept under; None for one that cannot be read."""
        try:
            return name_of(self._surroundings, self._file(path).encode(), path.read_bytes())
        except OSError:
            return None

    @cached_property
    def _surroundings(self) -> bytes:
        """Everything but its own words that a file is compiled with and checked against."""
        shared = sorted(path for path in (self._root / SHARED).rglob("*") if path.is_file())
        parts = [b for path in shared for b in (self._file(path).encode(), path.read_bytes())]
        return name_of(
            json.dumps(self._vocabulary, default=list).encode(), self._brand.model_dump_json().encode(), *parts
        ).encode()

    def _made(self, path: Path, sandbox: Sandbox) -> Entry | None:
        """A file, checked and compiled; None after its faults were noted."""
        source = self._source(path)
        if source is None:
            return None
        locale = path.parent.name
        try:
            source = joined(source, file=self._file(path), part=lambda name: self._part(name, locale))
            brand = plain(spoken(self._brand, locale), "brand")
            constants = {"brand": brand, "direction": direction(locale)}
            lacking = lacks(path.name, source, brand)
            tree = sandbox.parse(source)
            names = tuple(sorted(spoken_of(tree)))  # before its constants are written in
            return Entry(sandbox.code_of(tree, constants), lacking, names)
        except ConfigurationError as error:
            self.faults += error.faults
        except TemplateSyntaxError as error:  # sound in the source, torn apart by MJML moving elements
            found = Tracer(self._parts).of_tear(self._file(path)) or Origin(self._file(path), None)
            told = f"`{{% … %}}` opens and closes in different elements: {error.message}"
            remedy = "let both stand in one element, or each in an <mj-raw> of its own beside the elements"
            self.faults.append(Fault(found.file, told, found.line, remedy=remedy))
        return None

    def _source(self, path: Path) -> str | None:
        """The text of a file whose Jinja is sound; None after its faults were noted. Each file is read once."""
        if path not in self._sources:
            self._sources[path] = self._sound_source(path)
        return self._sources[path]

    def _sound_source(self, path: Path) -> str | None:
        try:
            if path.stat().st_size > _SOURCE_BYTES_MAX:
                self._fault(path, f"is larger than {_SOURCE_BYTES_MAX:,} bytes", "leave something out")
                return None
            source = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            self._fault(path, f"is not UTF-8 text: {error.reason}", "save it as UTF-8")
            return None
        except OSError as error:
            self._fault(path, f"cannot be read: {error.strerror}")
            return None
        if found := CONTROL.search(source):
            line = line_at(source, found.start())
            self.faults.append(Fault(self._file(path), "holds a control character", line, remedy="delete it"))
            return None
        faults = template_faults(
            source,
            file=self._file(path),
            sandbox=self._html if path.suffix == ".mjml" else self._text,
            vocabulary=self._vocabulary,
            parts_allowed=path.suffix == ".txt" and not self._parts.is_shared(self._file(path)),
        )
        self.faults += faults
        return None if faults else source

    def _part(self, name: str, locale: str) -> Part | None:
        path = self._parts.find(name, locale)
        if path is None:
            return None
        source = self._source(path)
        self._torn = self._torn or source is None
        return self._file(path), source or ""

    def _file(self, path: Path) -> str:
        return self._parts.file(path)

    def _fault(self, path: Path, message: str, remedy: str | None = None) -> None:
        self.faults.append(Fault(self._file(path), message, remedy=remedy))


def _channels_of(present: Collection[str]) -> list[ChannelName]:
    """The channels that files are for; a subject by itself is half of an e-mail, beside task.txt it is the team's."""
    own = {channel: set(names) - {"subject.txt"} for channel, names in FILES.items()}
    found = [channel for channel, names in own.items() if names & set(present)]
    if "subject.txt" in present and not {"email", "staff"} & set(found):
        found.append("email")
    return found


def _fields(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _fields(value) if isinstance(value, dict) else None for name, value in values.items()}
