"""What an SMS that somebody sends us means: no more of these, again please, help, or something else.

The law wants any reasonable way of saying no to be understood, so a short message with a word for it counts unless it
plainly says something else ("don't stop", "when does the bus stop?"). Saying yes needs the very word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from clm.domain import opt_out_words, plain_words
from clm.domain.opt_out_words import TONGUES, Tongue

Meaning = Literal["stop", "start", "help"]

TWILIO_WORDS: dict[str, Meaning] = {
    **dict.fromkeys(("stop", "unsubscribe", "end", "quit", "stopall", "revoke", "optout", "cancel"), "stop"),
    **dict.fromkeys(("start", "yes", "unstop"), "start"),
    **dict.fromkeys(("help", "info"), "help"),
}
"""What Twilio takes for one of the three, and answers, where it is the whole message."""

_SHORT_WORDS = 4
"""In a clause of so many words a word for stopping counts wherever it stands …"""
_FIRST_WORDS, _LAST_WORDS = 8, 6
"""… in one of so many where it stands first, or last: STOP I never signed up for this; I want this to stop."""


def understand(text: str) -> Meaning | None:
    """What the message means; None for anything but the three."""
    clauses = plain_words.clauses(text)
    whole = [word for clause in clauses for word in clause]
    if not whole:
        return None
    if _says_stop(clauses, whole):
        return "stop"
    if any(_said(whole, tongue) & tongue.start for tongue in TONGUES) or _thai(whole, _THAI_START):
        return "start"
    if any(_said(whole, tongue) & tongue.help for tongue in TONGUES) or _thai(whole, _THAI_HELP):
        return "help"
    return None


def answered_by_twilio(text: str) -> bool:
    """Whether Twilio answers the message itself, so that we must not."""
    return text.strip().casefold() in TWILIO_WORDS


def is_bare_yes(text: str) -> bool:
    """Whether it is the one word for starting again that also answers anything else that was asked."""
    return plain_words.words(text) == ["yes"]


def _says_stop(clauses: Sequence[Sequence[str]], whole: Sequence[str]) -> bool:
    letters = "".join(whole)
    for tongue in TONGUES:
        if letters in tongue.stop or _said(whole, tongue) & tongue.stop_whole:  # the first for s.t.o.p
            return True
        if any(_clause_says_stop(clause, tongue) for clause in clauses):
            return True
    return _thai(whole, _THAI_STOP) or any(_thai_phrase("".join(clause)) for clause in clauses)


def _clause_says_stop(clause: Sequence[str], tongue: Tongue) -> bool:
    core = [word for word in clause if word not in tongue.courtesy]
    if core and all(word in tongue.stop for word in core):
        return True
    if _has_phrase(clause, tongue) or _has_phrase(core, tongue):
        return True
    asks = len(core) > 2 and core[0] in tongue.questions
    if asks or not any(word in tongue.stop for word in core):
        return False
    stands = (
        len(core) <= _SHORT_WORDS
        or (core[0] in tongue.stop and len(core) <= _FIRST_WORDS)
        or (core[-1] in tongue.stop and len(core) <= _LAST_WORDS)
    )
    return stands and any(
        word in tongue.stop and not _is_something_else(clause, place, tongue) for place, word in enumerate(clause)
    )


def _is_something_else(clause: Sequence[str], place: int, tongue: Tongue) -> bool:
    before, after = clause[:place], clause[place + 1 :]
    turned_round = any(
        word in tongue.not_ and list(before[number + 1 :]) != ["you"]  # "why don't you stop" asks for it
        for number, word in enumerate(before)
    )
    return (
        turned_round
        or (len(before) > 0 and before[-1] in tongue.other_before)
        or any(word in tongue.other_after for word in after[:3])
        or any(word in tongue.not_after for word in after[:1])
    )


def _has_phrase(words: Sequence[str], tongue: Tongue) -> bool:
    """Whether one of the phrases stands in the words, and nothing right before it turns it round."""
    longest = max(phrase.count(" ") for phrase in tongue.stop_phrases) + 1
    for start in range(len(words)):
        if start and words[start - 1] in tongue.not_:
            continue
        for end in range(start + 2, min(start + longest, len(words)) + 1):
            if " ".join(words[start:end]) in tongue.stop_phrases:
                return True
    return False


def _said(whole: Sequence[str], tongue: Tongue) -> set[str]:
    """The whole message as one phrase, with and without words of courtesy."""
    return {" ".join(whole), " ".join(word for word in whole if word not in tongue.courtesy)}


def _joined(texts: Sequence[str] | frozenset[str]) -> tuple[str, ...]:
    return tuple("".join(plain_words.words(text)) for text in texts)


_THAI_COURTESY = _joined(opt_out_words.THAI_COURTESY)
_THAI_STOP = frozenset(_joined(opt_out_words.THAI_STOP_WHOLE))
_THAI_START = frozenset(_joined(opt_out_words.THAI_START))
_THAI_HELP = frozenset(_joined(opt_out_words.THAI_HELP))
_THAI_PHRASES = _joined(opt_out_words.THAI_STOP_PHRASES)
_THAI_NOT = _joined(opt_out_words.THAI_NOT)


def _thai(whole: Sequence[str], wanted: frozenset[str]) -> bool:
    """Whether the message is one of the Thai words, once courtesy at either end is gone: Thai has no blanks."""
    text = "".join(whole)
    while True:
        if text in wanted:
            return True
        shorter = text
        for word in _THAI_COURTESY:
            shorter = shorter.removeprefix(word).removesuffix(word)
        if shorter == text:
            return False
        text = shorter


def _thai_phrase(text: str) -> bool:
    return any((place := text.find(phrase)) >= 0 and not text[:place].endswith(_THAI_NOT) for phrase in _THAI_PHRASES)
