"""Where faults of messages are told: the line to mend, in the file that holds it, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from clm.cli.project import against_the_law
from clm.content.parts import Parts
from clm.engine.blame import Message, Told, gathered
from clm.engine.proofreading import proofread
from clm.engine.workspace import load_project
from clm.errors import Fault
from clm.settings import Settings
from tests.small_project import small_project

NOW = 1_795_000_000_000
MJML, TEXT = "templates/referral/invite/en/body.mjml", "templates/referral/invite/en/body.txt"
FOOTER = "templates/_base/en/footer.mjml"
GIFTS = "{{ brand.links.gifts }}"
BUTTON = '<mj-button href="{{ links.referral }}">'
STRANGER = "leads to evil.example, which is neither the brand's nor ours"
LIST_IT = "; if it is meant, add it to `link_hosts` of config/brand.yaml"
CANNOT = "cannot be written to a reader with no facts: missing value"
NO_VALUE = "; write a fallback, `{{ … | default('…') }}` or `{% if … is defined %}`"


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    """Two campaigns of one letter each, in English and Persian."""
    made = small_project(tmp_path, "referral", "birthday")
    path = made.config / "clm.yaml"
    path.write_text(path.read_text("utf-8").replace("[en, fa, ar, th, ru]", "[en, fa]"), "utf-8")
    return made


def told(small: Settings) -> list[str]:
    """Every fault of the messages, as `clm check` prints it."""
    project = load_project(small)
    faults = [*against_the_law(project), *proofread(project, small, now=NOW)]
    return [str(fault).removeprefix(f"{small.config.parent}/") for fault in faults]


def mend(small: Settings, file: str, right: str, wrong: str) -> int:
    """Put something else in the place of the only one of its kind; gives its line."""
    path = small.config.parent / file
    text = path.read_text("utf-8")
    assert text.count(right) == 1, text
    path.write_text(text.replace(right, wrong), "utf-8")
    return text.count("\n", 0, text.index(right)) + 1


def add(small: Settings, file: str, words: str) -> int:
    """Write a last line; gives its number."""
    path = small.config.parent / file
    text = path.read_text("utf-8").rstrip("\n") + "\n"
    path.write_text(text + words + "\n", "utf-8")
    return text.count("\n") + 1


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        (GIFTS, "gifts.html", "has a link that leads nowhere: `gifts.html`; write a whole address that begins with"),
        (
            GIFTS,
            "https://evil.example/{{ contact.id }}",
            "leads to evil.example, which is neither the brand's nor ours",
        ),
        (BUTTON, f'<mj-image src="http://a.example/b.png" alt="" />{BUTTON}', "has an image that no mail program"),
        (BUTTON, f'<mj-image src="{{{{ brand.links.shop }}}}/b.png" />{BUTTON}', "has an image without `alt`; many"),
        (BUTTON, f'<mj-text color="#dddddd">Pale words</mj-text>{BUTTON}', "sets words in #dddddd on #fffdf9, a"),
        (BUTTON, f'<mj-text color="#dddddd">x</mj-text>\n<mj-text>x</mj-text>{BUTTON}', "sets words in #dddddd on"),
        (BUTTON, f'<mj-text css-class="mine" color="#333333">Dark</mj-text>{BUTTON}', "in the dark scheme sets words"),
        (BUTTON, f'<mj-text><span style="color:lab(9 9 9)">x</span></mj-text>{BUTTON}', "has the color `lab(9 9 9)`"),
        (BUTTON, f"<mj-text>{{{{ contact.last_name }}}}</mj-text>{BUTTON}", "cannot be written to a reader with no"),
        (BUTTON, f"<mj-text>{{{{ 'x'.upper }}}}</mj-text>{BUTTON}", "cannot be written to a reader with all facts"),
    ],
    ids=[
        "no link",
        "foreign",
        "picture",
        "alt",
        "pale",
        "twice",
        "pale by night",
        "unknown colour",
        "missing",
        "escape",
    ],
)
def test_a_fault_in_a_letter_is_told_with_its_line(small: Settings, right: str, wrong: str, fault: str) -> None:
    """Links, pictures, pale words and missing values are told at the line of the template that they come from."""
    line = mend(small, MJML, right, wrong)
    assert line > 10
    found = [one for one in told(small) if one.startswith(f"{MJML}:")]
    assert len(found) == 1
    assert found[0].startswith(f"{MJML}:{line}: {fault}"), found


def test_a_fault_in_a_text_is_told_with_its_line(small: Settings) -> None:
    """Parts that are included before it do not move it."""
    line = add(small, TEXT, "Look: https://evil.example/x and {{ contact.id }}")
    assert told(small) == [
        f"{TEXT}:{line}: {STRANGER}{LIST_IT}",
    ]


def test_whatever_is_missing_is_told_at_once(small: Settings) -> None:
    """Several values in one file, one of them twice, and one in another file; a condition that asks is one of them."""
    first = mend(small, MJML, BUTTON, f"<mj-text>{{{{ contact.last_name }}}}</mj-text>{BUTTON}")
    second = mend(small, MJML, "<mj-text>Not sure", "<mj-text>{{ contact.last_name }}{{ facts.born_on | date }}")
    third = add(small, TEXT, "{% if facts.order_count %}x{% endif %}")
    assert {one for one in told(small) if "with no facts" in one} == {
        f"{MJML}:{first}: {CANNOT} contact.last_name{NO_VALUE}",
        f"{MJML}:{second}: {CANNOT} contact.last_name{NO_VALUE}",
        f"{TEXT}:{third}: {CANNOT} facts.order_count{NO_VALUE}",
    }
    assert f"{MJML}:{second}: cannot be written to a reader with some facts: missing value facts.born_on{NO_VALUE}" in (
        told(small)
    )


def test_a_link_is_told_wherever_it_stands(small: Settings) -> None:
    """One that is written twice has two lines to be mended in."""
    first = mend(small, MJML, BUTTON, '<mj-button href="gifts.html">')
    second = mend(small, MJML, GIFTS, "gifts.html")
    nowhere = [one.partition(": ")[0] for one in told(small) if "leads nowhere" in one]
    assert nowhere == [f"{MJML}:{first}", f"{MJML}:{second}"]


@pytest.mark.parametrize(
    ("file", "words", "fault"),
    [
        ("subject.txt", " \n", "1: cannot be written to a reader with all facts: nothing to say; write its words"),
        ("subject.txt", "x" * 79, "1: is 79 characters long; mail programs show 78 at most; say the first thing"),
        ("body.txt", "x" * 50_001, "1: cannot be written to a reader with all facts: longer than 50,000 bytes; leave"),
    ],
)
def test_a_fault_of_a_whole_file_is_told_at_its_beginning(small: Settings, file: str, words: str, fault: str) -> None:
    """An empty or a long subject, and a mail too large, each with what to do."""
    path = small.templates / "referral" / "invite" / "en" / file
    path.write_text(words, "utf-8")
    assert any(one.startswith(f"templates/referral/invite/en/{file}:{fault}") for one in told(small)), told(small)


def test_a_letter_without_a_preheader_is_told_where_one_is_written(small: Settings) -> None:
    """With the element to write."""
    path = small.templates / "referral" / "invite" / "en" / "body.mjml"
    lines = path.read_text("utf-8").split("\n")
    path.write_text("\n".join(line for line in lines if "<mj-preview>" not in line), "utf-8")
    (found,) = told(small)
    assert found.startswith(f"{MJML}:1: has no <mj-preview>; ")
    assert found.endswith("; write <mj-preview>…</mj-preview> into <mj-head>")


def test_a_language_that_is_missing_is_told_with_what_to_write(small: Settings) -> None:
    """The files are named."""
    for path in (small.templates / "referral" / "invite" / "fa").iterdir():
        path.unlink()
    (small.templates / "referral" / "invite" / "fa").rmdir()
    (found,) = told(small)
    assert found.endswith("wants them in `fa`; write subject.txt, body.mjml, body.txt there")


def test_a_fault_in_a_shared_part_is_told_once_and_there(small: Settings) -> None:
    """A part that every letter includes is named by itself, with how many messages it spoils."""
    link = mend(small, FOOTER, "{{ brand.links.returns }}", "https://evil.example/x")
    text = FOOTER.replace(".mjml", ".txt")
    line = add(small, text, "https://evil.example/x {{ contact.last_name }}")
    assert told(small) == [
        f"{FOOTER}:{link}: {STRANGER} (and so in 2 messages){LIST_IT}",
        f"{text}:{line}: {STRANGER} (and so in 2 messages){LIST_IT}",
        f"{text}:{line}: {CANNOT} contact.last_name (and so in 2 messages){NO_VALUE}",
    ]


@pytest.mark.parametrize("value", ["brand.address", "links.unsubscribe"])
def test_what_a_shared_part_ought_to_say_is_told_of_the_part(small: Settings, value: str) -> None:
    """The footer of one language that lacks what those of the others say is named, and not the letters."""
    mend(small, FOOTER, f"{{{{ {value} }}}}", "")
    found = [one for one in told(small) if "marketing must" in one]
    assert len(found) == 1
    assert found[0].startswith(f"{FOOTER}:1: does not say `{{{{ {value} }}}}`")
    assert "(and so in 2 messages); write it there" in found[0]


def test_a_letter_that_leaves_the_footer_out_is_told_itself(small: Settings) -> None:
    """The part is not to blame where others include it; it is named as what to include."""
    mend(small, MJML, '<mj-include path="_base/footer.mjml" />', "")
    found = [one for one in told(small) if "marketing must" in one]
    assert {one.partition(": ")[0] for one in found} == {f"{MJML}:1"}
    assert all(one.endswith("; include `_base/footer.mjml`, which says it") for one in found)


def test_what_a_condition_hides_is_told_where_the_condition_is(small: Settings) -> None:
    """Around the include in one letter, that line; in the part itself, the part, once. The address is shown whole."""
    address = "does not show 18 Tanner Row, London SE1 3ZZ, United Kingdom to every reader, which marketing must"
    line = mend(
        small, FOOTER, "{{ brand.address }}", "{% if facts.emails_sent is defined %}{{ brand.address }}{% endif %}"
    )
    found = [one for one in told(small) if "does not show" in one]
    assert len(found) == 1
    assert found[0].startswith(f"{FOOTER}:{line}: {address} (and so in 2 messages); let no condition")
    mend(small, FOOTER, "{% if facts.emails_sent is defined %}{{ brand.address }}{% endif %}", "{{ brand.address }}")
    opening, closing = "<mj-raw>{% if facts.emails_sent is defined %}</mj-raw>", "<mj-raw>{% endif %}</mj-raw>"
    include = '<mj-include path="_base/footer.mjml" />'
    line = mend(small, MJML, include, f"{opening}{include}{closing}")
    found = [one for one in told(small) if "Tanner" in one]
    assert len(found) == 1
    assert found[0].startswith(f"{MJML}:{line}: {address}; let no condition")


def test_a_pale_colour_of_the_brand_is_told_of_the_brand(small: Settings) -> None:
    """At its line, and not of every letter whose words are set in it."""
    line = mend(small, "config/brand.yaml", 'muted: "#6a5a48"', 'muted: "#c0b8a8"')
    found = told(small)
    assert len(found) == 2
    assert all(one.startswith(f"config/brand.yaml:{line}:3: colours.muted: has a contrast of") for one in found)
    assert all("(and so in " in one and one.endswith("; choose a darker or a lighter one") for one in found)


def test_a_pale_colour_of_a_shared_part_is_told_of_the_part(small: Settings) -> None:
    """Where it is written out there, for whatever words the letters set in it."""
    head = "templates/_base/head.mjml"
    right = '<mj-class name="small" font-size="14px" line-height="22px" color="{{ brand.colours.muted }}"'
    line = mend(small, head, right, right.replace("{{ brand.colours.muted }}", "#DDDDDD"))
    found = [one for one in told(small) if "#dddddd" in one]
    assert found
    assert all(one.startswith(f"{head}:{line}: sets words in #dddddd on ") for one in found), found
    assert all(" messages); " in one for one in found)


def test_what_a_step_does_not_carry_is_told_of_the_letter_that_speaks_of_it(small: Settings) -> None:
    """Not of the part that all letters with a coupon include."""
    mend(small, "config/campaigns/referral.yaml", "    coupon: referral\n", "")
    files = {one.partition(":")[0] for one in told(small)}
    assert files == {f"templates/referral/invite/{locale}/{name}" for locale in ("en", "fa") for name in (
        "body.mjml", "body.txt")}  # fmt: skip


@pytest.mark.parametrize(
    ("file", "steps", "wrong"),
    [
        ("templates/_base/en/foot.txt", ("hello",), "is wrong; mend it"),
        ("templates/_base/en/foot.txt", ("hello", "again"), "is wrong (and so in 2 messages); mend it"),
        ("templates/welcome/hello/en/body.txt", ("hello", "again"), "is wrong; mend it"),
    ],
    ids=["in one", "in two", "no part"],
)
def test_messages_are_counted_where_a_part_spoils_several(file: str, steps: tuple[str, ...], wrong: str) -> None:
    """Once for all of them, and a number that says how much hangs on it; of one message it would say nothing."""
    found = [Told(Fault(file, "is wrong; mend it", 3), Message("welcome", step, "en"), "wrong") for step in steps]
    assert gathered(found, Parts(Path("templates"))) == [Fault(file, wrong, 3)]
