"""DKIM: the signature a receiver finds, and what it covers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from clm.channels.signing import DkimKey, read_dkim_key
from clm.domain.outcome import Accepted
from clm.errors import ConfigurationError
from tests.channels.mail_server import (
    MailServer,
    pem,
    read,
    send,
)
from tests.channels.speaking import MAIL

RSA_KEY = rsa.generate_private_key(65_537, 2_048)
ED25519_KEY = ed25519.Ed25519PrivateKey.generate()


def dns(key: Any) -> Callable[..., bytes]:
    """The public half of a key, as DNS would tell it."""
    import base64

    if isinstance(key, rsa.RSAPrivateKey):
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    else:
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        record = b"v=DKIM1; k=ed25519; p=" + base64.b64encode(raw)

    def look_up(name: bytes, timeout: int = 5) -> bytes:
        assert (name, timeout) == (b"s1._domainkey.shop.example.", 5)
        return record

    return look_up


@pytest.mark.parametrize("key", [RSA_KEY, ED25519_KEY], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("text", ["Hello Mina\n", "", "\n\n", "  two  spaces \t\nسلام\n\n\n", "x" * 5_000])
def test_the_signature_is_right_and_covers_both_headers(key: Any, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives verifies under the domain's key, the one-click headers included; changed, it does not."""
    from tests.channels import nacl_by_cryptography

    monkeypatch.setattr(dkim, "nacl", nacl_by_cryptography, raising=False)
    server = MailServer()
    envelope = replace(MAIL, content=replace(MAIL.content, text=text, html=None if not text else MAIL.content.html))
    assert send(server, envelope, dkim=DkimKey(key, "s1")) == [Accepted("4F2A9")]
    mail = server.mails[0]
    assert dkim.verify(mail, dnsfunc=dns(key))
    relayed = mail.replace(b"\r\nSubject:", b"\r\nX-Relay: seen\r\nSubject:")
    assert dkim.verify(relayed, dnsfunc=dns(key)), "a relay may add headers of its own"
    for before, after in (
        (b"https://shop.example/u/", b"https://shop.example/v/"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Click"),
        (b"Reply-To: care", b"Reply-To: mare"),
        (b"Subject: =?utf-8", b"Subject: Re: =?utf-8"),
        (b"MIME-Version: 1.0", b"MIME-Version: 1.1"),
        (b"From: ", b"From: <other@shop.example>\r\nFrom: "),
        (b"Subject: ", b"Subject: You have won\r\nSubject: "),
        (b"List-Unsubscribe: ", b"List-Unsubscribe: <https://other.example>\r\nList-Unsubscribe: "),
    ):
        assert before in mail
        assert not dkim.verify(mail.replace(before, after, 1), dnsfunc=dns(key)), before
    head = read(mail)["dkim-signature"]
    covered = head.split("h=")[1].split(";")[0].replace(" ", "").split(":")
    assert {"from", "to", "subject", "date", "message-id", "mime-version", "content-type", "reply-to"} <= set(covered)
    assert {"list-unsubscribe", "list-unsubscribe-post"} <= set(covered)


def test_a_header_the_mail_has_not_cannot_be_added() -> None:
    """A mail to the team has no one-click headers, and nobody gives it some on its way."""
    server = MailServer()
    send(server, replace(MAIL, headers={}), dkim=DkimKey(RSA_KEY, "s1"))
    mail = server.mails[0]
    assert dkim.verify(mail, dnsfunc=dns(RSA_KEY))
    added = mail.replace(b"\r\nSubject:", b"\r\nReply-To: other@shop.example\r\nSubject:")
    assert not dkim.verify(added, dnsfunc=dns(RSA_KEY))


def test_one_click_headers_are_never_folded() -> None:
    """A relay that folds anew breaks signatures, so ours stand on one line each, however long the link."""
    link = f"<https://shop.example/u/{'t' * 120}>, <mailto:stop@shop.example?subject=stop-{'t' * 120}>"
    server = MailServer()
    send(server, replace(MAIL, headers={**MAIL.headers, "List-Unsubscribe": link}), dkim=DkimKey(RSA_KEY, "s1"))
    lines = server.mails[0].split(b"\r\n")
    assert f"List-Unsubscribe: {link}".encode() in lines
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
    assert max(map(len, lines)) <= 998


def test_a_key_is_read_from_its_file(tmp_path: Path) -> None:
    """RSA and Ed25519, in either usual form; what cannot sign mail is named with the variable to mend."""
    path = tmp_path / "dkim.pem"
    for pem_text in (
        pem(RSA_KEY),
        pem(ED25519_KEY),
        RSA_KEY.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ),
    ):
        path.write_bytes(pem_text)
        assert isinstance(read_dkim_key(path, "s1"), DkimKey)
    for content in (b"", b"nonsense", pem(ec.generate_private_key(ec.SECP256R1()))):
        path.write_bytes(content)
        with pytest.raises(ConfigurationError, match="CLM_DKIM_KEY"):
            read_dkim_key(path, "s1")
    with pytest.raises(ConfigurationError, match="CLM_DKIM_KEY"):
        read_dkim_key(tmp_path / "nowhere.pem", "s1")
    for selector in ("", "s 1", "s;1", "ß"):
        with pytest.raises(ConfigurationError, match="CLM_DKIM_SELECTOR"):
            read_dkim_key(path, selector)
