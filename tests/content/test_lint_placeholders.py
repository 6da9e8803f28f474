"""Placeholders of other programs, which nothing here fills in, and the sound words that look like some."""

from __future__ import annotations

from html import escape

import pytest

from clm.content.lint import problems
from clm.content.lint_placeholders import lines_with, placeholders
from clm.domain.content import Content

HOSTS = frozenset({"shop.example"})
PIECE = "shows a piece of the template: `{}`"


def _told(file: str, text: str) -> list[str]:
    return [one.message for one in placeholders(file, text)]


@pytest.mark.parametrize(
    "placeholder",
    [
        *("{ contact.first_name }", "{first_name}", "{FirstName}", "{user.firstName}", "{!Contact.FirstName}"),
        *("{$name}", "${name}", "#{name}", "{name|there}", "{email}", "{unsubscribe_link}", "{ coupon.code }"),
        *("*|FNAME|*", "*|IF:FNAME|*", "%%FIRST%%", "%%first_name%%", "%FIRSTNAME%", "%UNSUBSCRIBE%"),
        *("<<name>>", "<< First Name >>", "[First Name]", "[NAME]", "[Company]", "[[first_name]]", "[%first_name%]"),
        *("[Your Name]", "[insert name here]", "[customer’s name]", "[Last Name]", "[Order number]"),
        *("[نام]", "[نام مشتری]", "[نام\u200cخانوادگی]", "{نام}", "[الاسم]", "[اسم العميل]", "%الاسم%"),
        *("[ชื่อ]", "[ชื่อลูกค้า]", "{ชื่อ}", "[Имя]", "[ИМЯ КЛИЕНТА]", "{имя}", "<<Имя>>"),
    ],
)
def test_a_placeholder_of_another_program_is_told(placeholder: str) -> None:
    """Whatever braces, brackets or signs a program fills in, and in whichever language, it is told in text and HTML."""
    told = [PIECE.format(placeholder)]
    assert _told("sms.txt", f"Hello {placeholder}, your tea") == told
    assert _told("body.mjml", f"<body><p>Hello {escape(placeholder)}, your tea</p></body>") == told


@pytest.mark.parametrize(
    "words",
    [
        *("50% off", "100% cotton, 20% off", "5%-10%", "٪۵۰", "ลด 50%", "50%code%20", "100%%", "$5 {or less}"),
        *("as told [1]", "[sic]", "[ ] call them", "x[0]", "[Tea] has come", "[Company news]", "[Renamed]"),
        *("[Unsubscribe] https://shop.example", "<<Unsubscribe>>", "<< Back", "«Имя»", "« name »", "[имена]", "[نامه]"),
        *("[name](https://shop.example)", "https://shop.example/?filter[name]=tea", "https://shop.example/%20name%20"),
        *("*bold* | a | b", "{1,2}", "{}", "{width}", "f(x) = {x}", "write `{first_name}` there", "[นามบัตร]"),
    ],
)
def test_sound_words_are_no_placeholders(words: str) -> None:
    """Prices, notes, buttons, lists, addresses and examples of code are nothing that waits to be filled in."""
    assert _told("body.txt", words) == []
    assert _told("body.mjml", f"<body><p>{escape(words)}</p></body>") == []


def test_an_example_of_code_is_no_placeholder() -> None:
    """What stands in `<code>` is meant to be read as it is."""
    assert _told("body.mjml", "<body><p>Write <code>{name}</code></p></body>") == []


def test_what_is_said_of_a_picture_is_read_too() -> None:
    """Many readers see the words in place of a picture alone."""
    assert _told("body.mjml", '<body><img src="x" alt="Tea for &quot;{name}&quot;"></body>') == [PIECE.format("{name}")]


def test_placeholders_are_looked_for_in_every_part() -> None:
    """Subject, preheader, HTML and text, an SMS and a task show none; each says how it is written here."""
    html = '<body><div style="display:none">*|FNAME|*</div><a href="https://shop.example/tea">[<b>Name</b>]</a></body>'
    mail = Content(locale="en", subject="%FNAME%", text="{name} https://shop.example/tea", html=html)
    told = [(one.file, one.message) for one in problems(mail, "email", hosts=HOSTS)]
    assert told[:4] == [
        ("subject.txt", PIECE.format("%FNAME%")),
        ("body.txt", PIECE.format("{name}")),
        ("body.mjml", PIECE.format("*|FNAME|*")),
        ("body.mjml", PIECE.format("[Name]")),
    ]
    for channel, file in (("sms", "sms.txt"), ("staff", "task.txt")):
        found = list(problems(Content(locale="en", text="Hello [Name]"), channel, hosts=HOSTS))  # type: ignore[arg-type]
        assert [(one.file, one.message) for one in found] == [(file, PIECE.format("[Name]"))]
        assert "`{{ contact.first_name }}`" in str(found[0].remedy)


def test_a_name_that_looks_like_a_placeholder_is_the_readers_own() -> None:
    """Of readers with names as strange as can be nothing is told: nobody has written it."""
    mail = Content(locale="en", text="Hello [Name]")
    assert list(problems(mail, "sms", hosts=HOSTS, typical=False)) == []


def test_a_placeholder_in_a_link_is_told_once() -> None:
    """A link that another program would complete leads astray; brackets in it are the page's own."""
    text = "https://shop.example/?e={email} https://shop.example/?filter[name]=tea"
    told = [one.message for one in problems(Content(locale="en", text=text), "sms", hosts=HOSTS)]
    assert told == ["has a link with a piece of the template in it: `{email}`"]


def test_each_line_with_a_placeholder_is_found() -> None:
    """A value of ours on another line, between two braces, is none."""
    source = "{ contact.first_name }\n{{ contact.first_name }}\nand { contact.first_name }\n&lt;&lt;name>>"
    assert list(lines_with("{ contact.first_name }", source)) == [1, 3]
    assert list(lines_with("<<name>>", source)) == [4]
