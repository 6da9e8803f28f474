"""config/help.yaml: answers to what people ask about what they bought, and how a fault in them is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from clm.errors import ConfigurationError
from clm.help_file import load_help
from clm.sources.demo.catalogue import CATEGORIES, PRODUCTS
from tests.conftest import PROJECT

WORDS = "words: {en: {question: 'How?', answer: So.}}"


def write(folder: Path, text: str) -> Path:
    """A config/ folder with these entries."""
    (folder / "help.yaml").write_text(f"help:\n{text}\n", encoding="utf-8")
    return folder


def test_the_shipped_answers_are_of_things_the_shop_sells_and_in_five_languages() -> None:
    """No entry names a product or category that the demo shop does not have."""
    entries = load_help(PROJECT / "config")
    assert {locale for entry in entries for locale in entry.words} == {"en", "fa", "ar", "th", "ru"}
    assert all(len(entry.words) == 5 for entry in entries)
    assert set().union(*(entry.categories for entry in entries)) <= set(CATEGORIES)
    assert set().union(*(entry.products for entry in entries)) <= {product.product_id for product in PRODUCTS}


def test_the_more_particular_an_entry_is_the_better_it_fits(tmp_path: Path) -> None:
    """One product, or several; a category; or everyone."""
    text = (
        f"  - {{for: {{product: [P1, P2], category: Tea}}, {WORDS}}}\n"
        "  - {words: {en: {question: 'Where?', answer: There.}, pt-BR: {question: 'Onde?', answer: Ali.}}}"
    )
    first, second = load_help(write(tmp_path, text))
    assert [first.fit({"P2"}, set()), first.fit({"P9"}, {"Tea"}), first.fit({"P9"}, {"Spices"})] == [3, 2, 0]
    assert second.fit(set(), set()) == 1
    assert second.words["pt-BR"] == ("Onde?", "Ali.")


def test_a_shop_without_answers_needs_no_file(tmp_path: Path) -> None:
    """No help.yaml, no answers."""
    assert load_help(tmp_path) == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"  - {{for: {{categroy: Tea}}, {WORDS}}}", "`categroy` is not a setting"),
        (f"  - {{for: {{}}, {WORDS}}}", "names neither a `category` nor a `product`"),
        (f"  - {{url: http://shop.example, {WORDS}}}", "2:6: help.1.url"),
        ("  - {words: {}}", "help.1.words"),
        ("  - {words: {english: {question: 'How?', answer: So.}}}", "help.1.words.english"),
        ("  - {words: {en: {question: 'How?'}}}", "help.1.words.en.answer: is required"),
        (f"  - {{{WORDS}}}\n  - {{{WORDS}}}", "3:19: help.2.words.en.question: asks what entry 1 asks too"),
    ],
)
def test_a_fault_is_told_with_its_place_and_remedy(tmp_path: Path, text: str, told: str) -> None:
    """What cannot be read is refused when it is loaded."""
    with pytest.raises(ConfigurationError) as refusal:
        load_help(write(tmp_path, text))
    assert told in str(refusal.value)
