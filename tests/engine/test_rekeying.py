"""Secrets under a newer key: all of them, in small transactions, and never over what somebody changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import LargeBinary, select
from sqlalchemy.orm import Session

from tests.factories import NOW, make_integration, make_marketplace, new_id
from webapp.engine import rekeying
from webapp.models import Base, Integration, Source
from webapp.vault import Sealed, Vault

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
OPEN_BYTES = {"events.body"}
"""Columns of bytes that are no secrets."""


def rotate(sealed: bytes) -> bytes | None:
    try:
        return Vault([NEW, OLD]).rotate(sealed)
    except Sealed:
        return None


def test_every_column_of_bytes_is_known() -> None:
    found = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    sealed = {f"{column.class_.__tablename__}.{column.key}" for column in rekeying.SEALED}
    assert found - OPEN_BYTES == sealed, "a column that holds something sealed belongs in rekeying.SEALED"


def test_everything_is_under_the_newest_key_afterwards(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rekeying, "PART", 2)
    shop = make_marketplace(session)
    for number in range(5):
        make_integration(session, shop, credentials=Vault([OLD]).seal(f"key {number}"))
    lost = make_integration(session, shop, credentials=Vault([Fernet.generate_key().decode()]).seal("lost"))
    session.add(Source(id=new_id(), marketplace_id=shop.id, kind="cartwheel", address="a", secret=Vault([OLD]).seal("s"), created_at=NOW))
    session.flush()
    opened = 0

    @contextmanager
    def writing() -> Iterator[Session]:
        nonlocal opened
        opened += 1
        yield session
        session.expire_all()

    came = rekeying.rekey(writing, rotate)
    assert (came.done, came.lost) == (6, 1)
    assert opened > len(rekeying.SEALED)
    credentials = session.scalars(select(Integration.credentials).where(Integration.id != lost.id).order_by(Integration.id))
    assert [Vault([NEW]).open(one) for one in credentials] == [f"key {number}" for number in range(5)]
    assert Vault([NEW]).open(session.scalars(select(Source.secret)).one() or b"") == "s"


def test_what_was_changed_meanwhile_stays(session: Session) -> None:
    one = make_integration(session, make_marketplace(session), credentials=Vault([OLD]).seal("before"))
    fresh = Vault([NEW]).seal("after")

    def changed_meanwhile(sealed: bytes) -> bytes | None:
        session.execute(Integration.__table__.update().values(credentials=fresh))
        return rotate(sealed)

    @contextmanager
    def writing() -> Iterator[Session]:
        yield session

    rekeying.rekey(writing, changed_meanwhile)
    session.expire_all()
    assert session.get_one(Integration, one.id).credentials == fresh
