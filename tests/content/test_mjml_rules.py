"""What MJML does not know is told instead of dropped."""

from __future__ import annotations

import pytest

from clm.content.mjml_rules import problems


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<mj-txet>x</mj-txet>", "there is no MJML element `mj-txet`; did you mean `mj-text`?"),
        ('<mj-text colour="#000">x</mj-text>', "`mj-text` has no attribute `colour`; did you mean `color`?"),
        ("<mj-text colour='red'>x</mj-text>", "`mj-text` has no attribute `colour`; did you mean `color`?"),
        ("<mj-section><mj-text>x</mj-text></mj-section>", "`mj-text` cannot stand in `mj-section`"),
        ("<mj-text>x<mj-button>y</mj-button></mj-text>", "`mj-button` cannot stand in `mj-text`"),
        ("<mjml><mj-section></mj-section></mjml>", "`mj-section` cannot stand in `mjml`"),
        ("<mj-html-attributes></mj-html-attributes>", "`mj-html-attributes` is not supported; give the element a"),
    ],
)
def test_what_mjml_does_not_know_is_told(text: str, told: str) -> None:
    """An unknown element or attribute, or an element in the wrong place, is a fault with the nearest right name."""
    ((line, message),) = problems("\n" + text)
    assert line == 2
    assert message.startswith(told)


def test_what_mjml_knows_is_let_pass() -> None:
    """Defaults for elements and classes, HTML in texts, and parts that begin in the middle of a mail are sound."""
    text = """<mjml lang="fa" dir="rtl"><mj-head><mj-attributes><mj-all font-family="Arial" /><mj-text color="#000" />
    <mj-class name="small" font-size="12px" /></mj-attributes></mj-head><mj-body width="600px"><mj-wrapper mj-class="a">
    <mj-section css-class="x"><mj-column><mj-text><p style="x">1 < 2</p><br></mj-text><mj-raw><tr></mj-raw></mj-column>
    </mj-section></mj-wrapper></mj-body></mjml>"""
    assert list(problems(text)) == []
    assert list(problems('<mj-text align="left">x</mj-text><mj-button href="x">y</mj-button>')) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '<mj-text padding="ten">x</mj-text>',
            "`padding` of `mj-text` is `ten`; MJML wants one to four lengths",
        ),
        ('<mj-text padding="1px 2px 3px 4px 5px">x</mj-text>', "`padding` of `mj-text` is `1px 2px 3px 4px 5px`"),
        ('<mj-text padding="10 20">x</mj-text>', "`padding` of `mj-text` is `10 20`"),
        ('<mj-text font-size="huge">x</mj-text>', "`font-size` of `mj-text` is `huge`; MJML wants a length in px"),
        ('<mj-text font-size="120%">x</mj-text>', "`font-size` of `mj-text` is `120%`"),
        ('<mj-text line-height="tall">x</mj-text>', "`line-height` of `mj-text` is `tall`"),
        ('<mj-text letter-spacing="2">x</mj-text>', "`letter-spacing` of `mj-text` is `2`"),
        (
            '<mj-text align="middle">x</mj-text>',
            "`align` of `mj-text` is `middle`; MJML wants center, justify",
        ),
        ('<mj-text color="greenish">x</mj-text>', "`color` of `mj-text` is `greenish`; MJML wants a colour"),
        ('<mj-text color="#12345">x</mj-text>', "`color` of `mj-text` is `#12345`"),
        ('<mj-table cellpadding="2px">x</mj-table>', "`cellpadding` of `mj-table` is `2px`; MJML wants a whole number"),
        (
            '<mj-image src="x" fluid-on-mobile="yes" />',
            "`fluid-on-mobile` of `mj-image` is `yes`; MJML wants false",
        ),
        ('<mj-image src="x" width="50%" />', "`width` of `mj-image` is `50%`; MJML wants a length in px"),
        ('<mj-section direction="left"></mj-section>', "`direction` of `mj-section` is `left`; MJML wants ltr or rtl"),
        ('<mj-attributes><mj-all padding="ten" /></mj-attributes>', "`padding` of `mj-all` is `ten`"),
        ('<mj-attributes><mj-text padding="ten" /></mj-attributes>', "`padding` of `mj-text` is `ten`"),
        (
            '<mj-attributes><mj-class name="a" font-size="huge" /></mj-attributes>',
            "`font-size` of `mj-class` is `huge`",
        ),
        ('<mj-text align="left" align="right">x</mj-text>', "`mj-text` has `align` twice"),
        ("<mj-text align='left' color='red' align=\"left\">x</mj-text>", "`mj-text` has `align` twice"),
        ("<mj-button>Buy</mj-button>", "`mj-button` has no `href`, so that it leads nowhere"),
        ('<mj-button href="">Buy</mj-button>', "`mj-button` has no `href`, so that it leads nowhere"),
        ('<mj-button href=" ">Buy</mj-button>', "`mj-button` has no `href`, so that it leads nowhere"),
    ],
)
def test_what_mjml_cannot_make_anything_of_is_told(text: str, told: str) -> None:
    """A value of the wrong kind, an attribute given twice and a button without a page are faults with their line."""
    ((line, message),) = problems("\n\n" + text)
    assert line == 3
    assert message.startswith(told)


@pytest.mark.parametrize(
    "text",
    [
        '<mj-text padding="0 40px 18px" font-size="14px" line-height="1.5" letter-spacing="-0.5px" align="justify">x',
        '<mj-text padding="5% 10px" line-height="26px" letter-spacing="0.1em" color="rgba(0, 0, 0, .5)" height="9px">x',
        '<mj-text padding="jjx00001xjj" color="#fffa" container-background-color="transparent" font-weight="bold">x',
        '<mj-text padding="0 jjx00001xjjpx" font-size="jjx00002xjj" align="jjx00003xjj" color="RebeccaPurple">x',
        '<mj-image src="x" width="180px" padding="0" height="auto" fluid-on-mobile="true" border-radius="50%" />',
        '<mj-table width="auto" cellpadding="0" cellspacing="4" table-layout="fixed">x',
        '<mj-column width="33.33%" vertical-align="middle" border="1px solid #000" direction="rtl">',
        '<mj-section full-width="full-width" background-repeat="no-repeat" background-size="cover">',
        '<mj-button href="jjx00001xjj" inner-padding="15px 30px" border-radius="6px" font-weight="700">y',
        '<mj-attributes><mj-button align="left" /><mj-all padding="0" /></mj-attributes>',
        '<mj-image title="a=&quot;b&quot; width=\'1\'" src="x" width="10px" />',
    ],
)
def test_values_that_mjml_takes_are_let_pass(text: str) -> None:
    """Lengths in all the units an element takes, colours of every writing, and what Jinja fills in are sound."""
    assert list(problems(text)) == []
