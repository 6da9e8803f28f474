"""SendGrid's events, from its own samples: what each kind means, and what a damaged batch still tells."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from clm.channels.sendgrid_events import AGE_MS_MAX, AHEAD_MS_MAX, events_of, signature_is_right
from clm.domain.provider_event import ProviderEvent

SAMPLES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[3] / "shared" / "data" / "sendgrid_events.json").read_bytes()
)
NOW = 1_764_115_200_000


def body(*events: Any) -> bytes:
    """A request with these events."""
    return json.dumps(events).encode()


def event(**told: Any) -> ProviderEvent:
    """The one event that was told."""
    events, faults = events_of(body({"email": "mina@customer.example", "timestamp": 1_764_115_200} | told))
    assert faults == []
    return events[0]


def test_all_kinds_of_the_public_sample() -> None:
    """Each of the eleven kinds of SendGrid's documentation is known, with what it does to the address."""
    events, faults = events_of(body(*SAMPLES[:11]))
    assert faults == []
    assert [(one.kind, one.suppress, one.lift) for one in events] == [
        ("processed", None, None),
        ("deferred", None, None),
        ("delivered", None, None),
        ("opened", None, None),
        ("clicked", None, None),
        ("bounced", "bounced", None),
        ("dropped", "bounced", None),
        ("complained", "complained", None),
        ("unsubscribed", "unsubscribed", None),
        ("unsubscribed", "unsubscribed", None),
        ("resubscribed", None, "unsubscribed"),
    ]
    assert {(one.provider, one.channel, one.address, one.at) for one in events} == {
        ("sendgrid", "email", "example@test.com", 1_513_299_569_000)
    }


def test_the_whole_public_sample() -> None:
    """Old and odd examples are taken too: capitals, text and milliseconds as timestamps, lists as categories."""
    events, faults = events_of(body(*SAMPLES))
    assert faults == ["event 29: has no `event`"]
    assert len(events) == len(SAMPLES) - 1
    assert {one.at for one in events if one.provider_message_id == "sendgrid_internal_message_id"} == {
        1_591_726_752_372,
        1_337_966_815_000,
        1_249_948_800_000,
    }
    named = [one for one in events if one.provider_message_id == "14c5d75ce93.dfd.64b469"]
    assert len(named) == 12
    assert sum(one.kind == "blocked" and one.suppress is None for one in events) == 1


def test_our_reference_comes_back() -> None:
    """The custom argument stands at top level; an event without one is about nothing of ours, and is kept."""
    assert event(event="open", sg_event_id="a", clm_reference="m42-0123456789ab").reference == "m42-0123456789ab"
    assert event(event="open", sg_event_id="a").reference is None


def test_the_message_id_is_the_one_that_was_answered() -> None:
    """`sg_message_id` begins with the X-Message-Id of the hand-over; a bounce that comes later has none."""
    given_ = "w6SKfdsHT4WTtDTmS1SgHA.recvd-6647ddfb8-x6xrq-1-65-0.0"
    assert event(event="delivered", sg_event_id="a", sg_message_id=given_).provider_message_id == (
        "w6SKfdsHT4WTtDTmS1SgHA"
    )
    assert event(event="bounce", sg_event_id="a").provider_message_id is None


def test_opens_by_machines_are_told_apart() -> None:
    """What a mail program's proxy fetched in advance, nobody has looked at."""
    assert event(event="open", sg_event_id="a", sg_machine_open=True).by_machine
    assert not event(event="open", sg_event_id="a", sg_machine_open=False).by_machine
    assert not event(event="open", sg_event_id="a").by_machine


@pytest.mark.parametrize(
    ("reason", "suppress"),
    [
        ("Bounced Address", "bounced"),
        ("Unsubscribed Address", "unsubscribed"),
        ("Spam Reporting Address", "complained"),
        ("Invalid", "invalid"),
        ("Recipient List over Package Quota", None),
        ("Spam Content (if Spam Checker app is enabled)", None),
        (None, None),
        (7, None),
    ],
)
def test_why_it_was_dropped_decides(reason: object, suppress: str | None) -> None:
    """Dropped for the address, nothing goes to it any more; dropped for something else, nothing changes."""
    found = event(event="dropped", sg_event_id="a", reason=reason)
    assert (found.kind, found.suppress) == ("dropped", suppress)


def test_details_hold_no_address() -> None:
    """A server's words are kept without whom they name; links, addresses and programs of readers are not kept."""
    said = "550 5.1.1 <mina@customer.example> unknown\0"
    bounced = event(event="bounce", sg_event_id="a", status="5.1.1", type="bounce", reason=said)
    assert bounced.detail == "5.1.1 bounce 550 5.1.1 <…> unknown"
    clicked = event(
        event="click", sg_event_id="a", url="https://shop.example/u/tok", ip="203.0.113.9", useragent="Mozilla"
    )
    assert clicked.detail is None
    assert len(event(event="bounce", sg_event_id="a", reason="no " * 9_999).detail or "") <= 500


def test_an_event_without_a_name_gets_the_same_one_each_time() -> None:
    """Told twice it is one event; another one has another name."""
    first, again, other = (
        event(event="open", useragent="x"), event(event="open", useragent="x"), event(event="open", useragent="y"),
    )  # fmt: skip
    assert first.event_id == again.event_id != other.event_id


DAMAGED: list[tuple[Any, str]] = [
    (None, "is not an object"),
    (7, "is not an object"),
    ([], "is not an object"),
    ({}, "has no `event`"),
    ({"event": "open"}, "`timestamp` is not a number"),
    ({"event": "open", "timestamp": True}, "`timestamp` is not a number"),
    ({"event": "open", "timestamp": "yesterday"}, "`timestamp` is not a number"),
    ({"event": "open", "timestamp": -1}, "`timestamp` is not of this time"),
    ({"event": "open", "timestamp": 10**18}, "`timestamp` is not of this time"),
    ({"event": "open", "timestamp": 10**400}, "`timestamp` is not of this time"),
    ({"event": "dance", "timestamp": 1}, "`event` is none that we know"),
    ({"event": ["open"], "timestamp": 1}, "`event` is not a name"),
    ({"event": "open", "timestamp": 1, "sg_event_id": "a\0"}, "`sg_event_id` is not a name"),
    ({"event": "open", "timestamp": 1, "sg_event_id": "\ud800"}, "`sg_event_id` is not a name"),
    ({"event": "open", "timestamp": 1, "sg_event_id": "a" * 201}, "`sg_event_id` is not a name"),
    ({"event": "open", "timestamp": 1, "sg_event_id": 5}, "`sg_event_id` is not a name"),
    ({"event": "open", "timestamp": 1, "sg_event_id": "a", "clm_reference": {"a": 1}}, "`clm_reference` is not a name"),
]


def test_one_damaged_event_spoils_no_other() -> None:
    """Whatever is wrong with some, the others are taken, and each fault says which event and which field."""
    good = {"event": "delivered", "timestamp": 1_764_115_200}
    told = [one for bad, _ in DAMAGED for one in (bad, good)]
    events, faults = events_of(body(*told))
    assert len(events) == len(DAMAGED)
    assert len(faults) == len(DAMAGED)
    for place, (fault, (_, expected)) in enumerate(zip(faults, DAMAGED, strict=True)):
        assert fault.startswith(f"event {2 * place}: ")
        assert expected in fault


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\xff",
        b"{}",
        b"null",
        b'"open"',
        b"[",
        b"[" * 100_000,
        b"[" + b"7" * 9_999 + b"]",
        b'[{"timestamp": NaN}]',
    ],
)
def test_a_body_that_is_no_list_of_events_is_a_fault(sent: bytes) -> None:
    """Nothing that can be sent raises anything."""
    events, faults = events_of(sent)
    assert events == []
    assert len(faults) == 1


fields = st.sampled_from(["event", "timestamp", "email", "sg_event_id", "reason", "type", "clm_reference"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["open", "bounce"]),
    lambda inner: st.lists(inner) | st.dictionaries(fields, inner),
    max_leaves=20,
)


@given(st.lists(json_values, max_size=5))
def test_any_json_is_read_or_named(told: list[Any]) -> None:
    """Each element is an event or a fault, and what is kept a database can hold."""
    events, faults = events_of(json.dumps(told).encode())
    assert len(events) + len(faults) == len(told)
    for one in events:
        for text in (one.event_id, one.reference, one.address, one.detail, one.provider_message_id):
            assert text is None or (text.isprintable() and text.encode())


@pytest.fixture(scope="module")
def signing() -> tuple[str, Callable[[bytes, str], str]]:
    """A public key as SendGrid shows it, and who signs for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(sent: bytes, timestamp: str) -> str:
        return b64encode(key.sign(timestamp.encode() + sent, ec.ECDSA(hashes.SHA256()))).decode()

    return b64encode(public).decode(), sign


def test_only_the_bytes_that_were_signed_are_right(signing: tuple[str, Callable[[bytes, str], str]]) -> None:
    """The raw bytes count, a line end at their end included; another byte, key or timestamp is refused."""
    key, sign = signing
    sent = '[{"event": "open", "name": "مینا"}]\r\n'.encode()
    timestamp = str(NOW // 1_000)
    signature = sign(sent, timestamp)
    assert signature_is_right(sent, signature, timestamp, key, now=NOW)
    assert not signature_is_right(sent.strip(), signature, timestamp, key, now=NOW)
    assert not signature_is_right(sent + b" ", signature, timestamp, key, now=NOW)
    assert not signature_is_right(sent, signature, str(NOW // 1_000 + 1), key, now=NOW)
    assert not signature_is_right(sent, signature, timestamp, "", now=NOW)
    for odd in ("", "!", "AAAA", signature[:-8], "é"):
        assert not signature_is_right(sent, odd, timestamp, key, now=NOW)
    for odd in ("", "x", "-1", "9" * 20, timestamp + " "):
        assert not signature_is_right(sent, sign(sent, odd), odd, key, now=NOW)
    assert not signature_is_right(b"\xff", sign(b"\xff", timestamp), timestamp, key, now=NOW)
    with pytest.raises(ValueError, match="SENDGRID_WEBHOOK_KEY"):
        signature_is_right(sent, signature, timestamp, "not a key", now=NOW)


def test_their_own_example_is_right() -> None:
    """The request with which SendGrid tests its library; it ends in CR LF, and that is signed too."""
    key = (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eN"
        "Ec6wEA3F+g=="
    )
    signature = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
    told = {
        "email": "hello@world.com",
        "event": "dropped",
        "reason": "Bounced Address",
        "sg_event_id": "ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",
        "sg_message_id": "LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",
        "smtp-id": "<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>",
        "timestamp": 1_600_112_492,
    }
    sent = json.dumps([told], separators=(",", ":")).encode() + b"\r\n"
    assert signature_is_right(sent, signature, "1600112502", key, now=1_600_112_503_000)
    assert not signature_is_right(sent.strip(), signature, "1600112502", key, now=1_600_112_503_000)
    assert events_of(sent)[0][0].provider_message_id == "LRzXl_NHStOGhQ4kofSm_A"


def test_a_signature_of_long_ago_is_refused(signing: tuple[str, Callable[[bytes, str], str]]) -> None:
    """For as long as SendGrid tries it is taken, and not afterwards; nor from a clock far ahead of ours."""
    key, sign = signing
    timestamp = str(NOW // 1_000)
    signature = sign(b"[]", timestamp)
    for now, right in ((NOW + AGE_MS_MAX, True), (NOW + AGE_MS_MAX + 1, False), (NOW - AHEAD_MS_MAX, True)):
        assert signature_is_right(b"[]", signature, timestamp, key, now=now) is right
    assert not signature_is_right(b"[]", signature, timestamp, key, now=NOW - AHEAD_MS_MAX - 1)
