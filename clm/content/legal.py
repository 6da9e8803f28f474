"""What the law wants of marketing words: who writes, from where, and how to leave.

Mail needs a postal address (CAN-SPAM) and a way out in the mail itself, in HTML and in text; an SMS the brand's name
and a way out (TCPA). Judged by what a template says and not by what comes out, so that it is told before anything is
sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from clm.domain import plain_words
from clm.domain.opt_out_words import THAI_STOP_WHOLE, TONGUES

_MAIL = ("brand.address", "links.unsubscribe")
_REQUIRED: Mapping[str, tuple[str, ...]] = {"body.mjml": _MAIL, "body.txt": _MAIL, "sms.txt": ("brand.name",)}
_MEANING = {
    "brand.address": "the postal address",
    "brand.name": "who writes",
    "links.unsubscribe": "the link by which readers leave",
}
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def lacks(name: str, source: str, brand: Mapping[str, object]) -> tuple[str, ...]:
    """What a file, its shared parts written out, has to say in marketing and does not; each with the remedy."""
    found = [
        f"does not say `{{{{ {value} }}}}`, {_MEANING[value]}, which marketing must carry"
        for value in _REQUIRED.get(name, ())
        if not _says(source, value, brand)
    ]
    if name == "sms.txt" and not _tells_how_to_stop(source):
        found.append("does not say how to stop, which marketing must; write `Reply STOP to opt out`")
    return tuple(found)


def _says(source: str, value: str, brand: Mapping[str, object]) -> bool:
    owner, field = value.split(".")
    if re.search(rf"\b{owner}\s*(?:\.\s*{field}\b|\[\s*[\"']{field}[\"'])", source):
        return True
    return owner == "brand" and str(brand[field]) in source  # written out by hand


def _tells_how_to_stop(source: str) -> bool:
    """By a word that we understand when it comes back, in any language, or by a link, which needs no answer."""
    if re.search(r"\blinks\s*[.\[]", source):
        return True
    text = _JINJA.sub(" ", source)
    words = plain_words.words(text)
    return any(word in tongue.stop | tongue.stop_whole for tongue in TONGUES for word in words) or any(
        word in text for word in THAI_STOP_WHOLE
    )
