"""Counted words have all the forms that their language has."""

from __future__ import annotations

import pytest

from clm.content.plurals import forms_needed
from clm.errors import ConfigurationError

from .conftest import PROJECT, Desk

RUSSIAN = "{{ facts.order_count | plural(one='# балл', few='# балла', many='# баллов', other='# балла') }}"


def _told(desk: Desk, text: str, *, locale: str) -> list[str]:
    """What is wrong with a text in `locale`; the default has words of its own."""
    desk.mail()
    desk.mail(text=text, locale=locale)
    try:
        desk.library()
    except ConfigurationError as error:
        return [str(fault) for fault in error.faults]
    return []


@pytest.mark.parametrize(
    ("locale", "forms"),
    [
        ("en", "one other"),
        ("de", "one other"),
        ("es", "one other"),
        ("ru", "one few many other"),
        ("pl", "one few many other"),
        ("ar", "zero one two few many other"),
        ("fa", "other"),
        ("th", "other"),
        ("tr", "other"),
        ("ja", "other"),
        ("pt-BR", "one other"),
    ],
)
def test_a_language_needs_the_forms_it_has_for_whole_numbers(locale: str, forms: str) -> None:
    """As CLDR says; a language whose words stay as they are after any number, such as Persian, needs one form."""
    assert forms_needed(locale) == frozenset(forms.split())


@pytest.mark.parametrize("form", ["one", "few", "many"])
def test_a_form_that_is_left_out_is_told_with_its_line(desk: Desk, form: str) -> None:
    """Without it somebody would read `2 баллов`; the language and all its forms are named."""
    start = RUSSIAN.index(f"{form}=")
    end = RUSSIAN.index("', ", start) + len("', ")
    assert _told(desk, RUSSIAN, locale="ru") == []
    assert _told(desk, f"\n{RUSSIAN[:start]}{RUSSIAN[end:]}", locale="ru") == [
        f"templates/welcome/hello/ru/body.txt:2: `plural` lacks `{form}`; Russian counts with one, few, many and other"
    ]


def test_a_shared_part_is_held_to_its_own_language(desk: Desk) -> None:
    """What a coupon gives is said in one file for all messages of a language."""
    part = (PROJECT / "templates/_base/ru/reward.txt").read_text(encoding="utf-8")
    for form in ("few='# дополнительных балла', ", "many='# дополнительных баллов', "):
        assert form in part
        desk.write("_base/ru/reward.txt", part.replace(form, ""))
        (told,) = _told(desk, "{% include '_base/reward.txt' %}", locale="ru")
        assert told.startswith(f"templates/_base/ru/reward.txt:1: `plural` lacks `{form[: form.index('=')]}`")


def test_one_form_will_do_where_words_do_not_change(desk: Desk) -> None:
    """Persian and Thai nouns stay as they are after a number; English ones do not."""
    text = "{{ facts.order_count | plural(other='# x') }}"
    assert _told(desk, text, locale="fa") == []
    assert _told(desk, text, locale="th") == []
    (told,) = _told(desk, text, locale="de")
    assert told.endswith("`plural` lacks `one`; German counts with one and other")


def test_a_form_that_no_language_has_is_told(desk: Desk) -> None:
    """A slip in the name of a form is told with the nearest right one, before any letter stops at it."""
    (told,) = _told(desk, "{{ facts.order_count | plural(ones='# tea', one='# tea', other='# teas') }}", locale="de")
    assert told.endswith("`plural` has no form `ones`; did you mean `one`?")
