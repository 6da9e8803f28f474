"""Whom a mail is from, in the language that it is read in."""

from __future__ import annotations

import shutil
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from clm.channels.mime import mail_bytes
from clm.content.brand import Brand, BrandWords
from clm.store.database import Database
from tests.engine.rehearsal import Rehearsal, campaign, load_words, write_words

OWN = "Nadia at Saffron & Sage"
FA = 'نادیا از «سفرون»، "اند" سیج'


@pytest.fixture
def two_tongues(database: Database, own_brand: Brand, tmp_path: Path) -> Rehearsal:
    """The process with words in English and Persian, and a brand that has a Persian name with marks in it."""
    folder = write_words(tmp_path / "words")
    for english in list(folder.rglob("en")):
        shutil.copytree(english, english.with_name("fa"))
    brand = own_brand.model_copy(update={"in_language": {"fa": BrandWords(name="سفرون", signature=FA)}})
    return Rehearsal(database, load_words(folder, brand), brand)


@pytest.mark.parametrize(("locale", "name"), [("fa", FA), ("fa-AF", FA), ("en", OWN), ("de", OWN)])
def test_a_mail_is_from_whom_its_reader_knows(two_tongues: Rehearsal, locale: str, name: str) -> None:
    """The signature of the mail's own language, whole in the From line as mail programs read it, and one address."""
    two_tongues.have(campaign())
    two_tongues.customer(locale=locale)
    two_tongues.run()
    (mail,) = two_tongues.mail.handed
    assert (mail.sender_name, mail.sender_name_ascii) == (name, OWN)
    raw = mail_bytes(mail)
    raw.partition(b"\r\n\r\n")[0].decode("ascii")
    (sender,) = message_from_bytes(raw, policy=policy.default)["from"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "letters@saffronandsage.example")
