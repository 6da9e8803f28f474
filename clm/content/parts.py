"""The files of templates/: their names in messages, the shared parts that they include, and how both are joined."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clm.content.layout import Part, html_of
from clm.content.locale import chain
from clm.content.source import line_at
from clm.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHARED = "_base"

_PART = re.compile(rf"{SHARED}/([a-z0-9_]+\.(?:mjml|txt))")
_INCLUDE = re.compile(r"""\{%-?\s*include\s+["']([^"']+)["']\s*-?%\}\n?""")
_MJML_INCLUDE = re.compile(r"""<mj-include\s[^>]*path=["']([^"']*)["']""")
_LINE_END = re.compile(r"[ \t]+(?=\n)")
_LINE_BREAK = re.compile(r"\s*\n\s*")


class Parts:
    """Finds files below a folder of templates."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def file(self, path: Path) -> str:
        """The name in messages: reasons are stored, so no folder of this machine is in it."""
        return f"{self.root.name}/{path.relative_to(self.root).as_posix()}"

    def path(self, file: str) -> Path:
        """The file that `file` has named."""
        return self.root / file.removeprefix(f"{self.root.name}/")

    def is_shared(self, file: str) -> bool:
        """Whether it is a part that many messages include."""
        return file.startswith(f"{self.root.name}/{SHARED}/")

    def find(self, name: str, locale: str) -> Path | None:
        """A shared part in the words' own language, else one without words; another language would mix tongues."""
        named = _PART.fullmatch(name)
        shared = self.root / SHARED
        for folder in (*(shared / found for found in chain(locale, "")), shared):
            path = folder / named[1] if named else None
            if path and path.is_file():
                return path
        return None

    def sources(self, file: str) -> dict[str, str]:
        """The text of a file and of every part that it includes, by name; its own first."""
        path = self.path(file)
        found: dict[str, str] = {}
        waiting = [path]
        while waiting:
            one = waiting.pop(0)
            if self.file(one) in found:
                continue
            text = found[self.file(one)] = one.read_text(encoding="utf-8-sig")
            waiting += [part for name in included(text) if (part := self.find(name, path.parent.name))]
        return found

    def like(self, file: str) -> list[str]:
        """The texts of the parts that are called like one, in other languages and as text or MJML."""
        own = self.path(file)
        found = sorted(path for path in (self.root / SHARED).rglob(f"{own.stem}.*") if path.suffix in (".mjml", ".txt"))
        return [path.read_text(encoding="utf-8-sig") for path in found if path != own]

    def saying(self, value: str, file: str) -> str | None:
        """The name of a part that a file may include and that says a value, such as `brand.address`."""
        folders = [self.root / SHARED / locale for locale in chain(self.path(file).parent.name, "")]
        paths = [
            path for folder in (*folders, self.root / SHARED) for path in folder.glob(f"*{self.path(file).suffix}")
        ]
        said = (path for path in sorted(paths) if value in path.read_text(encoding="utf-8-sig"))
        return next((f"{SHARED}/{path.name}" for path in said), None)


def included(source: str) -> list[str]:
    """The names of the parts that a source includes."""
    return [found[1] for pattern in (_INCLUDE, _MJML_INCLUDE) for found in pattern.finditer(source)]


def joined(source: str, *, file: str, part: Callable[[str], Part | None]) -> str:
    """A source with its shared parts written out, MJML as HTML, so that rendering never looks for a file.

    Raises ConfigurationError with every fault found in the source and in the parts it includes.
    """
    if file.endswith(".mjml"):
        return html_of(source, file=file, part=part)
    text = _with_parts(source, file, part)
    return _LINE_BREAK.sub(" ", text.strip()) if file.endswith("/subject.txt") else _LINE_END.sub("", text)


def _with_parts(source: str, file: str, part: Callable[[str], Part | None]) -> str:
    def written(match: re.Match[str]) -> str:
        found = part(match[1])
        if found is None:
            line = line_at(source, match.start())
            raise ConfigurationError([Fault(file, f"includes `{match[1]}`, which does not exist", line)])
        return found[1].rstrip("\n") + ("\n" if match[0].endswith("\n") else "")

    return _INCLUDE.sub(written, source)
