"""What Twilio's error codes about a message on its way mean: for the number, and for us."""

from __future__ import annotations

from collections.abc import Mapping

PROVIDER = "twilio"

SUPPRESSING: Mapping[int, str] = {
    21211: "invalid",
    21217: "invalid",
    21610: "stopped",
    21614: "invalid",
    21635: "invalid",
    30005: "invalid",  # unknown
    30006: "invalid",  # a landline, or a carrier that takes no SMS
}
"""For what reason nothing may go to a number any more. 30003 (switched off) is not among them: it comes back."""

ALERTING: Mapping[int, str] = {
    30007: "filtered by a carrier; look at the words and links",
    30034: "our number is not registered with the carriers; register it (A2P 10DLC)",
    30450: "held back as a risk; look into Twilio's console",
}
"""What people have to look at, because it is not the number's fault and the next SMS may meet the same."""


LAPSED = frozenset({30036})
"""Kept in Twilio's own queue until it was too late (`ValidityPeriod`), and handed to no carrier."""


def alert(detail: str | None) -> str | None:
    """What people should be told of an event, by the code that its detail begins with; None where nothing."""
    code = (detail or "").partition(" ")[0]
    says = ALERTING.get(int(code)) if code.isascii() and code.isdigit() else None
    return None if says is None else f"SMS: {says} (Twilio {code})"
