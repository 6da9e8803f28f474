"""Words that are not there yet: a translation that is still in another language, and what stands for words to come.

Judged by the sources, each once, and not by what readers get, whose names are of any script.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from pathlib import Path
from textwrap import shorten

from clm.content.brand import Brand
from clm.content.locale import babel_locale, chain
from clm.content.source import blank, line_at
from clm.content.tags import INLINE
from clm.errors import Fault

_COMMENT = re.compile(r"\{#.*?#\}|<!--.*?-->|<mj-style\b.*?</mj-style>", re.DOTALL)
_TO_COME = re.compile(r"\b(?:TODO|FIXME|XXX(?!\s+[A-ZÀ-Þ])|(?i:lorem\s+ipsum))\b")
"""Before a name, XXX is thirty: `XXX Aniversario`."""
_ALL = frozenset({"an", "ast", "es", "ext", "gl", "lad", "pt"})
"""Languages in which `todo` is a word: in capitals it is one, too, unless it begins a line and has a colon."""
_NOTE = re.compile(r"(?:^|[>'\"])[^\S\n]*\Z", re.MULTILINE)
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_ADDRESS = re.compile(r"https?://\S+|\S+@\S+")
_WORD = re.compile(r"[^\W\d_]+")
_BREAK = re.compile("([\n\0])")
_BITS = re.compile(r"[,;/|،؛、，；•·]")
_MEASURE = re.compile(r"\d\s?(?:[kmc]?[gml]|oz|lbs?|ft|in)\b")

_LETTERS_MIN = 8
"""Of fewer nothing is said: an abbreviation, a mark."""
_SHARE_MIN = 0.5
_FOREIGN_WORDS = 4
"""So many words of another script, one after another and not all of them names, are a sentence."""
_SAME_WORDS, _SAME_SMALL_WORDS, _SAME_LETTERS = 3, 2, 15
"""A sentence that two languages cannot have alike by chance; names begin with capitals."""
_NAME_SMALL_WORDS = 2
"""So many words of a name in a list may be small: `Darjeeling first flush`."""
_SHOWN_CHARACTERS = 44
_TRANSLATE = "translate it"
_BESIDE = {
    "az": ("CYRILLIC",),
    "bs": ("CYRILLIC",),
    "ja": ("HIRAGANA", "KATAKANA"),
    "kk": ("LATIN",),
    "pa": ("ARABIC",),
    "sr": ("LATIN",),
    "uz": ("CYRILLIC",),
}
"""Scripts in which a language is written as well as in the one of its own name."""
_KIN = tuple(map(frozenset, (
    ("da", "nb", "nn", "no"), ("bs", "cnr", "hr", "sh", "sr"), ("id", "ms"), ("cs", "sk"), ("ast", "es", "gl", "pt"),
    ("bg", "mk"),
)))  # fmt: skip
"""Languages that have whole sentences alike: of these a file is a copy where all of its sentences are."""
_COPIED_MIN = 2
_SUFFIXES = frozenset({".txt", ".mjml"})


@dataclass(frozen=True, slots=True)
class _Tongue:
    """The language of a folder."""

    name: str
    scripts: tuple[str, ...]
    """As the names of its letters begin in Unicode; empty where that cannot be told."""


def unfinished(root: Path, *, brand: Brand, default_locale: str) -> Iterator[Fault]:
    """What is not finished in the templates below `root`, a file after the other, with its line."""
    names = tuple(sorted({brand.name, brand.legal_name, brand.sender.name, brand.address}, key=len, reverse=True))
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if path.suffix not in _SUFFIXES:
            continue
        file = f"{root.name}/{path.relative_to(root).as_posix()}"
        try:
            source = _COMMENT.sub(blank, path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError):
            continue  # told when it was read
        for found in _to_come(source, path.parent.name):
            told = f"says `{found[0]}`, which stands for words to come"
            yield Fault(file, told, line_at(source, found.start()), remedy="write these, or leave it out")
        tongue = _tongue(path.parent.name) if len(parts) > 2 else None
        if tongue is not None:
            yield from _untranslated(file, _said(source, names), tongue, _of_default(path, default_locale, names))


def _to_come(source: str, folder: str) -> Iterator[re.Match[str]]:
    """What stands for words to come in a file of a folder, whose name is that of a language."""
    of_all = folder.partition("-")[0] in _ALL
    for found in _TO_COME.finditer(source):
        is_a_word = of_all and found[0] == "TODO"
        if not is_a_word or (source.startswith(":", found.end()) and _NOTE.search(source, 0, found.start())):
            yield found


def _untranslated(file: str, said: list[tuple[int, str]], tongue: _Tongue, default: _Default | None) -> Iterator[Fault]:
    counts = [_letters(text, tongue) for _, text in said]
    own, foreign = sum(one[0] for one in counts), sum(one[1] for one in counts)
    if own + foreign >= _LETTERS_MIN and own < _SHARE_MIN * (own + foreign):
        share = f"{100 * own // (own + foreign)} of 100 letters are {tongue.name}"
        yield Fault(file, f"is not in {tongue.name}: {share}", remedy=_TRANSLATE)
        return
    alike = default.sentences if default is not None else frozenset()
    if default is not None and default.is_kin:
        sentences = {text for _, text in said if _is_a_sentence(text)}
        alike = alike if len(sentences) >= _COPIED_MIN and sentences <= alike else frozenset()
    for (line, text), (ours, others, words) in zip(said, counts, strict=True):
        shown = shorten(text, _SHOWN_CHARACTERS, placeholder=" …")
        if words >= _FOREIGN_WORDS and ours < others:
            yield Fault(file, f"says `{shown}`, which is not {tongue.name}", line, remedy=_TRANSLATE)
        elif default is not None and text in alike:
            yield Fault(file, f"says `{shown}` as `{default.locale}` does", line, remedy=_TRANSLATE)


@dataclass(frozen=True, slots=True)
class _Default:
    """The same file in the shop's own language."""

    locale: str
    sentences: frozenset[str]
    is_kin: bool


def _of_default(path: Path, default_locale: str, names: tuple[str, ...]) -> _Default | None:
    language = path.parent.name.partition("-")[0]
    for locale in chain(None, default_locale):
        own = path.parent.parent / locale / path.name
        if locale.partition("-")[0] != language and own.is_file():
            sentences = _sentences(own, own.stat().st_mtime_ns, names)
            is_kin = any({language, locale.partition("-")[0]} <= one for one in _KIN)
            return _Default(locale, sentences, is_kin)
    return None


@lru_cache(maxsize=1024)
def _sentences(path: Path, changed: int, names: tuple[str, ...]) -> frozenset[str]:
    del changed  # part of the key alone
    try:
        source = _COMMENT.sub(blank, path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        return frozenset()
    return frozenset(text for _, text in _said(source, names) if _is_a_sentence(text))


def _is_a_sentence(text: str) -> bool:
    words = _WORD.findall(_MEASURE.sub(" ", text))
    small = [word for word in words if not _has_capital(word)]
    letters = sum(map(len, words))
    return len(words) >= _SAME_WORDS and len(small) >= _SAME_SMALL_WORDS and letters >= _SAME_LETTERS


def _said(source: str, names: tuple[str, ...]) -> list[tuple[int, str]]:
    """(line, words) of each piece of a source that stands between tags and Jinja, names of the brand left out."""
    text = _JINJA.sub(lambda found: "\0" + blank(found), source)
    text = _TAG.sub(lambda found: "\0" + blank(found), INLINE.sub(blank, text))
    pieces: list[tuple[int, str]] = []
    line = 1
    for piece in _BREAK.split(text):
        if piece == "\n":
            line += 1
        elif _WORD.search(piece):
            words = _ADDRESS.sub(" ", unescape(piece))
            for name in names:
                words = words.replace(name, " ")
            pieces.append((line, " ".join(words.split())))
    return pieces


def _letters(text: str, tongue: _Tongue) -> tuple[int, int, int]:
    """How many letters are the language's own, how many are not, and how many words of these follow one another.

    Names are not counted.
    """
    own = others = most = run = 0
    bits = [bit for bit in _BITS.split(text) if bit.strip()]
    for bit in bits:
        found = _WORD.findall(bit)
        foreign = [word for word in found if tongue.scripts and _script(word[0]) not in tongue.scripts]
        own += sum(map(len, found)) - sum(map(len, foreign))
        small = [word for word in foreign if not _has_capital(word)]
        if len(bits) > 1 and foreign and _has_capital(foreign[0]) and len(small) <= _NAME_SMALL_WORDS:
            continue  # a name in a list
        others += sum(map(len, small))
        for word in found:
            run = 0 if word not in foreign else run + (word in small)
            most = max(most, run)
    return own, others, most


def _has_capital(word: str) -> bool:
    """Whether a word is a name: `Assam`, `iPhone`."""
    return any(letter.isupper() for letter in word)


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


@lru_cache(maxsize=256)
def _tongue(tag: str) -> _Tongue | None:
    """The language of a folder, whose script is that of its own name for itself: `ไทย`; None where it is none."""
    locale = babel_locale(tag)
    if locale is None:
        return None
    own = locale.get_display_name() or ""
    scripts = tuple({_script(letter) for letter in own if letter.isalpha()})
    return _Tongue(locale.get_language_name("en") or tag, scripts + _BESIDE.get(locale.language, ()))
