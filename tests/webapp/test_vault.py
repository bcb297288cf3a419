"""Secrets at rest: the newest key encrypts, all of them open, and without its key a secret stays shut."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from webapp.vault import Sealed, Vault

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def test_what_is_sealed_does_not_show_the_secret_and_opens_again() -> None:
    sealed = Vault([NEW]).seal("ключ 7f3a")
    assert b"7f3a" not in sealed
    assert Vault([NEW]).open(sealed) == "ключ 7f3a"


def test_the_newest_key_encrypts_and_the_old_one_still_opens() -> None:
    sealed = Vault([OLD]).seal("secret")
    both = Vault([NEW, OLD])
    assert both.open(sealed) == "secret"
    with pytest.raises(Sealed):
        Vault([OLD]).open(both.seal("secret"))


def test_a_long_random_string_is_a_key_and_stays_the_same_one() -> None:
    derived = "OJmdtu04iTgjpJe3RJJ-ULWVQkfzKUkXYcCeOGYrRUs="
    sealed = Vault(["a random string that is long enough"]).seal("secret")
    assert Fernet(derived).decrypt(sealed) == b"secret"
    with pytest.raises(Sealed):
        Vault(["a random string that is long enough!"]).open(sealed)


def test_rotation_frees_a_secret_from_its_old_key() -> None:
    sealed = Vault([NEW, OLD]).rotate(Vault([OLD]).seal("secret"))
    assert Vault([NEW]).open(sealed) == "secret"


@pytest.mark.parametrize("sealed", [Vault([OLD]).seal("secret"), b"", b"nonsense"], ids=["another key", "empty", "nonsense"])
def test_without_its_key_a_secret_stays_shut(sealed: bytes) -> None:
    with pytest.raises(Sealed, match="ENCRYPTION_KEYS"):
        Vault([NEW]).open(sealed)
    with pytest.raises(Sealed, match="ENCRYPTION_KEYS"):
        Vault([NEW]).rotate(sealed)
