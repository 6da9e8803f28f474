"""What is left of a text when everything by which people write the same word differently is taken away.

Capitals, accents on Latin letters, Arabic marks and the long stroke, joiners, figures, punctuation and pictures go; of
letters that look alike in Arabic and Persian one is kept. Marks of Thai and of other scripts belong to the word.
"""

from __future__ import annotations

import re
import unicodedata

_CHARACTERS_MAX = 2_000
"""More than an SMS can hold; what comes after is not looked at."""

_ALIKE = str.maketrans(
    {
        "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ی", "ي": "ی", "ئ": "ی", "ك": "ک", "ة": "ه", "ۀ": "ه", "ؤ": "و",
        "ё": "е", "ı": "i", "ß": "ss", "ø": "o", "ł": "l", "ς": "σ",
        "ـ": None,  # the stroke that makes a word longer
    }
)  # fmt: skip
_SEPARATE_CLAUSES = re.compile(r"[.!?;,:\n\r…،؛؟。！？、]+")
_APOSTROPHES = re.compile("['’‘`´ʼ]")
_ELISION = re.compile(r"\b([a-z])['’‘`´ʼ](?=[^\W\d_]{3})")
"""d'arrêter, m'envoyer: the letter is a word; in don't and I'm the apostrophe is left out."""
_DRAWN_OUT = re.compile(r"(.)\1{2,}")
_LETTERS = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e])*")


def clauses(text: str) -> list[list[str]]:
    """The words of each part between full stops, commas and the like; parts without a word are left out."""
    found = (_words(part) for part in _SEPARATE_CLAUSES.split(_one_spelling(text[:_CHARACTERS_MAX])))
    return [words for words in found if words]


def words(text: str) -> list[str]:
    """All words of a text, in order."""
    return [word for clause in clauses(text) for word in clause]


def _one_spelling(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept: list[str] = []
    latin = False
    for character in unicodedata.normalize("NFD", folded):
        category = unicodedata.category(character)
        if category == "Mn" and (latin or "\u0610" <= character <= "\u06ed"):
            # Accents, and what Arabic and Persian write above and below; a hamza or madda stands on a plain alef then.
            continue
        if category == "Cf":  # joiners, direction marks, soft hyphens
            continue
        if category != "Mn":
            latin = "a" <= character <= "z" or "\u00c0" <= character <= "\u024f"
        kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept)).translate(_ALIKE)


def _words(clause: str) -> list[str]:
    parted = _APOSTROPHES.sub("", _ELISION.sub(r"\1 ", clause))
    return [_DRAWN_OUT.sub(r"\1", word) for word in _LETTERS.findall(parted)]
