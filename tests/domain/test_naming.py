"""What may be a name in a file, and how one that may not is told."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from clm.domain.naming import Locale, Name

NAME: TypeAdapter[str] = TypeAdapter(Name)
LOCALE: TypeAdapter[str] = TypeAdapter(Locale)


@pytest.mark.parametrize("text", ["a", "win_back", "vip2", "x" * 40])
def test_names_are_small_letters_digits_and_lines(text: str) -> None:
    """A letter first, and short enough for folders and tables."""
    assert NAME.validate_python(text) == text


@pytest.mark.parametrize("text", ["", "Spring", "win-back", "2nd", "_base", "x" * 41, "tea\n", "чай", "a b"])
def test_what_is_no_name_is_told_with_what_is_one(text: str) -> None:
    """In words, and not as a pattern that only programmers read."""
    with pytest.raises(ValidationError, match="is not a name; write small letters, digits and `_`, a letter first"):
        NAME.validate_python(text)


@pytest.mark.parametrize("text", ["en", "pt-BR", "zh-Hant-TW", "es-419", "fil"])
def test_locales_are_written_as_the_standard_has_them(text: str) -> None:
    """Language, script and region, parted by hyphens."""
    assert LOCALE.validate_python(text) == text


@pytest.mark.parametrize("text", ["", "EN", "pt_BR", "pt-br", "Deutsch", "en-", "en-GB-oed", "en\n"])
def test_what_is_no_locale_is_told_with_some_that_are(text: str) -> None:
    """So that nobody writes words in a language that no reader ever has."""
    with pytest.raises(ValidationError, match="is not a locale; write en, fa or pt-BR"):
        LOCALE.validate_python(text)
