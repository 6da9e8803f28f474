"""What marketing must say is missed before anything is sent."""

from __future__ import annotations

import pytest

from clm.content.brand import Brand
from clm.content.legal import lacks
from clm.content.library import TemplateLibrary
from tests.content.conftest import Desk

FOOTER = "{{ brand.address }} {{ links.unsubscribe }}"


@pytest.mark.parametrize("name", ["body.mjml", "body.txt"])
@pytest.mark.parametrize(
    ("source", "missed"),
    [
        (FOOTER, []),
        ("""{{ brand["address"] }} {{links . unsubscribe}}""", []),
        ("18 Tanner Row, London SE1 3ZZ, United Kingdom {{ links.unsubscribe }}", []),
        ("{{ brand.address }} {{ links.preferences }}", ["links.unsubscribe"]),
        ("{{ brand.address_of_nobody }} {{ links.unsubscribe }}", ["brand.address"]),
        ("Hello", ["brand.address", "links.unsubscribe"]),
    ],
)
def test_mail_carries_address_and_link(brand: Brand, name: str, source: str, missed: list[str]) -> None:
    """In HTML and in text: either may be all that is read."""
    found = lacks(name, source, brand.model_dump())
    assert [one.split("`")[1] for one in found] == [f"{{{{ {value} }}}}" for value in missed]


@pytest.mark.parametrize(
    "way_out",
    [
        "Reply STOP to opt out", "Antwort STOPP genügt", "لغو ۱۱", "للإيقاف أرسل: إلغاء", "ตอบ ยกเลิก เพื่อหยุดรับ",
        "СТОП, чтобы отказаться", "{{ links.unsubscribe }}",
    ],
)  # fmt: skip
def test_an_sms_says_how_to_stop_in_a_word_we_understand(brand: Brand, way_out: str) -> None:
    """In the reader's language, or by a link where nobody can answer."""
    assert lacks("sms.txt", f"{{{{ brand.name }}}}: 10% off. {way_out}", brand.model_dump()) == ()


@pytest.mark.parametrize(
    "text", ["10% off today", "{{ contact.stop }} 10% off", "{% if facts.stop %}10% off{% endif %}"]
)
def test_an_sms_without_a_way_out_is_missed(brand: Brand, text: str) -> None:
    """A name inside a template's code is no word to the reader."""
    (fault,) = lacks("sms.txt", f"{brand.name}: {text}", brand.model_dump())
    assert "Reply STOP" in fault
    assert len(lacks("sms.txt", text, brand.model_dump())) == 2


NAMED = {"sms_sender": "SaffronSage"}
"""A sender that phones show, and cannot answer."""


@pytest.mark.parametrize(
    ("way_out", "told"),
    [
        ("Reply STOP to opt out", True),
        ("{{ links.referral }} Reply STOP to opt out", True),
        ("{{ links.unsubscribe }}", False),
        ("""{{ links["preferences"] }} or reply STOP""", False),
    ],
)
def test_nobody_can_answer_a_name(brand: Brand, way_out: str, told: bool) -> None:
    """A word to reply with is a way out where a number sends; where a name does, a link is."""
    text = f"{{{{ brand.name }}}}: 10% off. {way_out}"
    assert lacks("sms.txt", text, brand.model_dump() | {"sms_sender": "+447700900123"}) == ()
    found = lacks("sms.txt", text, brand.model_dump() | NAMED)
    assert len(found) == told
    assert all("`SaffronSage`" in one and "`{{ links.unsubscribe }}`" in one for one in found)


def test_a_link_to_something_else_is_no_way_out(brand: Brand) -> None:
    """Only those by which readers leave, or choose what they want."""
    (fault,) = lacks("sms.txt", "{{ brand.name }}: bring a friend {{ links.referral }}", brand.model_dump())
    assert "how to stop" in fault


def test_a_survey_by_sms_can_be_answered(desk: Desk) -> None:
    """By a number that is sent back, or where a name asks by the link; told by the file that lacks it."""
    desk.write("welcome/hello/en/sms.txt", "How was it? Rate us at {{ survey.url }}")
    desk.write("welcome/hello/fa/sms.txt", "چطور بود؟ عددی از ۱ تا ۵ بفرستید")
    assert desk.library().survey_faults("welcome", "hello", "sms") == []
    desk.brand = desk.brand.model_copy(update=NAMED)
    (fault,) = desk.library().survey_faults("welcome", "hello", "sms")
    assert fault.file == "templates/welcome/hello/fa/sms.txt"
    assert "`SaffronSage`" in fault.message
    assert "`{{ survey.url }}`" in fault.message
    assert desk.library().survey_faults("welcome", "hello", "email") == []


def test_only_what_contacts_read_has_to_say_it(brand: Brand) -> None:
    """A subject, or a task for the team, is nobody's marketing."""
    assert lacks("subject.txt", "Hello", brand.model_dump()) == lacks("task.txt", "Call", brand.model_dump()) == ()


def test_the_shipped_words_say_it(shipped: TemplateLibrary) -> None:
    """In every locale; asking somebody to confirm their address is no marketing."""
    marketing = [one for one in shipped.steps() if one != ("confirm", "address")]
    steps = [(campaign, step, channel) for campaign, step in marketing for channel in ("email", "sms")]
    assert len(steps) > 40
    assert [fault for one in steps for fault in shipped.marketing_faults(*one)] == []  # type: ignore[arg-type]


def test_what_is_lacking_is_told_by_file(desk: Desk) -> None:
    """Shared parts count, since they are read with the words."""
    desk.write("_base/en/foot.txt", FOOTER)
    desk.mail(text='Hello\n{% include "_base/foot.txt" %}', html="Hello")
    faults = desk.library().marketing_faults("welcome", "hello", "email")
    assert {fault.file.rpartition("/")[2] for fault in faults} == {"body.mjml"}
    assert len(faults) == 2
