"""Templates found, checked all at once, and rendered one message at a time."""

from __future__ import annotations

import re
from typing import Any

import pytest

from clm.content.library import OUTPUT_BYTES_MAX
from clm.errors import ConfigurationError, RenderError

from .conftest import BODY, Desk, persona

BODIES = ("body.mjml", "body.txt")


def faults_of(desk: Desk) -> list[str]:
    """Every fault of the templates on a desk, as people read them."""
    with pytest.raises(ConfigurationError) as error:
        desk.library()
    return str(error.value).splitlines()


# -- what is said ------------------------------------------------------------------------------------------------------


def test_a_mail_has_subject_html_and_text(desk: Desk) -> None:
    """One step's three files become one message."""
    desk.mail(
        subject="{{ contact.first_name }},\n  your tea\n",
        html="<b>Hello</b> {{ contact.first_name }}",
        text="Hello {{ contact.first_name }}",
    )
    content = desk.render()
    assert content.subject == "Amina, your tea"
    assert "<b>Hello</b> Amina" in (content.html or "")
    assert content.text == "Hello Amina\n"


def test_an_sms_is_one_line(desk: Desk) -> None:
    """An SMS may be written on several lines; every letter costs, so it leaves as one."""
    desk.write("win_back/last_call/en/sms.txt", "{{ brand.name }}:\n\n   come   back\n")
    content = desk.library().render("win_back", "last_call", "sms", None, persona())
    assert (content.text, content.subject, content.html) == ("Saffron & Sage: come back", None, None)


def test_a_mail_to_staff_is_a_subject_and_a_text(desk: Desk) -> None:
    """The team gets plain text, in the shop's own language whatever the contact reads, with shared parts written in."""
    desk.write("_base/customer.txt", "Customer {{ contact.id }}")
    desk.write("slipping_vip/call/en/subject.txt", "Call {{ contact.first_name }}")
    desk.write("slipping_vip/call/en/task.txt", "{% include '_base/customer.txt' %}\n\n\n\nCall   today.\n")
    desk.write("slipping_vip/call/fa/subject.txt", "زنگ بزن")
    desk.write("slipping_vip/call/fa/task.txt", "امروز")
    library = desk.library()
    content = library.render("slipping_vip", "call", "staff", "fa", persona())
    assert (content.locale, content.subject, content.html) == ("en", "Call Amina", None)
    assert content.text == "Customer C-1042\n\nCall   today.\n"
    assert library.channels("slipping_vip", "call") == {"staff"}
    with pytest.raises(RenderError, match=re.escape("missing value contact.id (templates/slipping_vip/call/en/task")):
        library.render("slipping_vip", "call", "staff", None, persona(id=None))


MEND = "; write it, or delete the others"


@pytest.mark.parametrize(
    ("files", "faults"),
    [
        (["task.txt"], [f"subject.txt: is required beside the other files for staff{MEND}"]),
        (["subject.txt", "sms.txt"], [f"{one}: is required beside the other files for email{MEND}" for one in BODIES]),
        (["body.txt", "task.txt"], [
            f"subject.txt: is required beside the other files for email{MEND}",
            f"body.mjml: is required beside the other files for email{MEND}",
            f"subject.txt: is required beside the other files for staff{MEND}",
        ]),
        (["tasks.txt"], ["tasks.txt: is read by nothing; did you mean `task.txt`?"]),
    ],
)  # fmt: skip
def test_files_tell_the_channel(desk: Desk, files: list[str], faults: list[str]) -> None:
    """A subject belongs to an e-mail or a mail to staff, whichever the files beside it are; a lone one is a fault."""
    for name in files:
        desk.write(f"feedback_low/alert/en/{name}", "Hello")
    assert faults_of(desk) == [f"templates/feedback_low/alert/en/{fault}" for fault in faults]


def test_hostile_names_stay_names(desk: Desk) -> None:
    """Markup in a customer's name is shown, not obeyed, in HTML; text and subject show it as it is."""
    name = "<script>alert('x')</script> \" onclick=\"x"
    desk.mail(subject="Hi {{ contact.first_name }}", text="{{ contact.first_name }}")
    desk.write(
        "welcome/hello/en/body.mjml",
        BODY.format(words='<a href="https://x.example/?n={{ contact.first_name }}">{{ contact.first_name }}</a>'),
    )
    content = desk.render(persona(first_name=name))
    html = content.html or ""
    assert "<script>" not in html
    assert 'onclick="' not in html
    assert "&lt;script&gt;" in html
    assert content.subject == f"Hi {name}"
    assert content.text == f"{name}\n"


def test_a_template_in_a_name_is_not_run(desk: Desk) -> None:
    """Somebody called `{{ brand.name }}` is called that."""
    assert desk.text("Hi {{ contact.first_name }}", persona(first_name="{{ brand.name }}")) == "Hi {{ brand.name }}"


def test_shared_parts_are_written_once(desk: Desk) -> None:
    """A text and a mail include their footer; the words' own language comes first."""
    desk.write("_base/footer.txt", "{{ brand.address }}")
    desk.write("_base/en/footer.txt", "Yours, {{ brand.name }}")
    words = "<mj-text>{{ brand.address }}</mj-text>"
    desk.write("_base/footer.mjml", f"<mj-section><mj-column>{words}</mj-column></mj-section>")
    desk.mail(text="Hello\n\n{% include '_base/footer.txt' %}\n")
    desk.mail(text="Moi\n\n{% include '_base/footer.txt' %}\n", locale="fi")
    desk.write("welcome/hello/en/body.mjml", '<mjml><mj-body><mj-include path="_base/footer.mjml" /></mj-body></mjml>')
    assert desk.render().text == "Hello\n\nYours, Saffron & Sage\n"
    assert desk.render(locale="fi").text == f"Moi\n\n{desk.brand.address}\n"
    assert desk.brand.address in (desk.render().html or "")


def test_conditions_stand_between_elements(desk: Desk) -> None:
    """A whole section can depend on a fact; `<`, quotation marks and `&` in conditions are no markup."""
    desk.write(
        "welcome/hello/en/body.mjml",
        """<mjml><mj-body>
        <mj-raw>{% if facts.order_count < 5000 and contact.first_name != "it's <x>" %}</mj-raw>
        <mj-section><mj-column><mj-text>Regular</mj-text></mj-column></mj-section>
        <mj-raw>{% else %}</mj-raw>
        <mj-section><mj-column><mj-text>New</mj-text></mj-column></mj-section>
        <mj-raw>{% endif %}</mj-raw>
        </mj-body></mjml>""",
    )
    desk.write("welcome/hello/en/subject.txt", "Hello")
    desk.write("welcome/hello/en/body.txt", "Hello")
    html = desk.render().html or ""
    assert "Regular" in html
    assert "New" not in html


# -- what is missing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [None, "", "   ", "\N{NO-BREAK SPACE}"])
def test_a_missing_value_without_fallback_stops_the_message(desk: Desk, nothing: str | None) -> None:
    """Nobody is greeted `Hello None` or `Hello ,`: None and blank texts are missing, and the reason names the value."""
    desk.mail(html="Hello {{ contact.first_name }}")
    with pytest.raises(RenderError) as error:
        desk.render(persona(first_name=nothing))
    assert str(error.value) == "missing value contact.first_name (templates/welcome/hello/en/body.mjml)"


@pytest.mark.parametrize("nothing", [None, "", "   "])
def test_a_fallback_stands_in_for_a_missing_value(desk: Desk, nothing: str | None) -> None:
    """`default` is the fall-back for None as well as for what is not there at all."""
    assert desk.text("Hello {{ contact.first_name | default('there') }}", persona(first_name=nothing)) == "Hello there"


def test_an_absent_context_is_missing_too(desk: Desk) -> None:
    """Where a whole group of values is not given, its values are missing one by one."""
    context = persona()
    del context["last_order"]
    template = "{{ last_order.products[0].name | default('your tea') }}{% if last_order.id is defined %}!{% endif %}"
    assert desk.text(template, context) == "your tea"
    with pytest.raises(RenderError, match=r"^missing value last_order\.products\[0\]\.name \(templates/"):
        desk.text("{{ last_order.products[0].name }}", context)


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{{ last_order.products[5].name }}", "last_order.products[5].name"),
        ("{% for p in last_order.products %}{{ p.colour }}{% endfor %}", "last_order.products[0].colour"),
        ("{% if facts.revenue_365d > 5 %}x{% endif %}", "facts.revenue_365d"),
        ("{% if facts.revenue_365d %}x{% endif %}", "facts.revenue_365d"),
        ("{% for x in facts.zone %}x{% endfor %}", "facts.zone"),
        ("{{ facts.zone | upper }}", "facts.zone"),
        ("{{ 'a' ~ facts.zone }}", "facts.zone"),
        ("{{ facts.average_gap_days + 1 }}", "facts.average_gap_days"),
        ("{{ facts.average_gap_days * 2 }}", None),
        ("{{ 'x' if facts.order_count < 0 }}", None),
    ],
)
def test_the_reason_names_the_place(desk: Desk, template: str, named: str | None) -> None:
    """Whatever is done to a missing value, the message stops; where it has a name the reason tells it."""
    with pytest.raises(RenderError) as error:
        desk.text(template)
    if named:
        assert str(error.value) == f"missing value {named} (templates/welcome/hello/en/body.txt)"


def test_words_that_come_to_nothing_are_not_sent(desk: Desk) -> None:
    """A subject or a body that is empty after rendering stops the message."""
    desk.mail(subject="{% if facts.order_count < 0 %}Hello{% endif %}")
    with pytest.raises(RenderError, match=r"nothing to say \(templates/welcome/hello/en/subject\.txt\)"):
        desk.render()


def test_a_name_cannot_turn_the_rest_of_a_mail_round(desk: Desk) -> None:
    """Marks that override the writing direction are left out of what a template is given; joiners of scripts stay."""
    context = persona(first_name="\u202eAmina\u2066 می\u200cخواهم")
    assert desk.text("{{ contact.first_name }}", context) == "Amina می\u200cخواهم"


@pytest.mark.parametrize("value", ["contact", "last_order.products", "now", "1 == 1", "none"])
def test_only_words_and_numbers_are_printed(desk: Desk, value: str) -> None:
    """A list, an instant or a yes-or-no in the middle of a sentence is a fault, not words."""
    with pytest.raises(RenderError, match="is not words"):
        desk.text("{{ " + value + " }}")


# -- what may not leave ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r", "\x00", "\x1b", "\x85", "\u2028", "\t"])
def test_a_subject_is_one_line(desk: Desk, break_: str) -> None:
    """A line break in a value can't add a header to a mail; neither can any other control character."""
    desk.mail(subject="Hello {{ contact.first_name }}")
    with pytest.raises(RenderError, match="control character"):
        desk.render(persona(first_name=f"Amina{break_}Bcc: all@shop.example"))


def test_control_characters_never_leave(desk: Desk) -> None:
    """Escape codes and null bytes in a value stop the message; the reason names the value."""
    desk.mail(html="{{ contact.first_name | default('x') }}")
    with pytest.raises(RenderError, match=r"^control character in contact\.last_name$"):
        desk.render(persona(last_name="Kar\x1b[31mimi"))


def test_lines_in_persian_stay_right_to_left_whatever_they_begin_with(desk: Desk) -> None:
    """A Latin name at the beginning of a subject, or of a line of the text, does not turn it; a link stays bare."""
    lines = ["{{ contact.first_name }} عزیز،", "* House Assam · ۱۰ £", "https://example.com/a", "سلام House Assam"]
    desk.mail(locale="fa", subject="{{ contact.first_name }}، سلام", text="\n".join(lines))
    desk.mail(subject="{{ contact.first_name }}, hello", text="Hello سارا")
    content = desk.render(persona(first_name="Sara"), locale="fa")
    assert content.subject == "\u200fSara، سلام"
    assert content.text.splitlines() == ["\u200fSara عزیز،", "\u200f* House Assam · ۱۰ £", *lines[2:]]
    assert desk.render(persona(first_name="سارا"), locale="fa").subject == "سارا، سلام"
    assert desk.render(persona(first_name="Sara")).text == "Hello سارا\n"


@pytest.mark.parametrize(
    ("locale", "line", "begins"),
    [
        ("fa", "{{ 1250 | money }} تخفیف برای شما", "\u200f\u200e£\u00a0۱۲٫۵۰ تخفیف"),
        ("fa", "{{ 2 | number }} × House Assam چای", "\u200f۲ × House"),
        ("ar-EG", "{{ 2 | number }} × House Assam شاي", "\u200f٢ × House"),
        ("fa", "، House Assam چای", "\u200f، House"),
        ("fa", "{{ 2 | number }} بسته House Assam", "۲ بسته"),
        ("fa", "«چای» House Assam", "«چای»"),
    ],
)
def test_amounts_and_digits_turn_no_line(locale: str, line: str, begins: str, desk: Desk) -> None:
    """Persian money begins with a mark of left-to-right, and digits of any script tell no direction."""
    desk.mail(locale=locale, text=line)
    desk.mail()
    assert desk.render(persona(currency="GBP"), locale=locale).text.startswith(begins)


def test_an_sms_in_arabic_stays_right_to_left(desk: Desk) -> None:
    """A short message that begins with the shop's Latin name is laid out from the right."""
    desk.write("welcome/hello/ar/sms.txt", "Assam:\nأهلًا")
    desk.write("welcome/hello/en/sms.txt", "Assam: hello")
    for locale, mark in (("ar", "\u200f"), ("en", "")):
        sms = desk.library().render("welcome", "hello", "sms", locale, persona()).text
        assert sms.startswith(f"{mark}Assam")


def test_joiners_that_persian_names_need_are_kept(desk: Desk) -> None:
    """A zero-width non-joiner is a letter's shape in Persian, not a control character."""
    desk.mail(subject="{{ contact.first_name }}")
    assert desk.render(persona(first_name="علی\u200cرضا")).subject == "علی\u200cرضا"


def test_output_is_limited_in_bytes(desk: Desk) -> None:
    """A subject longer than its limit is refused, counted as it leaves: Persian letters are two bytes each."""
    limit = OUTPUT_BYTES_MAX["subject.txt"]
    desk.mail(subject="{{ contact.first_name }}")
    assert desk.render(persona(first_name="x" * limit)).subject == "x" * limit
    for name in ("x" * (limit + 1), "س" * (limit // 2 + 1)):
        with pytest.raises(RenderError, match=f"longer than {limit:,} bytes"):
            desk.render(persona(first_name=name))


def test_a_giant_mail_is_cut_off(desk: Desk) -> None:
    """Ten megabytes of a value stop the message, whatever they are."""
    desk.mail(html="{% for p in last_order.products %}{{ p.name }}{% endfor %}")
    context = persona()
    context["last_order"]["products"] = [{"name": "x" * 10_000}] * 1_000
    with pytest.raises(RenderError, match="longer than 100,000 bytes"):
        desk.render(context)


# -- what there is -----------------------------------------------------------------------------------------------------


def test_the_library_knows_its_channels_and_locales(desk: Desk) -> None:
    """A step's channels are those with words in the default locale; its locales are all there are."""
    desk.mail()
    desk.mail(locale="fa")
    desk.write("welcome/hello/en/sms.txt", "Hello")
    desk.write("win_back/last_call/en/sms.txt", "Hello")
    library = desk.library()
    assert library.steps() == [("welcome", "hello"), ("win_back", "last_call")]
    assert library.channels("welcome", "hello") == {"email", "sms"}
    assert library.channels("win_back", "last_call") == {"sms"}
    assert library.channels("win_back", "unknown") == set()
    assert library.locales("welcome", "hello") == ["en", "fa"]


def test_a_step_without_words_stops_its_message(desk: Desk) -> None:
    """A step that was renamed while people wait for it stops with a reason instead of failing the run."""
    desk.mail()
    with pytest.raises(RenderError, match="there are no words for step welcome/goodbye by sms"):
        desk.library().render("welcome", "goodbye", "sms", "en", persona())


# -- what is wrong -----------------------------------------------------------------------------------------------------


def test_every_fault_of_every_template_is_told_at_once(desk: Desk) -> None:
    """Somebody who mends templates sees all that is wrong, with file and line, not one fault a try."""
    desk.mail(
        subject="{{ contact.frist_name }}",
        html="\n{{ brand.nmae }}\n{{ facts.order_cuont }}",
        text="{{ contact.first_name | upercase }}",
    )
    desk.write("win_back/last_call/en/sms.txt", "Hello\n{% if facts.order_count > %}")
    desk.write("win_back/news/en/subject.txt", "Hello")
    desk.write("win_back/value/en/body.htm", "Hello")
    desk.write("win_back/notes.md", "Hello")
    desk.write("feedback/rating/english/sms.txt", "Hello")
    desk.write("feedback/reminder/fa/sms.txt", "Hello")
    assert faults_of(desk) == [
        "templates/feedback/rating/english: is not named for a locale, such as `en` or `pt-BR`",
        "templates/feedback/reminder: has no words for sms in the default locale `en`; write sms.txt in reminder/en/",
        "templates/welcome/hello/en/subject.txt:1: there is no `contact.frist_name`; did you mean `first_name`?",
        "templates/welcome/hello/en/body.mjml:6: there is no `brand.nmae`; did you mean `name`?",
        "templates/welcome/hello/en/body.mjml:7: there is no `facts.order_cuont`; did you mean `order_count`?",
        "templates/welcome/hello/en/body.txt:1: there is no filter `upercase`; did you mean `upper`?",
        "templates/win_back/last_call/en/sms.txt:2: is not Jinja: unexpected 'end of statement block'",
        f"templates/win_back/news/en/body.mjml: is required beside the other files for email{MEND}",
        f"templates/win_back/news/en/body.txt: is required beside the other files for email{MEND}",
        "templates/win_back/notes.md: is read by nothing here; words lie in <campaign>/<step>/<locale>/",
        "templates/win_back/value/en/body.htm: is read by nothing; did you mean `body.txt`?",
    ]


_BOX = "<mjml><mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>"
_ALL = "<mjml><mj-head><mj-attributes>\n<mj-all color='{}' /></mj-attributes></mj-head><mj-body></mj-body></mjml>"
MJML_FAULTS: list[tuple[str, str]] = [
    ("<mjml>\n<mj-body>\n<mj-section>\n</mj-body>\n</mjml>", ":4: is not MJML: mismatched tag"),
    ("Hello", ": is not MJML"),
    ("<mjml>\n\n{% if facts.order_count > 1 %}<mj-body></mj-body>{% endif %}</mjml>", ":3: is not MJML: unexpected"),
    ("<mjml>\n<mj-body><mj-buton>x</mj-buton></mj-body></mjml>", ":2: there is no MJML element `mj-buton`; did you"),
    ('<mjml>\n<mj-body>\n<mj-include path="_base/fotter.mjml" /></mj-body></mjml>', ":3: includes `_base/fotter.mjml`"),
    ('<mjml><mj-body><mj-include path="../../../etc/passwd" /></mj-body></mjml>', "which does not exist"),
    ('<mjml><mj-head>\n<mj-include path="_base/x.mjml" type="html" /></mj-head></mjml>', "which does not exist"),
    (_BOX.format("<mj-text><mj-button>x</mj-button></mj-text>"), "`mj-button` cannot stand in `mj-text`"),
    (
        _ALL.format("{% if facts.order_count > 1 %}red{% endif %}"),
        ":2: `{% if facts.order_count > 1 %}` is lost or rep",
    ),
    ("<mjml><mj-body>\n\n{% include '_base/x.txt' %}</mj-body></mjml>", ":3: `include` works in text files alone"),
]


@pytest.mark.parametrize(("source", "fault"), MJML_FAULTS)
def test_faults_in_mjml_are_found_when_loaded(desk: Desk, source: str, fault: str) -> None:
    """The compiler lets much pass in silence; what would be lost from a mail is refused."""
    desk.mail()
    desk.write("welcome/hello/en/body.mjml", source)
    (found,) = faults_of(desk)
    assert found.startswith("templates/welcome/hello/en/body.mjml")
    assert fault in found


def test_no_folder_of_this_machine_is_in_a_reason(desk: Desk) -> None:
    """Reasons are stored; they name templates as their writers do."""
    desk.mail(html="{{ contact.first_name }}")
    context: dict[str, Any] = persona(first_name=None)
    with pytest.raises(RenderError) as error:
        desk.render(context)
    assert str(desk.root.parent) not in str(error.value)
