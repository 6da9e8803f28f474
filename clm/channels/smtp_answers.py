"""What each answer of a mail server means for the message: one table, by how far the hand-over had come."""

from __future__ import annotations

import re
from typing import Literal

from clm.channels.answers import Meaning, outcome
from clm.channels.redact import redacted
from clm.domain.outcome import Outcome

Stage = Literal["connect", "sign in", "sender", "recipient", "data", "end"]
"""`end` begins when the last line of the mail, a lone full stop, may have left; before it nothing can be taken."""

_LATER = Meaning("not_sent", "asks to come again")
_SIGN_IN = Meaning("stop", "refuses our name or password")
_UNWANTED = Meaning("stop", "does not want us")
_NO_SUCH = Meaning("rejected", "there is no such mailbox", suppress="invalid")
_POLICY = Meaning("rejected", "refuses it by its own rules", alert=True)
_REFUSED = Meaning("rejected", "refuses it")
_SENDER = Meaning("stop", "refuses our sender address")

ANSWERS: tuple[tuple[Stage | None, str, str, Meaning], ...] = (
    # stage, beginning of the code, beginning of the enhanced code (RFC 3463), meaning; the first that fits
    (None, "421", "", Meaning("not_sent", "closes the connection")),
    (None, "530", "", _SIGN_IN),
    (None, "534", "", _SIGN_IN),
    (None, "535", "", _SIGN_IN),
    (None, "538", "", _SIGN_IN),
    ("sign in", "5", "", _SIGN_IN),
    (None, "4", "", _LATER),
    ("connect", "5", "", _UNWANTED),
    ("sender", "552", "", Meaning("rejected", "finds it too large")),
    ("sender", "5", "", _SENDER),
    ("recipient", "5", "5.1.7", _SENDER),
    ("recipient", "5", "5.1.8", _SENDER),
    ("recipient", "5", "5.1.", _NO_SUCH),
    ("recipient", "5", "5.7.", _POLICY),
    ("recipient", "5", "5.", _REFUSED),
    ("recipient", "550", "", _NO_SUCH),
    ("recipient", "551", "", _NO_SUCH),
    ("recipient", "553", "", _NO_SUCH),
    ("recipient", "5", "", _REFUSED),
    ("data", "5", "", _POLICY),
    ("end", "2", "", Meaning("accepted", "takes it")),
    ("end", "5", "5.1.1", _NO_SUCH),
    ("end", "5", "5.7.", _POLICY),
    ("end", "5", "", _REFUSED),
    ("end", "", "", Meaning("in_doubt", "does not say whether it takes it")),
    (None, "", "", Meaning("not_sent", "does not answer as mail servers do")),
)

_ENHANCED = re.compile(r"(\d\.\d{1,3}\.\d{1,3})(?:\s|$)")
_QUEUED_AS = re.compile(r"queued as ([A-Za-z0-9._-]{1,100})")


def of_answer(stage: Stage, code: int, text: str) -> Outcome:
    """The outcome that a mail server's answer means."""
    found = _ENHANCED.match(text)
    enhanced = found[1] if found else ""
    meaning = next(
        row[3]
        for row in ANSWERS
        if row[0] in {None, stage} and str(code).startswith(row[1]) and enhanced.startswith(row[2])
    )
    queued = _QUEUED_AS.search(text)
    provider_id = queued[1] if queued else None
    return outcome(meaning, f"mail server {code}", provider_id=provider_id, told=redacted(text, at_most=300))


def of_silence(stage: Stage, what: str) -> Outcome:
    """The outcome where no answer came: the connection broke, or time ran out."""
    verdict: Literal["in_doubt", "not_sent"] = "in_doubt" if stage == "end" else "not_sent"
    return outcome(Meaning(verdict, what), "mail server")
