"""MJML made into HTML: what Outlook alone reads, and conditions inside attributes."""

from __future__ import annotations

import pytest

from clm.content.layout import html_of
from clm.content.lint import problems
from clm.domain.content import Content
from clm.errors import ConfigurationError

MAIL = "<mjml><mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>"


def _html(inside: str) -> str:
    return html_of(MAIL.format(inside), file="body.mjml", part=lambda _: None)


def test_what_outlook_alone_reads_stays_as_it_is() -> None:
    """Half of a table before some words and its other half behind them, with what Jinja says in it."""
    begin = '<!--[if mso]><table width="{{ width }}"><tr><td>{% if wide %}&nbsp;{% endif %}<![endif]-->'
    end = "<!--[if mso]></td></tr></table><![endif]-->"
    html = _html(f"<mj-raw>{begin}</mj-raw>\n<mj-text>Tea</mj-text>\n<mj-raw>{end}</mj-raw>")
    assert "<mj-" not in html
    assert html.index(begin) < html.index("Tea") < html.index(end)


def test_what_all_but_outlook_read_is_closed() -> None:
    """`<!--[if !mso]><!-->` without its end would leave Outlook without the rest of the mail."""
    html = _html("<mj-raw><!--[if !mso]><!--></mj-raw><mj-text>Tea</mj-text><mj-raw><!--<![endif]--></mj-raw>")
    assert html.index("<!--[if !mso]><!-->") < html.index("Tea") < html.index("<!--<![endif]-->", html.index("Tea"))


def test_the_preheader_is_hidden_and_not_white() -> None:
    """White words are what filters of junk look for; MJML would write it so."""
    head = "<mj-head><mj-preview>What is in it</mj-preview></mj-head>"
    html = html_of(
        MAIL.format("<mj-text>Tea</mj-text>").replace("<mj-body>", f"{head}<mj-body>"), file="", part=lambda _: None
    )
    style = html[: html.index("What is in it")].rpartition('style="')[2]
    assert style.startswith("display:none;")
    assert "#ffffff" not in style


def test_lines_are_counted_through_comments_for_outlook() -> None:
    """A fault below one of several lines is told at its own."""
    with pytest.raises(ConfigurationError) as caught:
        _html('<mj-raw><!--[if mso]>\n<b>\n</b><![endif]--></mj-raw>\n<mj-text colour="red">Tea</mj-text>')
    assert [fault.line for fault in caught.value.faults] == [4]


def test_links_that_outlook_alone_reads_are_not_judged() -> None:
    """Tags that stand in such a comment for the looks of it are none of the mail's links."""
    html = (
        '<div style="display:none">What is in it</div><!--[if mso]><a><i></i></a><![endif]-->'
        '<a href="https://shop.example/tea">Tea</a>'
    )
    content = Content(locale="en", text="https://shop.example/tea", subject="Tea", html=html)
    assert list(problems(content, "email", hosts={"shop.example"})) == []


def test_a_condition_may_stand_whole_in_an_attribute() -> None:
    """MJML writes `align` into several elements, each with all of the condition; where none does is told."""
    align = "{% if rtl %}right{% else %}left{% endif %}"
    assert _html(f'<mj-text align="{align}">Tea</mj-text>').count(align) > 1
    with pytest.raises(ConfigurationError, match="is lost or repeated"):
        html_of(
            f'<mjml><mj-head><mj-attributes><mj-text align="{align}" /></mj-attributes></mj-head></mjml>',
            file="body.mjml",
            part=lambda _: None,
        )
