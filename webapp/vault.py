"""Secrets at rest: API keys and webhook secrets are encrypted with the deployment's keys before they reach the database."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FERNET_BYTES = 32


class Sealed(Exception):
    """A secret that none of the deployment's keys opens: ENCRYPTION_KEYS has lost the key it was written with."""


class Vault:
    """Encrypts with the first key, opens with any of them (MultiFernet). A key is a Fernet key, or derived from a long random string."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key if _is_fernet_key(key) else _derived(key)) for key in keys])

    def seal(self, secret: str) -> bytes:
        """The secret, encrypted with the newest key."""
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """The secret itself. Raises Sealed where no key fits."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as wrong:
            raise Sealed("none of ENCRYPTION_KEYS opens this secret") from wrong

    def rotate(self, sealed: bytes) -> bytes:
        """The same secret, encrypted with the newest key. Raises Sealed where no key fits."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken as wrong:
            raise Sealed("none of ENCRYPTION_KEYS opens this secret") from wrong


def _is_fernet_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, altchars=b"-_", validate=True)) == FERNET_BYTES
    except (binascii.Error, ValueError):
        return False


def _derived(text: str) -> bytes:
    derive = HKDF(algorithm=hashes.SHA256(), length=FERNET_BYTES, salt=None, info=b"cartwheel encryption key")
    return base64.urlsafe_b64encode(derive.derive(text.encode()))
