"""The words of the customers' pages, as their files may say them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from clm.content.page_words import NotFoundWords, ReferralWords, UnsubscribeWords


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


def test_a_value_that_a_page_does_not_have_is_told_before_it_is_opened() -> None:
    """A reader's address is on the pages that know them, a last day where an offer has one, and nowhere else."""
    assert ReferralWords.model_validate(dict.fromkeys(ReferralWords.model_fields, "Soon") | {"until": "By {date}"})
    with pytest.raises(ValidationError, match=r"`\w+` names \{date\}; there are \{brand\}, \{reply_to\}"):
        _words("By {date}.")
    with pytest.raises(ValidationError, match=r"`title` names \{address\}"):
        UnsubscribeWords.model_validate(dict.fromkeys(UnsubscribeWords.model_fields, "{address}"))
