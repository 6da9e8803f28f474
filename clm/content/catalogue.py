"""Finds every template under templates/, checks it and compiles it; a fault in one hides none in another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateSyntaxError

from clm.content.context import CONTROL, VOCABULARY, plain
from clm.content.grammar import template_faults
from clm.content.layout import Part, html_of
from clm.content.legal import lacks
from clm.content.locale import babel_locale, chain, direction, normalise
from clm.content.sandbox import Sandbox
from clm.domain.content import ChannelName
from clm.domain.nearest import nearest
from clm.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from jinja2 import Template

    from clm.content.brand import Brand

FILES: dict[ChannelName, tuple[str, ...]] = {
    "email": ("subject.txt", "body.mjml", "body.txt"),
    "sms": ("sms.txt",),
    "staff": ("subject.txt", "task.txt"),
}
_FILE_NAMES = list(dict.fromkeys(name for names in FILES.values() for name in names))

_SOURCE_BYTES_MAX = 100_000
_TEMPLATES_MAX = 10_000
_SHARED = "_base"
_PAGES = "_pages"
"""Pages of the web application (clm.content.page_words)."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PART = re.compile(rf"{_SHARED}/([a-z0-9_]+\.(?:mjml|txt))")
_INCLUDE = re.compile(r"""\{%-?\s*include\s+["']([^"']+)["']\s*-?%\}\n?""")
_LINE_END = re.compile(r"[ \t]+(?=\n)")
_LINE_BREAK = re.compile(r"\s*\n\s*")

Key = tuple[str, str, ChannelName, str]
"""Campaign, step, channel, locale."""


@dataclass(frozen=True, slots=True)
class Words:
    """One compiled file of a template."""

    name: str  # subject.txt, body.mjml, body.txt, sms.txt or task.txt
    file: str  # templates/welcome/hello/en/subject.txt
    template: Template
    lacks: tuple[str, ...]
    """What it would have to say in marketing, and does not."""


class Catalogue:
    """Reads a folder of templates; `words` is filled and `faults` tells everything that is wrong."""

    def __init__(self, root: Path, *, brand: Brand, default_locale: str, facts: Collection[str] | None) -> None:
        self._root = root
        self._default_locale = default_locale
        self._brand = plain(brand.model_dump(), "brand")
        names = None if facts is None else dict.fromkeys(facts)
        self._vocabulary = {**VOCABULARY, "facts": names, "brand": _fields(brand.model_dump())}
        self._html = Sandbox(autoescape=True)
        self._text = Sandbox(autoescape=False)
        self._sources: dict[Path, str | None] = {}
        self.words: dict[Key, tuple[Words, ...]] = {}
        self.faults: list[Fault] = []
        self._read()

    def _read(self) -> None:
        if not self._root.is_dir():
            self.faults.append(Fault(str(self._root), "does not exist; CLM_TEMPLATES says where templates lie"))
            return
        if babel_locale(self._default_locale) is None:
            self.faults.append(Fault(str(self._root), f"the default locale `{self._default_locale}` is not a language"))
        for campaign in self._folders(self._root):
            if campaign.name in (_SHARED, _PAGES):
                continue
            for step in self._folders(campaign):
                for locale in self._folders(step, locales=True):
                    self._read_locale(campaign.name, step.name, locale)
                self._check_default(campaign.name, step)

    def _folders(self, folder: Path, *, locales: bool = False) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if path.name.startswith("."):
                continue
            if not path.is_dir():
                self._fault(path, "is read by nothing here; words lie in <campaign>/<step>/<locale>/")
            elif path.name in (_SHARED, _PAGES) and folder == self._root:
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
                self._fault(folder / name, f"is required beside the other files for {channel}")
            compiled = [self._compile(folder / name) for name in names if name in present]
            if len(self.words) >= _TEMPLATES_MAX:
                self._fault(folder, f"there are more than {_TEMPLATES_MAX:,} templates")
                return
            if not lacking:
                self.words[campaign, step, channel, folder.name] = tuple(words for words in compiled if words)

    def _check_default(self, campaign: str, step: Path) -> None:
        defaults = chain(None, self._default_locale)
        channels = {key[2] for key in self.words if key[:2] == (campaign, step.name)}
        for channel in sorted(channels):
            if not any((campaign, step.name, channel, name) in self.words for name in defaults):
                self._fault(step, f"has no words for {channel} in the default locale `{self._default_locale}`")

    def _compile(self, path: Path) -> Words | None:
        source = self._source(path)
        if source is None:
            return None
        sandbox = self._html if path.suffix == ".mjml" else self._text
        locale = path.parent.name
        try:
            if path.suffix == ".mjml":
                source = html_of(source, file=self._file(path), part=lambda name: self._part(name, locale))
            elif path.name == "subject.txt":
                source = _LINE_BREAK.sub(" ", source.strip())
            else:
                source = _LINE_END.sub("", self._with_parts(source, path))
            constants = {"brand": self._brand, "direction": direction(locale)}
            lacking = lacks(path.name, source, self._brand)
            return Words(path.name, self._file(path), sandbox.compile_words(source, constants), lacking)
        except ConfigurationError as error:
            self.faults += error.faults
        except TemplateSyntaxError as error:  # sound in the source, torn apart by MJML moving elements
            self._fault(path, f"`{{% … %}}` opens and closes in different elements: {error.message}")
        return None

    def _source(self, path: Path) -> str | None:
        """The text of a file whose Jinja is sound; None after its faults were noted. Each file is read once."""
        if path not in self._sources:
            self._sources[path] = self._sound_source(path)
        return self._sources[path]

    def _sound_source(self, path: Path) -> str | None:
        try:
            if path.stat().st_size > _SOURCE_BYTES_MAX:
                self._fault(path, f"is larger than {_SOURCE_BYTES_MAX:,} bytes")
                return None
            source = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            self._fault(path, f"is not UTF-8 text: {error.reason}")
            return None
        except OSError as error:
            self._fault(path, f"cannot be read: {error.strerror}")
            return None
        if found := CONTROL.search(source):
            line = source.count("\n", 0, found.start()) + 1
            self.faults.append(Fault(self._file(path), "holds a control character", line))
            return None
        faults = template_faults(
            source,
            file=self._file(path),
            sandbox=self._html if path.suffix == ".mjml" else self._text,
            vocabulary=self._vocabulary,
            parts_allowed=path.suffix == ".txt" and not self._is_shared(path),
        )
        self.faults += faults
        return None if faults else source

    def _part(self, name: str, locale: str) -> Part | None:
        """A shared part in the words' own language, else one without words; another language would mix tongues."""
        named = _PART.fullmatch(name)
        shared = self._root / _SHARED
        for folder in (*(shared / found for found in chain(locale, "")), shared):
            path = folder / named[1] if named else None
            if path and path.is_file():
                source = self._source(path)
                return self._file(path), source or ""
        return None

    def _with_parts(self, source: str, path: Path) -> str:
        """A text with its shared parts written out, so that rendering never looks for a file."""

        def written(match: re.Match[str]) -> str:
            found = self._part(match[1], path.parent.name)
            if found is None:
                line = source.count("\n", 0, match.start()) + 1
                raise ConfigurationError(
                    [Fault(self._file(path), f"includes `{match[1]}`, which does not exist", line)]
                )
            return found[1]

        return _INCLUDE.sub(written, source)

    def _is_shared(self, path: Path) -> bool:
        return path.relative_to(self._root).parts[0] == _SHARED

    def _file(self, path: Path) -> str:
        """The name in messages: reasons are stored, so no folder of this machine is in it."""
        return f"{self._root.name}/{path.relative_to(self._root).as_posix()}"

    def _fault(self, path: Path, message: str) -> None:
        self.faults.append(Fault(self._file(path), message))


def _channels_of(present: Collection[str]) -> list[ChannelName]:
    """The channels that files are for; a subject by itself is half of an e-mail, beside task.txt it is the team's."""
    own = {channel: set(names) - {"subject.txt"} for channel, names in FILES.items()}
    found = [channel for channel, names in own.items() if names & set(present)]
    if "subject.txt" in present and not {"email", "staff"} & set(found):
        found.append("email")
    return found


def _fields(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _fields(value) if isinstance(value, dict) else None for name, value in values.items()}
