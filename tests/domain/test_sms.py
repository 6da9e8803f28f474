"""Segments of an SMS and their price, against the standard's own numbers and a splitter that really splits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clm.domain.sms import BASIC, EXTENDED, Segments, cost, segments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments("gsm7", 0, 0)),
        ("a", Segments("gsm7", 1, 1)),
        ("a" * 160, Segments("gsm7", 1, 160)),
        ("a" * 161, Segments("gsm7", 2, 161)),
        ("a" * 306, Segments("gsm7", 2, 306)),
        ("a" * 307, Segments("gsm7", 3, 307)),
        ("€" * 80, Segments("gsm7", 1, 160)),
        ("€" * 81, Segments("gsm7", 2, 162)),
        # 152 and an escape pair do not fit in 153, so one unit of each of the first two segments stays empty.
        ("a" * 152 + "€" + "a" * 151 + "€" + "a", Segments("gsm7", 3, 308)),
        ("€" * 153, Segments("gsm7", 3, 306)),
        ("ب" * 70, Segments("ucs2", 1, 70)),
        ("ب" * 71, Segments("ucs2", 2, 71)),
        ("ب" * 134, Segments("ucs2", 2, 134)),
        ("ب" * 135, Segments("ucs2", 3, 135)),
        ("🎁" * 35, Segments("ucs2", 1, 70)),
        ("🎁" * 67, Segments("ucs2", 3, 134)),  # 33 whole ones a segment
        ("a" * 70 + "🎁", Segments("ucs2", 2, 72)),
    ],
)
def test_segments_of_texts_at_the_edges(text: str, expected: Segments) -> None:
    """Where one segment is full, and where a pair that must not be split leaves a unit empty."""
    assert segments(text) == expected


@pytest.mark.parametrize("character", ["ç", "`", "\t", "“", "’", "…", "—", "á", "Ж", "ก", "é\u0301", "\u00a0"])
def test_characters_that_make_the_whole_text_ucs2(character: str) -> None:
    """One character outside the alphabet is enough."""
    assert segments(f"Tea {character} 10% off").encoding == "ucs2"


@pytest.mark.parametrize("character", ["à", "é", "è", "ù", "Ç", "ñ", "Δ", "€", "\n", "\f", "@", "£"])
def test_characters_of_the_gsm_alphabet(character: str) -> None:
    """Accents of the alphabet cost nothing extra, and its extension one unit."""
    assert segments(f"Tea {character} 10% off").encoding == "gsm7"


def test_the_alphabet_is_whole() -> None:
    """127 characters and the escape make 128 places; the extension has ten."""
    assert (len(BASIC), len(EXTENDED)) == (127, 10)
    assert not BASIC & EXTENDED


def split(text: str) -> list[list[int]]:
    """The text cut into segments of units as a phone would, by trial."""
    if all(character in BASIC | EXTENDED for character in text):
        alone, several = 160, 153
        letters = [[0x1B, ord(c)] if c in EXTENDED else [ord(c)] for c in text]
    else:
        alone, several = 70, 67
        coded = [c.encode("utf-16-be", "surrogatepass") for c in text]
        letters = [[int.from_bytes(one[i : i + 2], "big") for i in range(0, len(one), 2)] for one in coded]
    whole = [unit for letter in letters for unit in letter]
    if len(whole) <= alone:
        return [whole] if whole else []
    cut: list[list[int]] = [[]]
    for letter in letters:
        if len(cut[-1] + letter) > several:
            cut.append([])
        cut[-1] += letter
    return cut


gsm = st.text(st.sampled_from(sorted(BASIC | EXTENDED)), max_size=500)
any_script = st.text(st.one_of(st.characters(), st.sampled_from("🎁🏽بกЖ€")), max_size=300)
long_pairs = st.builds(
    lambda text, times: text * times, st.text(st.sampled_from("a€[🎁ب"), max_size=9), st.integers(1, 60)
)


@given(st.one_of(gsm, any_script, long_pairs))
def test_any_text_takes_as_many_segments_as_it_is_cut_into(text: str) -> None:
    """Count and units are those of the segments themselves, in which no pair is torn apart."""
    cut = split(text)
    found = segments(text)
    assert (found.count, found.units) == (len(cut), sum(map(len, cut)))


PRICES = {"default": 0.06, "+44": 0.04, "+1": 0.01, "+1242": 0.05}


@pytest.mark.parametrize(
    ("to", "count", "expected"),
    [("+447700900123", 2, 0.08), ("+12125550100", 3, 0.03), ("+12425550100", 1, 0.05), ("+33612345678", 1, 0.06)],
)
def test_the_longest_beginning_of_the_number_has_the_price(to: str, count: int, expected: float) -> None:
    """A country's price holds unless a longer beginning has its own; other numbers cost the default."""
    assert cost(Segments("gsm7", count, 100), to, PRICES) == pytest.approx(expected)


def test_a_number_without_a_price_costs_nobody_knows_what() -> None:
    """Where no price is given, none is made up."""
    assert cost(segments("a"), "+33612345678", {"+44": 0.04}) is None
    assert cost(segments("a"), "+33612345678", {}) is None
