"""`clm preview`: what readers would see, on disk, without anybody being told anything."""

from __future__ import annotations

import json
import re
import shutil
import socket
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from clm.channels.inbox import Inbox
from clm.channels.letter import letter
from clm.cli import pictures
from clm.cli.pictures import NoPicturesError, camera, chromium
from clm.domain.record import ContactRecord
from clm.settings import Settings
from clm.store import suppressions
from clm.store.database import Database
from clm.store.schema import messages
from tests.cli.conftest import Clm, Ended
from tests.engine.shop import NOW, Shop, order
from tests.small_project import small_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The shipped project with one campaign."""
    return small_project(tmp_path_factory.mktemp("small"), "second_purchase")


@pytest.fixture
def preview(clm: Clm, project: Settings, tmp_path: Path, sqlite_file: Path) -> Clm:
    """Runs `clm preview …` on it, with a database that knows Ada."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copyfile(sqlite_file, home / "clm.db")
    database = Database(f"sqlite:///{home / 'clm.db'}")
    Shop(database).tell(ContactRecord("ada", email="ada@example.com", first_name="Ada", locale="fa"))
    Shop(database).tell(order("o1", "ada", at=NOW))
    with database.write() as tx:
        suppressions.suppress(tx, channel="email", address="no@example.com", reason="manual", source="test", at=NOW)
    database.close()

    def run(*arguments: str) -> Ended:
        where = {"CLM_CONFIG": str(project.config), "CLM_TEMPLATES": str(project.templates)}
        return clm("preview", "second_purchase", *arguments, **where)

    return run


def test_every_step_is_written_in_every_language(preview: Clm, tmp_path: Path) -> None:
    """A file for each form of each message, and a page on which all stand side by side."""
    ended = preview("--no-png", "--out", str(tmp_path / "seen"), "--json")
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert {one["locale"] for one in told["messages"]} == {"en", "fa"}
    sheet = (tmp_path / "seen" / "index.html").read_text(encoding="utf-8")
    for one in told["messages"]:
        for name in one["files"].values():
            assert (tmp_path / "seen" / name).stat().st_size > 50
            assert name in sheet
    persian = (tmp_path / "seen" / "incentive.fa.html").read_text(encoding="utf-8")
    assert 'dir="rtl"' in persian
    assert "نسترن" in persian


@pytest.mark.parametrize(
    ("asked", "columns"), [((), ["fa", "en"]), (("--locale", "en", "--locale", "fa"), ["en", "fa"])]
)
def test_languages_stand_as_the_shop_names_them_or_as_they_were_asked_for(
    clm: Clm, tmp_path: Path, asked: tuple[str, ...], columns: list[str]
) -> None:
    """A column for each, beginning with the one that comes first in config/clm.yaml."""
    small = small_project(tmp_path, "birthday")
    shop = small.config / "clm.yaml"
    written = shop.read_text(encoding="utf-8")
    shop.write_text(re.sub(r"(?m)^locales: .*$", "locales: [fa, en]", written), encoding="utf-8")
    where = {"CLM_CONFIG": str(small.config), "CLM_TEMPLATES": str(small.templates)}
    ended = clm("preview", "birthday", "--no-png", "--out", str(tmp_path / "seen"), *asked, **where)
    assert ended.returncode == 0, ended.stderr
    page = (tmp_path / "seen" / "index.html").read_text(encoding="utf-8")
    assert [one for one in re.findall(r'<th scope="col">(\w\w)</th>', page) if one in columns] == columns


def test_one_message_is_told_as_one(preview: Clm, tmp_path: Path) -> None:
    """A letter in one language is one message, in two languages two."""
    asked = ("--no-png", "--out", str(tmp_path / "seen"), "--step", "incentive")
    assert preview(*asked, "--locale", "en").stdout.startswith("1 message in ")
    assert preview(*asked, "--locale", "en", "--locale", "fa").stdout.startswith("2 messages in ")


def test_a_contact_is_written_to_in_their_own_words(preview: Clm, tmp_path: Path) -> None:
    """With their name, in their language; no link is really theirs, and nothing is recorded."""
    ended = preview("incentive", "--contact", "ada", "--no-png", "--out", str(tmp_path / "seen"))
    assert ended.returncode == 0, ended.stderr
    words = (tmp_path / "seen" / "incentive.fa.txt").read_text(encoding="utf-8")
    assert "Ada" in words
    assert "/u/sample" in words
    database = Database(f"sqlite:///{tmp_path / 'home' / 'clm.db'}")
    with database.read() as tx:
        assert list(tx.execute(select(messages))) == []
    database.close()
    assert preview("incentive", "--contact", "bob").returncode == 1


def test_a_test_goes_to_the_address_given_and_to_no_table(preview: Clm, tmp_path: Path) -> None:
    """Its subject says that it is one, nobody could unsubscribe by it, and a suppressed address gets none."""
    assert preview("incentive", "--locale", "en", "--send-to", "me@example.com").returncode == 0
    box = Inbox(tmp_path / "home" / "outbox", "team@example.com")
    (item,) = box.page(tests=True).items
    found = letter(box.mail_bytes(item.id) or b"")
    assert found.subject.startswith("[test] ")
    assert found.header("to") == "me@example.com"
    assert not found.header("List-Unsubscribe")
    assert "/u/sample" in found.text


def test_a_test_is_from_whom_its_reader_knows(preview: Clm, tmp_path: Path) -> None:
    """A test in Persian comes from the Persian name, as the letter itself would."""
    assert preview("incentive", "--locale", "fa", "--send-to", "me@example.com").returncode == 0
    box = Inbox(tmp_path / "home" / "outbox", "team@example.com")
    (item,) = box.page(tests=True).items
    found = letter(box.mail_bytes(item.id) or b"")
    assert found.header("from") == "نادیا از سفرون اند سیج <letters@saffronandsage.example>"
    refused = preview("incentive", "--locale", "en", "--send-to", "no@example.com")
    assert refused.returncode == 1
    assert "suppressed" in refused.stdout


def test_a_language_of_a_region_is_read_as_its_readers_would(preview: Clm, tmp_path: Path) -> None:
    """`fa-IR` gets Persian words, `pt-BR` and `fr` for want of any those of the shop's own language, and it is told."""
    folder = tmp_path / "seen"
    asked = ("--locale", "fa-ir", "--locale", "pt-BR", "--locale", "en_GB")
    ended = preview("incentive", *asked, "--no-png", "--out", str(folder), "--json")
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert [(one["locale"], one["words"]) for one in told["messages"]] == [
        ("fa-IR", "fa"), ("pt-BR", "en"), ("en-GB", "en"),
    ]  # fmt: skip
    assert told["notes"] == ["incentive has no words in pt-BR; whoever reads that gets those in en"]
    words = {one: (folder / f"incentive.{one}.txt").read_text(encoding="utf-8") for one in ("fa-IR", "pt-BR")}
    assert "نسترن" in words["fa-IR"]
    assert not re.search("[\u0600-\u06ff]", words["pt-BR"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--locale", "en", "--locale", "?"), "--locale ?: is no language; write one like fa or pt-BR"),
        (
            ("--contact", "ada", "--persona", "hostile"),
            "--contact and --persona name two readers; leave one of them out",
        ),
        (("--contact", "ada", "--locale", "fa"), "--contact gets their own language; leave out --locale"),
        (("--send-to", "not an address"), "`not an address` is neither an e-mail address nor a phone number"),
        (("--send-to", ""), "--send-to names no address"),
        (("--send-to", "07700 900123"), "--send-to has no country code; write it like +44 7700 900123"),
        (("incentiv", "--persona", "hostil"), "did you mean `incentive`"),
        (("reminder_sms", "--send-to", "me@example.com"), "nothing of it goes to such an address"),
    ],
)
def test_what_there_is_not_is_said(preview: Clm, arguments: tuple[str, ...], said: str) -> None:
    """With the nearest name."""
    ended = preview(*arguments)
    assert ended.returncode == 1
    assert said in " ".join(ended.stderr.split())


def test_a_message_that_no_picture_can_be_taken_of_is_told(
    preview: Clm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser that does not answer in time ends neither the command nor the other messages."""
    monkeypatch.setattr(pictures, "SECONDS_MAX", 0.001)
    ended = preview("incentive", "--locale", "en", "--out", str(tmp_path / "seen"), "--json")
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    if told["without_pictures"]:
        pytest.skip(told["without_pictures"])
    (note,) = told["notes"]
    assert note.startswith("incentive in en is without pictures: ")
    assert told["messages"][0]["files"] == {"text": "incentive.en.txt", "html": "incentive.en.html"}


@pytest.mark.slow
def test_an_image_that_does_not_come_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture is taken without it, and nothing more is asked of its host; those within the mail are there."""
    monkeypatch.setattr(pictures, "IMAGES_SECONDS_MAX", 0.5)
    within = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        html = f'<img src="{within}"><img src="https://127.0.0.1:{silent.getsockname()[1]}/tea.png">'
        try:
            with camera(None) as taking:
                taking.take(html, "phone", tmp_path / "first.png")
                assert taking.silent == {"127.0.0.1"}
                monkeypatch.setattr(pictures, "IMAGES_SECONDS_MAX", 60.0)
                began = time.monotonic()
                taking.take(html, "phone", tmp_path / "second.png")
        except NoPicturesError as error:
            pytest.skip(str(error))
    assert time.monotonic() - began < 30
    assert (tmp_path / "second.png").stat().st_size > 500


@pytest.mark.slow
def test_pictures_are_taken_light_and_dark_wide_and_narrow(tmp_path: Path) -> None:
    """Each as wide as its screen; a browser that is not there is said to be missing, and the remedy."""
    with pytest.raises(NoPicturesError, match="CLM_CHROMIUM"):
        chromium(tmp_path / "nothing")
    html = "<style>@media (prefers-color-scheme: dark) { body { background: #000 } }</style><p>Tea</p><img src='x'>"
    try:
        with camera(None) as taking:
            for look in ("phone", "dark"):
                taking.take(html, look, tmp_path / f"{look}.png")
    except NoPicturesError as error:
        pytest.skip(str(error))
    light, dark = ((tmp_path / f"{look}.png").read_bytes() for look in ("phone", "dark"))
    assert light[:4] == b"\x89PNG"
    assert int.from_bytes(light[16:20]) == 390
    assert light != dark
