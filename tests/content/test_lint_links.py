"""Links that lead nowhere, have no name, or can be read by anybody on the way."""

from __future__ import annotations

import re

import pytest

from clm.content.layout import html_of
from clm.content.lint_links import dead_links, images_told, links_told, shown, urls


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ("<a>Tea</a>", "has a link without `href`: `Tea`"),
        ('<a class="x"><b>Buy</b> it</a>', "has a link without `href`: `Buy it`"),
        ('<a href="https://x.example/"></a>', "has a link without words"),
        ('<a href="https://x.example/"> &nbsp; <b> </b></a>', "has a link without words"),
        ('<a href="https://x.example/"><img src="x" alt=""></a>', "has a link without words"),
        ("<A HREF='https://x.example/'><img src='x' alt=' '></A>", "has a link without words"),
    ],
)
def test_a_dead_link_is_told(html: str, told: str) -> None:
    """A link around a picture without words says nothing to whoever hears it, and nobody can press an empty one."""
    (found,) = dead_links(f"<p>{html} and more</p>")
    assert found.message.startswith(told)
    assert found.clue in {"https://x.example/", "Tea", "Buy it"}


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://x.example/">Tea</a>',
        '<a href="https://x.example/"><img src="x" alt="Tea"></a>',
        '<a href="https://x.example/"><img src="x" alt="">Tea</a>',
        '<a href="https://x.example/" aria-label="5 / 5"><img src="x" alt=""></a>',
        '<a href="https://x.example/" aria-hidden="true" tabindex="-1"><img src="x" alt=""></a>',
        '<a name="top"></a>',
        '<a href="">Tea</a>',
        '<a href="https://x.example/" title="a > b"><td>Tea</td></a>',
        '<!-- <a href="https://x.example/"></a> -->',
    ],
    ids=[
        *("words", "picture", "both", "label", "left out of what is heard", "target", "told elsewhere", "quoted"),
        "in a comment",
    ],
)
def test_a_link_with_a_name_is_let_pass(html: str) -> None:
    """Words, a picture's words or a label name it."""
    assert list(dead_links(html)) == []


@pytest.mark.parametrize("link", ["http://shop.example/tea", "http://shop.example"])
def test_a_link_that_anybody_can_read_is_told(link: str) -> None:
    """The brand's own host is led to by https://, as its pictures are."""
    (found,) = links_told("body.txt", [link], {"shop.example"})
    assert found.message == f"leads to `{link}`, which anybody on the way can read and change"
    assert found.remedy == "begin it with https://"
    assert list(links_told("body.txt", [link.replace("http:", "https:")], {"shop.example"})) == []


@pytest.mark.parametrize(
    "link", ["http://127.0.0.1:8080/u/x", "http://localhost/u/x", "http://[::1]:8080/u/x", "http://mail.lan:80/u/x"]
)
def test_this_machine_may_be_led_to_without_encryption(link: str) -> None:
    """Where nothing leaves the machine, and at our own address until sending is live."""
    hosts = {"127.0.0.1", "localhost", "::1", "mail.lan:80", "http://mail.lan:80"}
    assert list(links_told("body.txt", [link], hosts)) == []


@pytest.mark.parametrize(
    "text",
    [
        "在 {} 。",
        "请看{}，还有茶",
        "詳しくは「{}」へ。",
        "({}).",
        "[{}]",
        "‘{}’",
        "{}…",
        "देखें {}।",
        "دیکھیں {}۔",
        "{}؟",
    ],
)
def test_a_link_ends_before_the_marks_of_any_script(text: str) -> None:
    """A full stop, a bracket or a quotation mark after a link is none of it, also where no space stands between."""
    assert urls(text.format("https://shop.example")) == ["https://shop.example"]


@pytest.mark.parametrize(
    ("inside", "clue", "attribute"),
    [
        ('<mj-social><mj-social-element name="github" href="https://x.example" /></mj-social>', 'name="github', "src"),
        (
            "<mj-accordion><mj-accordion-element><mj-accordion-title /></mj-accordion-element></mj-accordion>",
            "</mj-accordion>",
            "icon-wrapped-url",
        ),
        (
            '<mj-carousel><mj-carousel-image src="https://x.example/a.png" alt="A" /></mj-carousel>',
            "</mj-carousel>",
            "left-icon",
        ),
    ],
)
def test_an_icon_that_mjml_itself_puts_there_is_told_by_its_element(inside: str, clue: str, attribute: str) -> None:
    """No template says its address: what stands in the template is found, with the attribute that takes another."""
    mail = f"<mjml><mj-body><mj-section><mj-column>{inside}</mj-column></mj-section></mj-body></mjml>"
    html = html_of(mail, file="body.mjml", part=lambda _: None)
    told = list(images_told(re.findall(r'<img[^>]*src="([^"]*)"', html), {"x.example"}))
    assert {(one.about, one.clue) for one in told} == {("source", clue)}
    assert any(f"give `{attribute}` of " in str(one.remedy) for one in told)


def test_a_link_that_shares_is_told_with_the_name_that_does_not() -> None:
    """MJML makes `facebook` a link by which readers share a page, and `facebook-noshare` one to the shop's own."""
    (told,) = links_told("body.mjml", ["https://www.facebook.com/sharer/sharer.php?u=https://x.example"], {"x.example"})
    assert "such as `facebook-noshare`" in str(told.remedy)
    (told,) = links_told("body.mjml", ["https://www.facebook.com/saffron"], {"x.example"})
    assert told.remedy == "if it is meant, add it to `link_hosts` of config/brand.yaml"


def test_a_link_is_told_without_what_is_personal_in_it() -> None:
    """What stands behind `?`, and the end of a long path, may be of one reader, and faults are copied into tickets."""
    assert shown("https://x.example/tea?who=ada#her") == "https://x.example/tea"
    assert shown(f"https://x.example/{'s' * 60}") == f"https://x.example/{'s' * 39}…"
