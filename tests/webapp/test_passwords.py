"""Passwords and tokens: what is kept of them, and that checking takes the same work for everybody."""

from __future__ import annotations

import hashlib

import pytest
from argon2 import PasswordHasher

from webapp.passwords import HASHER, check_password, hash_password
from webapp.tokens import hash_token, new_token


def test_a_password_is_kept_as_argon2id_and_salted() -> None:
    first, second = hash_password("correct horse"), hash_password("correct horse")
    assert first.startswith("$argon2id$")
    assert first != second
    assert check_password(first, "correct horse").right
    assert not check_password(first, "correct horses").right


def test_a_hash_of_other_parameters_is_made_better_when_the_password_is_right() -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse")
    checked = check_password(old, "correct horse")
    assert checked.right
    assert checked.better_hash
    assert not HASHER.check_needs_rehash(checked.better_hash)
    assert check_password(checked.better_hash, "correct horse").better_hash is None
    assert check_password(old, "wrong").better_hash is None


@pytest.mark.parametrize("password", ["", "nobody has this password"])
def test_an_account_without_a_password_is_never_right(password: str) -> None:
    assert not check_password(None, password).right


def test_what_is_no_hash_is_wrong_and_breaks_nothing() -> None:
    assert not check_password("garbage", "garbage").right


def test_tokens_are_new_each_time_and_kept_as_their_hash() -> None:
    token = new_token()
    assert token != new_token()
    assert len(token) >= 43
    assert hash_token(token) == hashlib.sha256(token.encode()).hexdigest()
    assert len(hash_token("\ud800")) == 64
