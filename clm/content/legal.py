"""What the law wants of marketing words: who writes, from where, and how to leave.

Mail needs a postal address (CAN-SPAM) and a way out in the mail itself, in HTML and in text; an SMS the brand's name
and a way out (TCPA). A word to reply with is one only where a number sends the SMS, because nobody can answer a name.
Judged by what a template says and not by what comes out, so that it is told before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from clm.domain import plain_words
from clm.domain.opt_out_words import THAI_STOP_WHOLE, TONGUES

_MAIL = ("brand.address", "links.unsubscribe")
REQUIRED: Mapping[str, tuple[str, ...]] = {"body.mjml": _MAIL, "body.txt": _MAIL, "sms.txt": ("brand.name",)}
_MEANING = {
    "brand.address": "the postal address",
    "brand.name": "who writes",
    "links.unsubscribe": "the link by which readers leave",
}
_LINK_OUT = re.compile(r"\blinks\s*(?:\.\s*|\[\s*[\"'])(?:unsubscribe|preferences)\b")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def lacks(name: str, source: str, brand: Mapping[str, object]) -> tuple[str, ...]:
    """What a file, its shared parts written out, has to say in marketing and does not; each with the remedy."""
    found = [
        f"does not say `{{{{ {value} }}}}`, {_MEANING[value]}, which marketing must carry"
        for value in REQUIRED.get(name, ())
        if not says(source, value, brand)
    ]
    if name == "sms.txt" and not _LINK_OUT.search(source):
        sender = str(brand["sms_sender"])
        remedy = "write `{{ links.unsubscribe }}`" if _is_a_name(sender) else "write `Reply STOP to opt out`"
        if not _has_a_word_to_stop(source):
            found.append(f"does not say how to stop, which marketing must; {remedy}")
        elif _is_a_name(sender):
            found.append(f"says how to stop by a reply, and {_deaf(sender)}, or {remedy}")
    return tuple(found)


def unanswerable(speaks_of: Collection[str], brand: Mapping[str, object]) -> str | None:
    """Why nobody could answer the survey of an SMS that speaks of such names, with the remedy; None where they could.

    A link to the survey can be followed whoever sends it, so with one nothing is said.
    """
    sender = str(brand["sms_sender"])
    if not _is_a_name(sender) or {"survey.url", "survey.scores"} & set(speaks_of):
        return None
    return f"asks for an answer by reply, and {_deaf(sender)}, or write `{{{{ survey.url }}}}`"


def _is_a_name(sender: str) -> bool:
    return not sender.startswith("+")


def _deaf(sender: str) -> str:
    return f"nobody can answer `{sender}`, a name; give `sms_sender` in config/brand.yaml a number"


def says(source: str, value: str, brand: Mapping[str, object]) -> bool:
    """Whether a source says a value, such as `brand.address`, by its name or written out."""
    owner, field = value.split(".")
    if re.search(rf"\b{owner}\s*(?:\.\s*{field}\b|\[\s*[\"']{field}[\"'])", source):
        return True
    return owner == "brand" and str(brand[field]) in source  # written out by hand


def _has_a_word_to_stop(source: str) -> bool:
    """One that we understand when it comes back, in any language."""
    text = _JINJA.sub(" ", source)
    words = plain_words.words(text)
    return any(word in tongue.stop | tongue.stop_whole for tongue in TONGUES for word in words) or any(
        word in text for word in THAI_STOP_WHOLE
    )
