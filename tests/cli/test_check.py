"""`clm check`: every fault in one run, and none that only follows from another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clm.settings import Settings
from tests.cli.conftest import Clm
from tests.small_project import small_project

WORDS = "slipping_vip/note/en/body.txt"
UNTOLD = f"templates/{WORDS}"
"""Where it is told that a reader has no last name, which the words ask for without a fallback."""
STAGES = """\
stages:
  - {name: onboarding, when: in_segment('vip'), kpi: Conversion}
  - {name: other, kpi: none}
"""
OFFER = "  second_purchase: {kind: percent, percent: 15, days: "
Check = Callable[..., list[tuple[str, str | None]]]


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    """A campaign that asks for groups, stages and segments, and one with coupons, in English and Persian."""
    small = small_project(tmp_path, "slipping_vip", "second_purchase")
    change(small.config / "clm.yaml", "locales: [en, fa, ar, th, ru]", "locales: [en, fa]")
    change(small.config / "campaigns" / "slipping_vip.yaml", "steps:", "unless: stage = 'onboarding'\nsteps:")
    change(small.config / "stages.yaml", "preset: six", STAGES)
    return small


@pytest.fixture
def check(clm: Clm, project: Settings) -> Check:
    """Runs `clm check` and gives the file of each fault, as it stands below the project's folder, and its field."""

    def run(**environment: str) -> list[tuple[str, str | None]]:
        places = {"CLM_CONFIG": str(project.config), "CLM_TEMPLATES": str(project.templates)}
        ended = clm("check", "--json", **places, **environment)
        told = json.loads(ended.stdout)
        assert ended.returncode == (0 if told["ok"] else 1)
        return [(fault["file"].removeprefix(f"{project.config}/"), fault["field"]) for fault in told["faults"]]

    return run


def change(path: Path, right: str, wrong: str) -> None:
    """Put something else in the place of the only one of its kind."""
    text = path.read_text(encoding="utf-8")
    assert text.count(right) == 1, text
    path.write_text(text.replace(right, wrong), encoding="utf-8")


def unfinish(project: Settings) -> None:
    """Let words ask for what is not known of everybody."""
    with (project.templates / WORDS).open("a", encoding="utf-8") as words:
        words.write("{{ contact.last_name }}\n")


def test_the_project_of_these_tests_is_sound(check: Check) -> None:
    """What is told below comes of what each test has put in."""
    assert check() == []


def test_messages_are_read_whatever_is_missing_for_going_live(check: Check, project: Settings) -> None:
    """Keys that are not there yet hide no fault in any words."""
    unfinish(project)
    files = [file for file, _ in check(CLM_LIVE="1")]
    assert {"CLM_PUBLIC_URL", "SENDGRID_WEBHOOK_KEY", "SENDGRID_API_KEY", UNTOLD} <= set(files)


def test_messages_are_read_whatever_is_wrong_in_another_file(check: Check, project: Settings) -> None:
    """A faulty source, another campaign's slip and a step without words hide no fault in any words."""
    unfinish(project)
    change(project.config / "sources.yaml", "sources:\n", "sources:\n  - {source: shop, feed: nothing, path: x}\n")
    change(project.config / "campaigns" / "second_purchase.yaml", "priority:", "prioriti:")
    change(project.config / "campaigns" / "slipping_vip.yaml", "  - send: call", "  - send: calls")
    assert check() == [
        ("campaigns/second_purchase.yaml", "prioriti"),
        ("sources.yaml", "sources.1.feed"),
        ("campaigns/slipping_vip.yaml", None),
        (UNTOLD, None),
    ]


@pytest.mark.parametrize(
    ("file", "right", "wrong", "field"),
    [
        ("rfm.yaml", "window: 730d", "windw: 730d", "windw"),
        ("stages.yaml", "kpi: none", "kip: none", "stages.2.kip"),
        ("segments.yaml", "segments:\n", "segments:\n  New: {title: New, when: order_count = 0}\n", "segments.New"),
        ("offers.yaml", OFFER, OFFER + "40", "offers.second_purchase.days"),
        ("policy.yaml", "gaps:", "gabs:", "gabs"),
    ],
)
def test_a_fault_is_told_where_it_is_and_not_where_it_leads(
    check: Check, project: Settings, file: str, right: str, wrong: str, field: str
) -> None:
    """Files that name what a faulty one holds are not blamed for it, and their words are read all the same."""
    unfinish(project)
    change(project.config / file, right, wrong)
    found = check()
    assert (file, field) in found
    assert {name for name, _ in found} == {file, UNTOLD}


def test_a_name_is_checked_again_once_its_file_is_sound(check: Check, project: Settings) -> None:
    """Only the names of a faulty file are taken as they come: a misspelt group beside faulty stages is told."""
    change(project.config / "stages.yaml", "kpi: none", "kip: none")
    change(project.config / "campaigns" / "slipping_vip.yaml", "'at_risk', 'cannot_lose'", "'at_risc'")
    assert ("campaigns/slipping_vip.yaml", "enter.when") in check()


def test_words_that_cannot_be_read_hide_no_others(check: Check, project: Settings) -> None:
    """A tag that is not closed is told once, and other messages are read; where it is in a shared part, none can be."""
    unfinish(project)
    broken = project.templates / "second_purchase" / "incentive" / "fa" / "body.txt"
    broken.write_text("{% if contact.first_name is defined %}", encoding="utf-8")
    assert check() == [("templates/second_purchase/incentive/fa/body.txt", None), (UNTOLD, None)]
    with (project.templates / "_base" / "en" / "footer.txt").open("a", encoding="utf-8") as shared:
        shared.write("{{ contact.nmae }}")
    assert check() == [
        ("templates/_base/en/footer.txt", None),
        ("templates/second_purchase/incentive/fa/body.txt", None),
    ]


def test_a_brand_that_lacks_a_language_is_told(check: Check, project: Settings) -> None:
    """A name that other languages have is missed where config/clm.yaml names a language without it."""
    change(project.config / "brand.yaml", "    name: سفرون اند سیج\n", "")
    assert check() == [("brand.yaml", "in_language.fa")]


def test_programs_are_told_what_is_wrong_where_and_what_to_do(clm: Clm, check: Check, project: Settings) -> None:
    """Each fault has its file, line and field, what is wrong and the remedy apart, wherever it was found."""
    change(project.config / "policy.yaml", "gaps:", "gabs:")
    unfinish(project)
    assert check()
    faults = json.loads(clm("check", "--json").stdout)["faults"]
    by_file = {fault["file"].rpartition("/")[2]: fault for fault in faults}
    assert by_file["policy.yaml"]["field"] == "gabs"
    assert by_file["policy.yaml"]["what"] == "`gabs` is not a setting"
    assert by_file["policy.yaml"]["remedy"].startswith("did you mean `gaps`?")
    words = by_file["body.txt"]
    assert (project.templates.parent / words["file"]).read_text("utf-8").split("\n")[words["line"] - 1] == (
        "{{ contact.last_name }}"
    )
    assert words["what"].endswith("missing value contact.last_name")
    assert words["remedy"].startswith("write a fallback")


def test_words_that_nobody_gets_are_mentioned(clm: Clm, check: Check, project: Settings) -> None:
    """A folder that no step is called like may be misspelt, or of people on an earlier version: it is no fault."""
    shutil.copytree(project.templates / "slipping_vip" / "note", project.templates / "slipping_vip" / "notte")
    shutil.copytree(project.templates / "slipping_vip", project.templates / "sliping_vip")
    assert check() == []
    told = clm("check").stdout
    assert "note: templates/slipping_vip/notte/: is named for no step of config/campaigns/slipping_vip.yaml; " in told
    assert "did you mean `note`?" in told
    assert "note: templates/sliping_vip/: is named for no campaign and no broadcast; " in told
    assert "did you mean `slipping_vip`?" in told
    assert "no faults" in told


def test_words_for_another_channel_are_no_words(check: Check, project: Settings) -> None:
    """A language in which a step has a mail and no SMS is missing where others have the SMS that is sent."""
    note = project.templates / "slipping_vip" / "note"
    (note / "en" / "sms.txt").write_text("{{ brand.name }} {{ links.unsubscribe }}", encoding="utf-8")
    change(project.config / "campaigns" / "slipping_vip.yaml", "note\n    channel: email", "note\n    channel: sms")
    assert ("templates/slipping_vip/note/fa/", None) in check()


def test_a_faulty_part_hides_no_message_that_does_without_it(check: Check, project: Settings) -> None:
    """Messages in other languages, which have parts of their own, are read all the same."""
    unfinish(project)
    with (project.templates / "_base" / "fa" / "footer.txt").open("a", encoding="utf-8") as shared:
        shared.write("{{ contact.nmae }}")
    assert check() == [("templates/_base/fa/footer.txt", None), (UNTOLD, None)]


def test_a_file_that_cannot_be_read_hides_no_fault_of_the_files_beside_it(check: Check, project: Settings) -> None:
    """A tag that is not closed in the text, and a value without a fallback and a link to strangers in the HTML."""
    note = project.templates / "slipping_vip" / "note" / "en"
    (note / "body.txt").write_text("{% if contact.first_name is defined %}", encoding="utf-8")
    (note / "subject.txt").write_text("{{ contact.last_name }}", encoding="utf-8")
    words = "</mj-text><mj-text><a href='https://evil.example/'>Look</a></mj-text>"
    mjml = (note / "body.mjml").read_text(encoding="utf-8").replace("</mj-text>", words, 1)
    (note / "body.mjml").write_text(mjml, encoding="utf-8")
    assert [file.rpartition("/")[2] for file, _ in check()] == ["body.txt", "body.mjml", "subject.txt"]


def test_what_a_part_lacks_is_told_of_it_whatever_is_wrong_with_another(check: Check, project: Settings) -> None:
    """A footer without the address, beside one for the text that cannot be read: each once, and no letter."""
    base = project.templates / "_base" / "fa"
    change(base / "footer.mjml", "{{ brand.address }}", "")
    with (base / "footer.txt").open("a", encoding="utf-8") as shared:
        shared.write("{{ contact.nmae }}")
    assert check() == [("templates/_base/fa/footer.txt", None), ("templates/_base/fa/footer.mjml", None)]


def test_a_language_with_half_its_files_is_blamed_for_these_alone(check: Check, project: Settings) -> None:
    """What its readers would get in the place of the others is judged as another language's."""
    with (project.templates / WORDS).open("a", encoding="utf-8") as words:
        words.write("https://evil.example/\n")
    fa = project.templates / "slipping_vip" / "note" / "fa"
    for name in ("body.txt", "subject.txt"):
        (fa / name).unlink()
    html = (fa / "body.mjml").read_text(encoding="utf-8")
    (fa / "body.mjml").write_text(html.replace("<mj-text>", "<mj-text>{{ contact.last_name }}", 1), encoding="utf-8")
    assert [file for file, _ in check()] == [
        "templates/slipping_vip/note/fa/subject.txt",
        "templates/slipping_vip/note/fa/body.txt",
        UNTOLD,
        "templates/slipping_vip/note/fa/body.mjml",
    ]


def test_a_file_that_the_default_language_lacks_is_told_once(check: Check, project: Settings) -> None:
    """The subject that lacks in `en/`, where `en-GB` finds its words, is that file's fault and no other's."""
    (project.templates / "slipping_vip" / "note" / "en" / "subject.txt").unlink()
    assert check() == [("templates/slipping_vip/note/en/subject.txt", None)]


def test_words_that_lack_by_default_belong_into_the_folder_that_is_there(clm: Clm, project: Settings) -> None:
    """Where `en/` has other words of a step, the ones to write for `en-GB` lie there, too."""
    places = {"CLM_CONFIG": str(project.config), "CLM_TEMPLATES": str(project.templates)}
    (project.templates / "slipping_vip" / "note" / "fa" / "sms.txt").write_text("{{ links.unsubscribe }}", "utf-8")
    told = clm("check", **places).stdout
    assert "no words for sms in the default locale `en-GB`; write sms.txt in note/en/" in " ".join(told.split())


def test_one_of_a_kind_is_told_as_one(clm: Clm, tmp_path: Path) -> None:
    """A project of one campaign with one letter has one of each, and several feeds."""
    one = small_project(tmp_path / "one", "referral", left_out=())
    places = {"CLM_CONFIG": str(one.config), "CLM_TEMPLATES": str(one.templates)}
    assert clm("check", **places).stdout.startswith("1 campaign (1 live), 1 message, 4 feeds: no faults")


def test_everything_wrong_is_told_at_once(check: Check, project: Settings) -> None:
    """A percentage beyond all, what is without a language, a tag that is not closed: none hides another.

    A letter that carries a code of which nobody knows what it gives is read, too, but for that.
    """
    unfinish(project)
    with (project.templates / "second_purchase" / "incentive" / "en" / "body.txt").open("a", encoding="utf-8") as words:
        words.write("{{ coupon.amount | money }} https://evil.example/ {{ contact.last_name }}\n")
    with (project.templates / "second_purchase" / "incentive" / "en" / "body.mjml").open(encoding="utf-8") as words:
        html = words.read().replace("<mj-text>", "<mj-text>{{ contact.last_name }}", 1)
    (project.templates / "second_purchase" / "incentive" / "en" / "body.mjml").write_text(html, encoding="utf-8")
    shutil.rmtree(project.templates / "slipping_vip" / "note" / "fa")
    change(project.config / "offers.yaml", f"{OFFER}", OFFER.replace("percent: 15", "percent: 120"))
    change(
        project.config / "topics.yaml", '    fa: {name: تازه‌ها, about: "چه چیز تازه‌ای رسیده و از کجا آمده است."}\n', ""
    )
    (project.templates / "second_purchase" / "reminder" / "en" / "body.txt").write_text("{% if x", encoding="utf-8")
    assert check() == [
        ("offers.yaml", "offers.second_purchase.percent"),
        ("topics.yaml", "topics.news"),
        ("templates/second_purchase/reminder/en/body.txt", None),
        ("templates/second_purchase/incentive/en/body.mjml", None),
        (UNTOLD, None),
        ("templates/slipping_vip/note/fa/", None),
    ]
