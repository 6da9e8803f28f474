"""What is told of a message before anybody gets it."""

from __future__ import annotations

import shutil

import pytest

from clm.content.brand import Brand
from clm.content.dark import shape
from clm.content.lint import Page, problems
from clm.content.personas import sample_survey
from clm.domain.content import Content

from .conftest import PROJECT, Desk, persona

HOSTS = frozenset({"shop.example", "127.0.0.1:8080"})
SOUND = '<div style="display:none;">What is in it</div><a href="https://shop.example/tea" style="color:#2c5a4b">Tea</a>'


def _told(html: str = SOUND, *, text: str = "https://shop.example/tea", subject: str = "Tea") -> list[str]:
    content = Content(locale="en", text=text, subject=subject, html=html)
    return [f"{one.file} {one.message}" for one in problems(content, "email", hosts=HOSTS)]


def _of_page(html: str) -> list[str]:
    return [one.message for one in Page(html).problems()]


def test_nothing_is_told_of_a_sound_mail() -> None:
    """A mail with known links, a preheader and words that can be read has no faults."""
    assert _told() == []


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ('<a href="">Tea</a>', "body.mjml has a link that leads nowhere: ``"),
        ('<a href="tea.html">Tea</a>', "body.mjml has a link that leads nowhere: `tea.html`"),
        ('<a href="https://evil.example/x">Tea</a>', "body.mjml leads to evil.example"),
        ('<a href="https://shop.example/%7B{{x">Tea</a>', "body.mjml has a link with a piece of the template"),
        ('<a href="https://shop.example/spice">Spice</a>', "body.txt does not lead to https://shop.example/spice"),
        ('<img src="https://shop.example/a.png">', "body.mjml has an image without `alt`"),
        ("<script>x</script>", "body.mjml holds <script>"),
        ('<p onclick="x">Hello</p>', "body.mjml holds <p> or a handler"),
        ('<p style="color:#999999">Pale</p>', "body.mjml sets words in #999999 on #ffffff, a contrast of 2.8; 4.5"),
        (
            '<div style="background:#222"><p style="color:#444">x</p></div>',
            "body.mjml sets words in #444444 on #222222",
        ),
        (
            r'<a href="https://evil.example\@shop.example/">Tea</a>',
            r"body.mjml has a link that leads nowhere: `https://evil.example\@shop.example/`",
        ),
        ('<a href="https://[oops">Tea</a>', "body.mjml has a link that leads nowhere: `https://[oops`"),
        ('<img alt="" src="">', "body.mjml has an image that no mail program would load: ``"),
        ('<img alt="" src="http://shop.example/a.png">', "body.mjml has an image that no mail program would load"),
        ('<img alt="" src="https://evil.example/a.png">', "body.mjml loads an image from evil.example"),
        ('<p style="color:lab(9% 9 9)">x</p>', "body.mjml has the color `lab(9% 9 9)`, whose contrast cannot be told"),
        ("<p>Hello {{ name }}</p>", "body.mjml shows a piece of the template: `{{`"),
        ("<p>Hello {% if %}</p>", "body.mjml shows a piece of the template: `{%`"),
    ],
)
def test_what_a_reader_would_stumble_over_is_told(html: str, told: str) -> None:
    """Links that lead nowhere or to strangers, images without words, pale words and left-over pieces are faults."""
    assert any(one.startswith(told) for one in _told(SOUND + html))


def test_a_link_within_the_mail_leads_to_its_target() -> None:
    """`#top` is sound where something has that name or id; `#` and a target that is not there are dead."""
    within = '<h1 id="top">Tea</h1><a name="two"></a><a href="#top">Up</a> <a href="#two">Two</a>'
    assert _told(SOUND + within) == []
    assert _told(SOUND + '<a href="#top">Up</a> <a href="#">Nowhere</a>') == [
        "body.mjml has a link that leads nowhere: `#top`",
        "body.mjml has a link that leads nowhere: `#`",
    ]


def test_what_mjml_itself_links_is_not_told() -> None:
    """A carousel has links to its own pictures, which nobody has written."""
    picture = '<img src="https://shop.example/a.png" alt="Tea" />'
    assert _told(f'{SOUND}<a href="#1" class="mj-carousel-thumbnail mj-carousel-1-thumbnail">{picture}</a>') == []
    assert _told(f'{SOUND}<a href="#1" class="thumbnail">{picture}</a>') != []


def test_the_text_leads_to_the_same_page_without_what_counts_clicks() -> None:
    """`utm_source` may differ or be left out; what chooses the page may not."""
    link = '<a href="https://shop.example/tea?size=xl&amp;utm_source=mail&amp;utm_content=a#leaf">Tea</a>'
    sound = SOUND.replace('"https://shop.example/tea"', '"https://shop.example/tea?utm_source=mail"')
    text = "https://shop.example/tea and https://shop.example/tea?utm_source=text&size=xl#leaf"
    assert _told(sound + link, text=text) == []
    assert len(_told(sound + link, text="https://shop.example/tea")) == 1
    chosen = link.replace("#leaf", "")
    assert len(_told(sound + chosen, text="https://shop.example/tea https://shop.example/tea?size=m")) == 1
    assert _told(sound + chosen, text="https://shop.example/tea https://Shop.Example/tea?size=xl") == []


def test_left_overs_are_looked_for_in_every_part() -> None:
    """Subject, text and SMS show no piece of the template either."""
    assert _told(subject="{{ x }}", text="https://shop.example/tea %}") == [
        "subject.txt shows a piece of the template: `{{`",
        "body.txt shows a piece of the template: `%}`",
    ]
    told = [one.message for one in problems(Content(locale="en", text="jjx00001xjj"), "sms", hosts=HOSTS)]
    assert told == ["shows a piece of the template: `jjx00001xjj`"]


def test_what_has_to_be_shown_is_looked_for_in_what_is_shown() -> None:
    """A way out that some condition hides is no way out, in HTML or in text."""
    content = Content(locale="en", text="https://shop.example/tea", subject="Tea", html=SOUND)
    told = [f"{one.file} {one.message}" for one in problems(content, "email", hosts=HOSTS, shows=["1 Road"])]
    files = ("body.mjml", "body.txt")
    assert told == [f"{file} does not show 1 Road to every reader, which marketing must" for file in files]


def test_large_letters_may_be_paler() -> None:
    """WCAG asks a contrast of 3 of letters from 24 px on, and 4.5 of smaller ones."""
    assert _of_page('<h1 style="color:#888888;font-size:30px">Tea</h1>') == []
    assert _of_page('<p style="color:#888888;font-size:16px">Tea</p>')


@pytest.mark.parametrize("colour", ["navy", "rgb(9,9,9)", "rgba(0, 0, 0, .8)", "hsl(240 100% 25%)", "#000c"])
def test_words_may_be_set_in_any_colour_that_can_be_read(colour: str) -> None:
    """Colours are judged however they are written, mixed with what shines through them."""
    assert _of_page(f'<p style="color:{colour}">Tea</p>') == []


@pytest.mark.parametrize(
    ("style", "seen"),
    [
        ("color:silver", "#c0c0c0 on #ffffff"),
        ("color:rgba(0,0,0,.3)", "#b3b3b3 on #ffffff"),
        ("color:gray;background:rgba(0,0,0,.5)", "#808080 on #7f7f7f"),
    ],
)
def test_words_are_pale_however_their_colour_is_written(style: str, seen: str) -> None:
    """Named and half transparent colours are told as they are seen."""
    (told,) = _of_page(f'<p style="{style}">Tea</p>')
    assert told.startswith(f"sets words in {seen}, a contrast of ")


def test_a_mail_without_a_preheader_is_told() -> None:
    """Mail programs show the first words of a mail beside its subject, whatever they are."""
    assert _told("<p>Tea</p>") == [
        "body.mjml has no <mj-preview>; mail programs show the first words they find instead"
    ]


def test_a_long_subject_is_told() -> None:
    """A subject of more than 78 characters is cut everywhere."""
    assert _told(subject="x" * 78) == []
    assert _told(subject="x" * 79) == ["subject.txt is 79 characters long; mail programs show 78 at most"]


@pytest.mark.parametrize(("text", "count"), [("x" * 459, 0), ("x" * 460, 1), ("ش" * 201, 0), ("ش" * 202, 1)])
def test_an_sms_of_more_than_three_segments_is_told(text: str, count: int) -> None:
    """Three segments are 459 letters of the GSM alphabet, and 201 of any other script."""
    content = Content(locale="en", text=text)
    assert len(list(problems(content, "sms", hosts=HOSTS))) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("https://shop.example/tea.", 0),
        ("(https://shop.example/tea)", 0),
        ("https://shop.example/tea/ and more", 0),
        ("https://shop.example/tea?page=2", 0),
        ("https://shop.example/teapots", 1),
        ("https://shop.example/tea/green", 1),
        ("https://shop.example/tea-towels or https://shop.example/tea.html", 1),
        ("https://shop.example/teapots https://shop.example/tea", 0),
    ],
)
def test_the_text_leads_where_the_html_does_and_not_only_nearly(text: str, count: int) -> None:
    """A page whose address begins as another's does is another page."""
    assert len([one for one in _told(text=text) if "does not lead to https://shop.example/tea," in one]) == count


@pytest.mark.parametrize(
    "html",
    [
        "<h1 style='color:#888888'>Tea</h1>",
        "<h2 style='color:#888888'>Tea</h2>",
        "<h3 style='color:#888888'>Tea</h3>",
        "<div style='font-size:13px'><h1 style='color:#888888'>Tea</h1></div>",
        "<p style='color:#888888;font-size:19px;font-weight:700'>Tea</p>",
        "<p style='color:#888888;font-size:19px'><b>Tea</b></p>",
    ],
)
def test_headings_and_bold_letters_are_large(html: str) -> None:
    """Headings are large and bold without saying so."""
    assert _of_page(html) == []


@pytest.mark.parametrize(
    "html",
    [
        "<h4 style='color:#888888'>Tea</h4>",
        "<h1 style='color:#888888;font-size:18px'>Tea</h1>",
        "<h3 style='color:#888888;font-weight:normal'>Tea</h3>",
        "<div style='font-size:13px'><h3 style='color:#888888'>Tea</h3></div>",
        "<p style='color:#888888;font-size:19px'><b style='font-weight:400'>Tea</b></p>",
        "<p style='color:#888888;font-size:19px;font-weight:500'>Tea</p>",
    ],
)
def test_small_letters_may_not(html: str) -> None:
    """What an element says of its own letters counts before what it is."""
    assert [one.partition(",")[0] for one in _of_page(html)] == ["sets words in #888888 on #ffffff"]


def test_how_much_of_an_sms_has_to_go_is_told() -> None:
    """Three segments hold 459 letters."""
    (told,) = problems(Content(locale="en", text="x" * 500), "sms", hosts=HOSTS)
    assert told.message == "takes 4 segments; 3 are enough for anything"
    assert told.remedy == "leave 41 of 500 characters out"


def test_a_reader_with_a_very_long_name_does_not_fail_a_subject() -> None:
    """Lengths are judged of typical readers; links and words of all."""
    content = Content(locale="en", text="https://shop.example/tea", subject="x" * 200, html=SOUND)
    assert list(problems(content, "email", hosts=HOSTS, typical=False)) == []


def test_sentences_are_looked_at_in_every_part() -> None:
    """A hole is told of the subject, the text and the HTML, and of none where a name itself may hold one."""
    html = SOUND + "<p>Hello <b></b>,</p>"
    content = Content(locale="en", text="Hello ,\nhttps://shop.example/tea", subject="Tea ( )", html=html)
    files = [one.file for one in problems(content, "email", hosts=HOSTS)]
    assert files == ["subject.txt", "body.txt", "body.mjml"]
    assert list(problems(content, "email", hosts=HOSTS, typical=False)) == []


def test_a_survey_is_held_to_the_words_of_its_message() -> None:
    """By mail and by SMS: `from 1 to 5` under a survey from 0 to 10 is a fault of the file that says it."""
    nps = sample_survey("nps", range(11), public_url="https://shop.example")
    content = Content(locale="en", text="Reply from 1 to 5", html=None)
    (told,) = problems(content, "sms", hosts=HOSTS, survey=nps)
    assert (told.file, told.message.partition(",")[0]) == ("sms.txt", "asks for a mark from 1 to 5")
    mail = Content(
        locale="en", text="https://shop.example/tea", subject="Tea", html=SOUND + "<p>From 1 to <b>5</b></p>"
    )
    (told,) = problems(mail, "email", hosts=HOSTS, survey=nps)
    assert (told.file, told.message.partition(",")[0]) == ("body.mjml", "asks for a mark from 1 to 5")
    assert list(problems(mail, "email", hosts=HOSTS)) == []


def test_words_are_judged_by_the_rules_of_their_language() -> None:
    """French sets a space before a question mark, and German tells of seconds: neither is a slip there."""
    rating = sample_survey("rating", range(1, 6), public_url="https://shop.example")
    for locale, text in (("fr", f"Et vous ? {rating['url']}"), ("de", f"1 Frage, 10 Sekunden: {rating['url']}")):
        for judged, count in ((locale, 0), ("en", 1)):
            content = Content(locale=judged, text=text)
            assert len(list(problems(content, "sms", hosts=HOSTS, survey=rating))) == count, (locale, judged)


def test_typography_that_costs_a_segment_is_told_of_typical_readers() -> None:
    """Whoever has a name with a dash in it does not make the words of an SMS a fault."""
    content = Content(locale="en", text="We won’t ask again. " * 5)
    (told,) = problems(content, "sms", hosts=HOSTS)
    assert told.message.startswith("takes 2 segments instead of 1")
    assert list(problems(content, "sms", hosts=HOSTS, typical=False)) == []


NIGHT = """<mjml lang="en" dir="ltr"><mj-head><mj-include path="_base/head.mjml" />{head}</mj-head>
<mj-body background-color="{{{{ brand.colours.background }}}}" css-class="ground"><mj-wrapper mj-class="card">
<mj-section><mj-column>{body}</mj-column></mj-section></mj-wrapper></mj-body></mjml>"""
NOTE_BY_NIGHT = "@media (prefers-color-scheme: dark) { .note, .note div { background: #3b3127 !important; color: %s } }"
NOTE = '<mj-text css-class="note" color="#333333" container-background-color="#fff7e0">Boil the water first.</mj-text>'


def _by_night(desk: Desk, body: str, head: str = "") -> list[str]:
    """What is told of the colours of a mail in the shipped layout."""
    shutil.copytree(PROJECT / "templates" / "_base", desk.root / "_base")
    desk.mail()
    desk.write("welcome/hello/en/body.mjml", NIGHT.format(head=head, body=body))
    told = [one.message for one in problems(desk.render(), "email", hosts=HOSTS)]
    return [one for one in told if "in the dark scheme" in one or "words in" in one]


@pytest.mark.parametrize(
    ("body", "head"),
    [
        ("<mj-text>Hello <strong>you</strong></mj-text>", ""),
        ('<mj-text mj-class="small">Small print</mj-text><mj-button href="x">To the shop</mj-button>', ""),
        (NOTE, f"<mj-style>{NOTE_BY_NIGHT % '#f0e7da !important'}</mj-style>"),
        (
            '<mj-text css-class="large" font-size="24px" color="#8a7a66">Large letters may be paler.</mj-text>',
            "<mj-style>@media screen and (prefers-color-scheme:dark){.large div{color:#7c6f60!important}}</mj-style>",
        ),
        (
            '<mj-text css-class="note"><div style="background-color:#fff7e0;color:#333333">Boil it.</div></mj-text>',
            f"<mj-style>{NOTE_BY_NIGHT % '#f0e7da !important'}</mj-style>",
        ),
        ('<mj-raw><tr><td bgcolor="#fff7e0">&nbsp;</td></tr></mj-raw>', ""),
    ],
    ids=["layout", "button", "both changed", "large", "another property", "no words"],
)
def test_words_that_can_be_read_by_night_are_let_pass(body: str, head: str, desk: Desk) -> None:
    """The layout's own colours pass, and a template's own where its rules for the dark change both of them."""
    assert _by_night(desk, body, head) == []


@pytest.mark.parametrize(
    ("body", "head", "words", "ground"),
    [
        ('<mj-text css-class="mine" color="#333333">Dark on dark</mj-text>', "", "#333333", "card"),
        ('<mj-text>See <span style="color:#5a4a2a">this</span></mj-text>', "", "#5a4a2a", "card"),
        ('<mj-text container-background-color="#fff7e0">Light on light</mj-text>', "", "text", "#fff7e0"),
        (NOTE, f"<mj-style>{NOTE_BY_NIGHT % '#f0e7da'}</mj-style>", "#333333", "#3b3127"),
        (
            '<mj-text css-class="mine"><p>Dark on dark</p></mj-text>',
            "<mj-style>.mine p { color: #2a2a2a; }</mj-style>",
            "#2a2a2a",
            "card",
        ),
        ('<mj-raw><tr><td bgcolor="#fff7e0">White on light</td></tr></mj-raw>', "", "#ffffff", "#fff7e0"),
    ],
    ids=["own words", "own words within", "own ground", "not important", "own rule", "ground alone"],
)
def test_words_that_cannot_be_read_by_night_are_told(
    body: str, head: str, words: str, ground: str, desk: Desk, brand: Brand
) -> None:
    """Where the dark scheme changes words or ground and a template has fixed the other, both colours are told."""
    dark = brand.colours.dark.model_dump()
    wanted = f"in the dark scheme sets words in {dark.get(words, words)} on {dark.get(ground, ground)}, a contrast of"
    told = _by_night(desk, body, head)
    assert len(told) == 1
    assert told[0].startswith(wanted), told


def test_a_fault_of_the_dark_scheme_says_how_to_mend_it() -> None:
    """It names the rule to write; what cannot be read by day either is told once; other media queries do not count."""
    night = "<style>@media (prefers-color-scheme: dark){body{background:#000 !important}}</style>"
    sound = SOUND.replace("#2c5a4b", "#767676")
    (told,) = _told(f'{night}<body>{sound}<p style="color:#222">Tea</p></body>')
    assert "sets words in #222222 on #000000" in told
    assert "`@media (prefers-color-scheme: dark)`" in told
    pale = f'{night.replace("#000", "#fff")}<body>{sound}<p style="color:#aaa">Tea</p></body>'
    assert [one.partition(",")[0] for one in _told(pale)] == ["body.mjml sets words in #aaaaaa on #ffffff"]
    for other in ("(prefers-color-scheme: light)", "(max-width: 400px)", "print"):
        html = f"{night.replace('(prefers-color-scheme: dark)', other)}<body>{SOUND}<p>Tea</p></body>"
        assert _told(html) == [], other


@pytest.mark.parametrize("comment", ["/* once { */", "/* } */", "/* p { color: red } */"])
@pytest.mark.parametrize("head", ["", '<meta name="color-scheme" content="light dark">'])
def test_braces_in_comments_hide_no_rule_for_the_night(comment: str, head: str) -> None:
    """Rules for the dark are read as mail programs read them, without the comments between them."""
    night = f"<style>@media (prefers-color-scheme: dark){{{comment} body{{background:#000 !important}} }}</style>"
    told = _told(f'{head}{night}<body>{SOUND}<p style="color:#222">Tea</p></body>')
    assert any("in the dark scheme sets words in #222222 on #000000" in one for one in told), told


def test_a_mail_is_judged_by_night_once_for_all_readers(desk: Desk) -> None:
    """Readers who get the same parts of a mail share its shape, whatever their names, links and products are."""
    desk.mail(html='<a href="{{ links.unsubscribe }}">Hello {{ contact.first_name }}</a>')
    other = persona(first_name="شیرین & co") | {"links": {"unsubscribe": "https://mail.shop.example/u/other"}}
    one, two = (shape(desk.render(reader).html or "") for reader in (persona(), other))
    assert one == two
    assert "Amina" not in one
    rules = "<head></head><body><style>p { color: #222 }</style><p>Hello</p></body>"
    assert shape(rules) == rules
