"""Compiled templates are kept between commands, and never stale."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from clm.content import compiled
from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.errors import ConfigurationError

from .conftest import PROJECT, Desk, persona


def _library(desk: Desk, cache: Path, brand: Brand | None = None) -> TemplateLibrary:
    return TemplateLibrary.load(desk.root, brand=brand or desk.brand, default_locale="en", cache=cache)


def _text(library: TemplateLibrary) -> str:
    return library.render("welcome", "hello", "email", "en", persona()).text.strip()


def test_what_was_compiled_is_not_compiled_again(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time no MJML is compiled, and the words are the same."""
    desk.mail(text="Hello {{ contact.first_name }}")
    before = _library(desk, tmp_path / "cache").render("welcome", "hello", "email", "en", persona())

    def no_compiler(*_: object, **__: object) -> str:
        raise AssertionError("compiled again")

    monkeypatch.setattr("clm.content.layout.mjml2html", no_compiler)
    assert _library(desk, tmp_path / "cache").render("welcome", "hello", "email", "en", persona()) == before


def test_an_edit_is_seen_at_once(desk: Desk, tmp_path: Path, brand: Brand) -> None:
    """Words, a shared part or the brand changed: the next load says the new ones."""
    cache = tmp_path / "cache"
    desk.write("_base/en/foot.txt", "old foot")
    desk.mail(text='Hello {{ brand.name }}, {% include "_base/foot.txt" %}')
    assert _text(_library(desk, cache)) == "Hello Saffron & Sage, old foot"
    desk.write("_base/en/foot.txt", "new foot")
    assert _text(_library(desk, cache)) == "Hello Saffron & Sage, new foot"
    assert _text(_library(desk, cache, brand.model_copy(update={"name": "Tea"}))) == "Hello Tea, new foot"
    desk.mail(text="Goodbye")
    assert _text(_library(desk, cache)) == "Goodbye"


def test_two_projects_share_the_cache(
    desk: Desk, tmp_path: Path, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one project has compiled is still there after another, with other words, was opened."""
    cache, other = tmp_path / "cache", Desk(tmp_path / "other" / "templates", brand)
    desk.mail(text="One")
    other.mail(text="Two", html="Another")
    assert [_text(_library(one, cache)) for one in (desk, other)] == ["One", "Two"]

    def no_compiler(*_: object, **__: object) -> str:
        raise AssertionError("compiled again")

    monkeypatch.setattr("clm.content.layout.mjml2html", no_compiler)
    assert [_text(_library(one, cache)) for one in (desk, other)] == ["One", "Two"]


@pytest.mark.parametrize("changed", ["content/legal.py", "domain/opt_out_words.py"])
def test_a_new_release_compiles_anew(changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was compiled and judged by other code, be it of the words that stop an SMS, is not believed."""
    for room in ("content", "domain"):
        shutil.copytree(PROJECT / "clm" / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(compiled, "__file__", str(tmp_path / "content" / "compiled.py"))
    code_of = compiled._this_code.__wrapped__
    before = code_of()
    assert code_of() == before
    with (tmp_path / changed).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert code_of() != before


def test_a_fault_is_told_every_time(desk: Desk, tmp_path: Path) -> None:
    """A folder with a fault is not kept, so that nobody is told only once."""
    desk.mail(text="{{ contact.nickname }}")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"there is no `contact\.nickname`"):
            _library(desk, tmp_path / "cache")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"N", b"\xe9\x01\x00\x00\x00"])
def test_a_broken_cache_is_no_harm(desk: Desk, tmp_path: Path, content: bytes) -> None:
    """A cache that was cut off or is something else is written anew."""
    cache = tmp_path / "cache"
    desk.mail(text="Hello")
    _library(desk, cache)
    (kept,) = cache.iterdir()
    kept.write_bytes(content)
    assert _text(_library(desk, cache)) == "Hello"
    assert len(kept.read_bytes()) > 100


def test_without_a_place_to_write_nothing_is_kept(desk: Desk, tmp_path: Path) -> None:
    """A cache folder that cannot be made is no reason not to send."""
    (tmp_path / "file").write_text("in the way")
    desk.mail(text="Hello")
    assert _text(_library(desk, tmp_path / "file" / "cache")) == "Hello"
