"""DKIM (RFC 6376, RFC 8463): the sending domain's own signature over a mail.

Parsing and canonical form are dkimpy's; the signature itself is made by `cryptography`, because dkimpy's arithmetic in
Python takes 9 ms a mail with RSA and knows Ed25519 only beside another library.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import dkim  # type: ignore[import-untyped]
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from dkim.canonicalization import CanonicalizationPolicy  # type: ignore[import-untyped]

from clm.errors import ConfigurationError, Fault

SIGNED = (
    b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type", b"reply-to",
    b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip
"""Headers under the signature. Each is signed once more than it is there, also where it is not there at all, so that
nobody can add another: of two, mail programs show the first, and a signature covers the last."""

RSA_BITS_MIN = 1_024
_FORM = b"relaxed/simple"  # headers get refolded on their way; bodies do not, and "relaxed" costs 2 ms a mail
_LINE = 70


class DkimKey:
    """A private key of a domain, and the selector under which its public half stands in DNS."""

    def __init__(self, key: RSAPrivateKey | Ed25519PrivateKey, selector: str) -> None:
        self._key = key
        self._selector = selector.encode("ascii")
        self._policy = CanonicalizationPolicy.from_c_value(_FORM)

    def signed(self, mail: bytes, domain: str) -> bytes:
        """The mail with its DKIM-Signature on top."""
        head, _, body = mail.partition(b"\r\n\r\n")
        headers, _ = dkim.rfc822_parse(head)
        present = {name.lower() for name, _ in headers}
        covered = [*(name for name in SIGNED if name in present), *SIGNED]
        value = self._fields(domain, covered, self._policy.canonicalize_body(body))
        digest = sha256()
        canonical = self._policy.canonicalize_headers(headers)
        dkim.hash_headers(digest, self._policy, canonical, covered, (b"DKIM-Signature", b" " + value), {})
        seal = b64encode(self._sign(digest.digest()))
        folded = b"\r\n ".join(seal[start : start + _LINE] for start in range(0, len(seal), _LINE))
        return b"DKIM-Signature: " + value + folded + b"\r\n" + mail

    def _fields(self, domain: str, covered: list[bytes], body: bytes) -> bytes:
        algorithm = b"rsa-sha256" if isinstance(self._key, RSAPrivateKey) else b"ed25519-sha256"
        return (
            b"v=1; a=" + algorithm + b"; c=" + _FORM + b"; d=" + domain.encode("ascii") + b"; s=" + self._selector
            + b";\r\n h=" + b":\r\n ".join(b":".join(covered[at : at + 5]) for at in range(0, len(covered), 5))
            + b";\r\n bh=" + b64encode(sha256(body).digest()) + b";\r\n b="
        )  # fmt: skip

    def _sign(self, digest: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(digest, PKCS1v15(), Prehashed(SHA256()))
        return self._key.sign(digest)


def read_dkim_key(path: Path, selector: str) -> DkimKey:
    """The key in a PEM file; raises ConfigurationError where it is none that mail can be signed with."""
    if not selector or not all(part.replace("-", "").isalnum() and part.isascii() for part in selector.split(".")):
        raise ConfigurationError([Fault("CLM_DKIM_SELECTOR", "is not a name as DNS has them, such as `s1`")])
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        fault = f"names {path}, which cannot be read: {error.strerror}"
        raise ConfigurationError([Fault("CLM_DKIM_KEY", fault)]) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError([Fault("CLM_DKIM_KEY", f"{path} holds no private key without password")]) from None
    if isinstance(key, RSAPrivateKey) and key.key_size >= RSA_BITS_MIN:
        return DkimKey(key, selector)
    if isinstance(key, Ed25519PrivateKey):
        return DkimKey(key, selector)
    fault = f"{path} holds neither an RSA key of {RSA_BITS_MIN:,} bits or more nor an Ed25519 key"
    raise ConfigurationError([Fault("CLM_DKIM_KEY", fault)])
