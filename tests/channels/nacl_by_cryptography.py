"""The part of PyNaCl with which dkimpy verifies Ed25519, by `cryptography`, so that a test needs no second library."""

from __future__ import annotations

import base64
import types

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class _BadSignatureError(Exception):
    pass


class _VerifyKey:
    def __init__(self, key: bytes, encoder: object) -> None:
        del encoder  # always base64 there
        self._key = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))

    def verify(self, digest: bytes, signature: bytes) -> None:
        try:
            self._key.verify(signature, digest)
        except InvalidSignature:
            raise _BadSignatureError from None


signing = types.SimpleNamespace(VerifyKey=_VerifyKey)
encoding = types.SimpleNamespace(Base64Encoder=object())
exceptions = types.SimpleNamespace(ValueError=ValueError, BadSignatureError=_BadSignatureError)
