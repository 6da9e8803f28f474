"""The words of the customers' pages, as their files may say them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from clm.content.page_words import NotFoundWords


def _words(said: str) -> NotFoundWords:
    return NotFoundWords.model_validate(dict.fromkeys(NotFoundWords.model_fields, said))


def test_words_name_the_values_of_pages() -> None:
    """Braces hold the name of a value."""
    assert _words("Ask {reply_to}.").title == "Ask {reply_to}."


@pytest.mark.parametrize("said", ["{brand!x}", "{brand:d}", "{brand:>9}"])
def test_braces_hold_a_name_alone(said: str) -> None:
    """How a value is to be written would be found wrong only when somebody opens the page."""
    with pytest.raises(ValidationError, match="says in braces how to write a value"):
        _words(said)
