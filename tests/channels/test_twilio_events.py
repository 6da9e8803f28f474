"""What Twilio tells of SMS: statuses in any order, numbers that get nothing any more, and whose signature counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from clm.channels.twilio_codes import alert
from clm.channels.twilio_events import (
    Inbound,
    form_of,
    inbound,
    signature_is_right,
    status_event,
)
from clm.domain.provider_event import ProviderEvent

NOW = 1_764_115_200_000
SID = "SM" + "1" * 32
URL = "https://news.shop.example/webhooks/twilio/status?m=m43-0123456789ab"
TOKEN = "a-token-for-this-machine-alone"


def told(status: str, **fields: str) -> ProviderEvent | None:
    """The event of a callback."""
    form = {"MessageSid": SID, "MessageStatus": status, "To": "+447700900123", "From": "LeafSpice"} | fields
    return status_event(form, reference="m43-0123456789ab", now=NOW)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("accepted", "processed"), ("scheduled", "processed"), ("queued", "processed"), ("sending", "processed"),
        ("sent", "sent"), ("delivered", "delivered"), ("undelivered", "undelivered"), ("failed", "failed"),
        ("canceled", "failed"), ("read", "opened"), ("Delivered", "delivered"),
    ],
)  # fmt: skip
def test_each_status_is_an_event_of_its_own(status: str, kind: str) -> None:
    """Told again it has the same name, so it counts once; another status of the same message is another event."""
    event = told(status)
    assert event == ProviderEvent(
        provider="twilio",
        event_id=f"{SID}:{status.lower()}",
        kind=kind,  # type: ignore[arg-type]
        at=NOW,
        channel="sms",
        reference="m43-0123456789ab",
        provider_message_id=SID,
        address="+447700900123",
    )


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"MessageSid": SID},
        {"MessageStatus": "sent"},
        {"MessageSid": SID, "MessageStatus": "odd"},
        {"MessageSid": "a b\0", "MessageStatus": "sent"},
    ],
)
def test_what_is_no_status_is_no_event(form: dict[str, str]) -> None:
    """An unknown word, or a message without a name, raises nothing."""
    assert status_event(form, reference=None, now=NOW) is None


@pytest.mark.parametrize(
    ("code", "suppress"),
    [
        ("30003", None), ("30005", "invalid"), ("30006", "invalid"), ("30007", None), ("30034", None),
        ("21610", "stopped"), ("21614", "invalid"),
        ("21211", "invalid"), ("21635", "invalid"), ("30008", None), ("", None), ("odd", None),
    ],
)  # fmt: skip
def test_an_error_about_the_number_itself_suppresses_it(code: str, suppress: str | None) -> None:
    """A telephone that is off comes back; a number that is none does not."""
    event = told("undelivered", ErrorCode=code, ErrorMessage="+447700900123 is not reachable")
    assert event is not None
    assert event.suppress == suppress
    assert "7700900" not in (event.detail or "")


@pytest.mark.parametrize("code", ["30007", "30034", "30450"])
def test_what_people_have_to_look_at(code: str) -> None:
    """Filtered, unregistered, held back: not the number's fault, and not to be met a thousand times."""
    event = told("undelivered", ErrorCode=code, ErrorMessage="+447700900123 was not reached")
    assert event is not None
    assert code in (event.alert or "")
    assert "7700900" not in (event.alert or "")
    assert alert(event.detail) == event.alert, "it can be told again from what is kept"


@pytest.mark.parametrize("code", ["30003", "30005", "", "odd"])
def test_nobody_is_woken_for_what_concerns_one_number(code: str) -> None:
    """Nor for what is no code."""
    event = told("undelivered", ErrorCode=code, ErrorMessage="unreachable, unlike 30007")
    assert event is not None
    assert (event.alert, alert(event.detail)) == (None, None)


@pytest.mark.parametrize(
    ("status", "code", "lapsed"),
    [
        ("failed", "30036", True), ("undelivered", "30036", True), ("undelivered", "30003", False),
        ("failed", "", False), ("delivered", "30036", False), ("sent", "30036", False),
    ],
)  # fmt: skip
def test_only_what_twilio_itself_let_lapse_has_reached_nobody(status: str, code: str, lapsed: bool) -> None:
    """Its validity period was over before a carrier had it; anything else may have come."""
    event = told(status, ErrorCode=code)
    assert event is not None
    assert event.lapsed is lapsed


def test_a_foreign_reference_is_kept_out() -> None:
    """What stands in the URL of a callback that we did not make is no reference."""
    for reference in ("x" * 65, "a\0b", "\ud800"):
        event = status_event({"MessageSid": SID, "MessageStatus": "sent"}, reference=reference, now=NOW)
        assert event is not None
        assert event.reference is None


def test_an_sms_from_somebody() -> None:
    """Sender, words, and whether Twilio has answered an opt-out itself."""
    form = {
        "MessageSid": SID,
        "From": "+447700900123",
        "To": "+447700900999",
        "Body": "Stop please",
        "OptOutType": "STOP",
    }
    assert inbound(form) == Inbound(SID, "+447700900123", "+447700900999", "Stop please", "STOP")
    assert inbound({"MessageSid": SID, "From": "+447700900123"}) == Inbound(SID, "+447700900123", "", "", None)
    assert inbound({"MessageSid": SID, "From": "LeafSpice", "Body": "x"}) is None
    assert inbound({"From": "+447700900123"}) is None


def test_a_form_is_read_with_limits() -> None:
    """Blank fields count, repeated ones too; what is no form, or has too many fields, is refused."""
    form = form_of(b"To=%2B447700900123&Body=&Body=b%26+c")
    assert list(form.items()) == [("To", "+447700900123"), ("Body", ""), ("Body", "b& c")]
    assert not form_of(b"")
    for body in (b"a", b"\xff=1", b"&".join([b"a=1"] * 201)):
        with pytest.raises(ValueError, match=r"\S"):
            form_of(body)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    """Nothing but ValueError comes of what somebody sends."""
    try:
        form = form_of(body)
    except ValueError:
        return
    assert inbound(form) is None
    assert status_event(form, reference=None, now=NOW) is None


def test_only_what_twilio_signed_for_our_address_is_right() -> None:
    """Every field and the public URL with its query count; what follows `#` is not signed, a port may be named."""
    form = MultiDict([("MessageSid", SID), ("MessageStatus", "sent"), ("Odd", "1"), ("Odd", "2")])
    signature = RequestValidator(TOKEN).compute_signature(URL, form)
    assert signature_is_right(URL, form, signature, TOKEN)
    assert signature_is_right(URL + "#rc=5&rp=all", form, signature, TOKEN)
    assert signature_is_right(URL.replace(".example/", ".example:443/"), form, signature, TOKEN)
    assert not signature_is_right(URL, form, signature, "another token")
    assert not signature_is_right(URL, form, signature, "")
    assert not signature_is_right(URL, form, "", TOKEN)
    assert not signature_is_right(URL.replace("ab", "ac"), form, signature, TOKEN)
    assert not signature_is_right(URL.replace("news", "old"), form, signature, TOKEN)
    for name in ("MessageStatus", "New"):
        changed = form.copy()
        changed[name] = "delivered"
        assert not signature_is_right(URL, changed, signature, TOKEN)


def test_their_own_example_is_right() -> None:
    """The request in Twilio's documentation of its signatures."""
    form = MultiDict(
        {
            "CallSid": "CA1234567890ABCDE", "Caller": "+12349013030", "Digits": "1234", "From": "+12349013030",
            "To": "+18005551212",
        }
    )  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature_is_right(url, form, "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", "12345")
