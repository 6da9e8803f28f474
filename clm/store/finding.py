"""Contacts found by what somebody remembers of them: an id, a name, an address or a number, whole or in part."""

from __future__ import annotations

import re
import unicodedata

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from sqlalchemy import ColumnElement, TextClause, and_, func, or_, text

from clm.store import timeline
from clm.store.database import Found, Transaction
from clm.store.dialect import texts_in, texts_value
from clm.store.schema import contacts

WORDS_MAX = 5
_NUMBER = re.compile(r"[+(]?[\d\s()./-]*\d[\d\s()./-]*")
_NATIONAL_DIGITS_MIN = 7
"""Shorter ones are looked for within numbers: with every country's code before them they would be anybody's."""
_PART_DIGITS_MIN = 4
_LAST = "\U0010ffff"
"""Sorts after whatever an address goes on with."""


def find(tx: Transaction, wanted: str, *, limit: int) -> list[Found]:
    """At most `limit` contacts: id, source, external_id, email, phone, names, country, locale, in the order of ids.

    A whole id, address or number finds those who have it and nobody else; a number is also known without the code of
    its country. Otherwise each word has to stand in a name, an address, an id or a number. `%` and `_` are letters.
    """
    words = wanted.replace("\0", "").split()[:WORDS_MAX]
    if not words:
        return []
    whole = " ".join(words)
    number = _number(whole)
    found = timeline.find(tx, whole, limit=limit)
    asked: list[ColumnElement[bool] | TextClause] = [_has_number(tx, number)] if number else []
    if "@" in whole:
        asked.append(_begins(tx, whole.lower()))
    asked.append(and_(*(_within(word) for word in ([number] if number else words))))
    for where in asked:
        if found:
            break
        found = list(tx.execute(timeline.listed().where(where).order_by(contacts.c.id).limit(limit)))
    return found


def _has_number(tx: Transaction, number: str) -> TextClause:
    return text(f"contacts.phone IN {texts_in(tx)}").bindparams(texts=texts_value(tx, _numbers(number)))


def _begins(tx: Transaction, address: str) -> ColumnElement[bool]:
    """Addresses that begin so; on SQLite by their index, whose order PostgreSQL's own need not have."""
    c = contacts.c
    begins = func.lower(c.email).startswith(address, autoescape=True)
    if tx.dialect.name != "sqlite":
        return begins
    between = and_(func.lower(c.email) >= address, func.lower(c.email) < address + _LAST)
    return and_(c.email.is_not(None), between, begins)


def _within(word: str) -> ColumnElement[bool]:
    c = contacts.c
    name = func.coalesce(c.first_name, "") + " " + func.coalesce(c.last_name, "")
    # SQLite knows of no capitals but the Latin ones.
    spellings = dict.fromkeys((word, word.lower(), word.title(), word.upper()))
    places = [name.contains(spelling, autoescape=True) for spelling in spellings]
    places += [func.lower(column).contains(word.lower(), autoescape=True) for column in (c.email, c.external_id)]
    digits = word.lstrip("+")
    if digits.isascii() and digits.isdigit() and len(digits) >= _PART_DIGITS_MIN:
        places.append(c.phone.contains(digits, autoescape=True))
    return or_(*places)


def _number(wanted: str) -> str:
    """What is meant as a number: its digits, in whatever script they were typed, and the plus; empty for none."""
    told = "".join(str(unicodedata.digit(one, one)) for one in wanted)
    if not _NUMBER.fullmatch(told):
        return ""
    return "".join(one for one in told if one in "+0123456789")


def _numbers(number: str) -> set[str]:
    """The numbers in full that one may stand for: as it is, or a national one of any country."""
    if not number or number.startswith("+"):
        return {number}
    digits = number.lstrip("0")
    found = {f"+{number}", f"+{digits}"} if number.startswith("00") else {f"+{number}"}
    if len(digits) >= _NATIONAL_DIGITS_MIN:
        found |= {f"+{code}{national}" for code in COUNTRY_CODE_TO_REGION_CODE for national in (digits, number)}
    return found
