"""Which line of which source something in a finished message comes from."""

from __future__ import annotations

from typing import Any

import pytest

from clm.content.parts import Parts
from clm.content.sandbox import short_range
from clm.content.tracing import Origin, Tracer
from clm.errors import ConfigurationError

from .conftest import Desk

OWN = "templates/welcome/hello/en/body.mjml"
TEXT = "templates/welcome/hello/en/body.txt"
PART = "templates/_base/en/foot.mjml"
LETTER = """<mjml><mj-body>
<mj-section><mj-column>
<mj-text>Tea <a href="{{ one.url }}">here</a></mj-text>
{# a comment
over two lines #}<mj-image src="{{ two.url }}" alt="" />
<mj-text>
  {% for product in goods %}<a href="{{ product.url }}?a=1&amp;b=2">{{ product.name }}</a>{% endfor %}
</mj-text>
</mj-column></mj-section>
<mj-include path="_base/foot.mjml" />
</mj-body></mjml>
"""
FOOT = """<mj-section><mj-column>

<mj-text><a href="{{ one.url }}">Leave</a></mj-text>
</mj-column></mj-section>
"""
VALUES: dict[str, Any] = {
    "one": {"url": "https://a.example/1"},
    "two": {"url": "https://a.example/2"},
    "goods": [{"url": "https://a.example/3", "name": "Assam"}],
}


@pytest.fixture
def tracer(desk: Desk) -> Tracer:
    """Looks at a letter with a part, and at its text."""
    desk.write("_base/en/foot.mjml", FOOT)
    desk.mail()
    desk.write("welcome/hello/en/body.mjml", LETTER)
    desk.write("_base/en/foot.txt", "To leave:\n{{ one.url }}\n")
    desk.write("welcome/hello/en/body.txt", "{% include '_base/foot.txt' %}\n{{ two.url }}\n{{ two.url }}0\n")
    return Tracer(Parts(desk.root))


@pytest.mark.parametrize(
    ("file", "link", "origins"),
    [
        (OWN, "https://a.example/1", [Origin(OWN, 3), Origin(PART, 3)]),
        (OWN, "https://a.example/2", [Origin(OWN, 5)]),
        (OWN, "https://a.example/3?a=1&b=2", [Origin(OWN, 7)]),
        (OWN, "https://a.example/", []),
        (TEXT, "https://a.example/1", [Origin("templates/_base/en/foot.txt", 2)]),
        (TEXT, "https://a.example/2", [Origin(TEXT, 2)]),
        (TEXT, "https://a.example/20", [Origin(TEXT, 3)]),
    ],
)
def test_a_link_has_every_line_that_it_is_written_in(
    tracer: Tracer, file: str, link: str, origins: list[Origin]
) -> None:
    """Whatever value gives it, in the file or in a part; one that only begins like it is another."""
    assert tracer.of_link(file, VALUES, link) == origins


def test_a_link_without_words_has_the_lines_where_it_lacks_them(desk: Desk, tracer: Tracer) -> None:
    """The same link, and the same picture, are sound on other lines, which are not told."""
    link, other = '<a href="{{ one.url }}">', '<img src="{{ two.url }}"'
    lines = [f"{link}Tea</a>", f"{link}</a>", f'{link}{other} alt="" /></a>', f"{other} />", f'{other} alt="x" />']
    texts = "\n".join(f"<mj-text>{line}</mj-text>" for line in lines)
    body = f"<mjml><mj-body><mj-section><mj-column>\n{texts}\n</mj-column></mj-section></mj-body></mjml>"
    desk.write("welcome/hello/en/body.mjml", body)
    assert tracer.of_nameless(OWN, VALUES, "https://a.example/1") == [Origin(OWN, 3), Origin(OWN, 4)]
    assert tracer.of_nameless(OWN, VALUES, "https://a.example/2") == [Origin(OWN, 5)]
    assert tracer.of_nameless(OWN, VALUES, "https://a.example/3") == []


def test_words_have_a_line_where_they_stand_once(tracer: Tracer) -> None:
    """Of words that stand twice nobody can say which are meant."""
    assert tracer.of_words(OWN, VALUES, "Leave") == Origin(PART, 3)
    assert tracer.of_words(OWN, VALUES, "Assam") == Origin(OWN, 7)
    assert tracer.of_words(OWN, VALUES, "Oolong") is None
    assert tracer.of_words(TEXT, VALUES, "https://a.example/2") is None


def test_a_line_that_was_kept_right_to_left_is_found(desk: Desk, tracer: Tracer) -> None:
    """The mark that it has been given stands in no source."""
    desk.write("welcome/hello/en/body.txt", "چای\nHouse Assam ، چای\n")
    assert tracer.of_words(TEXT, VALUES, "\u200fHouse Assam ، چای") == Origin(TEXT, 2)


def test_every_value_that_is_missing_has_its_line(tracer: Tracer) -> None:
    """Those in parts are of the part, and what a loop goes through is one of them."""
    assert tracer.missing(OWN, {"two": {}}) == [
        ("one.url", Origin(OWN, 3)),
        ("two.url", Origin(OWN, 5)),
        ("goods", Origin(OWN, 7)),
        ("one.url", Origin(PART, 3)),
    ]
    assert tracer.missing(OWN, VALUES) == []


@pytest.mark.parametrize(
    "asking",
    ["{{ goods }}", "{{ goods | length }}", "{% if goods %}x{% endif %}", "{% for one in goods %}x{% endfor %}"],
)
def test_a_value_is_missing_however_it_is_asked_for(desk: Desk, tracer: Tracer, asking: str) -> None:
    """Counted, as a condition and in a loop; what is missing behind it is told, too."""
    desk.write("welcome/hello/en/body.txt", f"Tea\n{asking}\n{{{{ two.url }}}}\n")
    assert tracer.missing(TEXT, {}) == [("goods", Origin(TEXT, 2)), ("two.url", Origin(TEXT, 3))]


def test_styles_and_comments_keep_no_line_from_being_found(desk: Desk, tracer: Tracer) -> None:
    """Rules, and what only Outlook reads, stand before the words that are looked for."""
    rules = ".a > .b {\n  color: #222222;\n}\n@media print {\n.a { color: red; }\n}"
    style = f"<mj-head><mj-style>\n{rules}</mj-style></mj-head>"
    outlook = "<!-- <b>\nnote</b> -->\n<mj-raw><!--[if mso]>\nFor Outlook\n<![endif]--></mj-raw>"
    words = "<mj-section><mj-column>\n<mj-text>Assam</mj-text></mj-column></mj-section>"
    desk.write("welcome/hello/en/body.mjml", f"<mjml>{style}<mj-body>{outlook}{words}</mj-body></mjml>")
    assert tracer.of_words(OWN, VALUES, "Assam") == Origin(OWN, 12)


def test_a_tag_that_mjml_has_moved_away_from_its_other_half_has_its_line(desk: Desk) -> None:
    """The head of a mail goes before its body, wherever it is written."""
    desk.mail()
    body = "<mj-body><mj-section><mj-column>\n<mj-text>{% if now %}x</mj-text>\n</mj-column></mj-section></mj-body>"
    head = "<mj-head>\n<mj-preview>{% endif %}y</mj-preview></mj-head>"
    desk.write("welcome/hello/en/body.mjml", f"<mjml>{body}{head}</mjml>")
    with pytest.raises(ConfigurationError) as refusal:
        desk.library()
    (fault,) = refusal.value.faults
    assert fault.message.startswith("`{% … %}` opens and closes in different elements")
    assert (fault.file, fault.line) == (OWN, 4)


def test_what_is_missing_is_found_before_a_text_without_end(desk: Desk, tracer: Tracer) -> None:
    """A text that goes on for gigabytes behind a missing value is left off; what came before it is told."""
    loops = "{% for a in range(100) %}{% for b in range(100) %}" + "x" * 90_000 + "{% endfor %}{% endfor %}"
    desk.write("welcome/hello/en/body.txt", f"{{{{ one.url }}}}\n{loops}{{{{ two.url }}}}")
    assert tracer.missing(TEXT, {"range": short_range}) == [("one.url", Origin(TEXT, 1))]
