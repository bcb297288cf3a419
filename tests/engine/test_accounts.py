"""Accounts, marketplaces and links that work once, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.factories import NOW, make_marketplace, make_user, somebody
from webapp.database import WRITES, options, prepare
from webapp.engine import accounts, team
from webapp.engine.audit import HAND
from webapp.models import Marketplace, Role, Source, User

HOUR = timedelta(hours=1)


def new_id(_: datetime) -> int:
    return factories.new_id()


def role(session: Session, user: User, marketplace: Marketplace) -> str | None:
    return session.scalar(select(Role.role).where(Role.user_id == user.id, Role.marketplace_id == marketplace.id))


def test_an_account_is_known_by_its_address_however_it_is_written(session: Session) -> None:
    made = accounts.create_user(session, " Ana@Shop.TEST ", "hash", new_id, NOW)
    assert (made.email, made.password_hash, made.session_epoch, made.created_at) == ("ana@shop.test", "hash", 0, NOW)
    assert accounts.find_user(session, "ANA@shop.test ") is made
    assert accounts.find_user(session, "bob@shop.test") is None


def test_an_address_has_one_account_and_what_went_before_stays(session: Session) -> None:
    accounts.create_user(session, "ana@shop.test", None, new_id, NOW)
    with pytest.raises(accounts.Taken):
        accounts.create_user(session, "ANA@shop.test", None, new_id, NOW)
    assert session.scalars(select(User.email)).all() == ["ana@shop.test"]


def test_a_deployment_is_fresh_until_its_first_account(session: Session) -> None:
    assert not accounts.any_user(session)
    make_user(session)
    assert accounts.any_user(session)


def test_a_marketplace_is_founded_with_its_owner_and_its_address(session: Session) -> None:
    user = make_user(session)
    made = accounts.found_marketplace(session, " Acme ", "Europe/Berlin", user.id, "an-address", new_id, NOW)
    assert (made.name, made.time_zone, made.created_at) == ("Acme", "Europe/Berlin", NOW)
    assert role(session, user, made) == "owner"
    source = session.scalars(select(Source)).one()
    assert (source.marketplace_id, source.kind, source.address, source.secret) == (made.id, "cartwheel", "an-address", None)
    with pytest.raises(accounts.Taken):
        accounts.found_marketplace(session, "Acme", "UTC", user.id, "another", new_id, NOW)
    assert len(session.scalars(select(Source)).all()) == 1


def test_a_marketplace_is_renamed_unless_the_name_is_taken(session: Session) -> None:
    first, second = make_marketplace(session, "First"), make_marketplace(session, "Second")
    accounts.change_marketplace(session, first.id, " Acme ", "Asia/Tokyo")
    session.refresh(first)
    assert (first.name, first.time_zone) == ("Acme", "Asia/Tokyo")
    with pytest.raises(accounts.Taken):
        accounts.change_marketplace(session, second.id, "Acme", "UTC")
    session.refresh(second)
    assert second.name == "Second"


def test_what_is_kept_of_the_marketplace_in_memory_is_read_anew(session: Session) -> None:
    made = make_marketplace(session)
    before = made.version
    accounts.change_marketplace(session, made.id, "Acme", "Asia/Tokyo")
    session.refresh(made)
    assert made.version == before + 1


def test_a_role_is_given_and_changed(session: Session) -> None:
    user, marketplace = make_user(session), make_marketplace(session)
    accounts.give_role(session, user.id, marketplace.id, "viewer")
    assert role(session, user, marketplace) == "viewer"
    accounts.give_role(session, user.id, marketplace.id, "owner")
    assert role(session, user, marketplace) == "owner"


def test_places_are_those_one_has_a_role_in(session: Session) -> None:
    user = make_user(session)
    zoo, acme, foreign = (make_marketplace(session, name) for name in ("Zoo", "Acme", "Foreign"))
    factories.give_role(session, user, zoo, "viewer")
    factories.give_role(session, user, acme)
    make_user(session, foreign)
    found = accounts.places(session, user.id)
    assert [(place.marketplace.name, place.role) for place in found] == [("Acme", "owner"), ("Zoo", "viewer")]


def test_a_new_password_ends_every_session(session: Session) -> None:
    user = make_user(session, session_epoch=3)
    changed = accounts.change_password(session, user.id, "new hash")
    assert changed
    assert (changed.password_hash, changed.session_epoch) == ("new hash", 4)
    assert accounts.change_password(session, 999_999, "new hash") is None


def test_a_better_hash_does_not_overwrite_a_new_password(session: Session) -> None:
    user = make_user(session, password_hash="old")
    accounts.improve_hash(session, user.id, "old", "better")
    session.refresh(user)
    assert (user.password_hash, user.session_epoch) == ("better", 0)
    accounts.improve_hash(session, user.id, "old", "stale")
    session.refresh(user)
    assert user.password_hash == "better"


def test_preferences_are_kept_side_by_side(session: Session) -> None:
    user = make_user(session)
    accounts.set_preference(session, user.id, "shortcuts", False)
    accounts.set_preference(session, user.id, "other", 1)
    session.expire_all()
    assert user.settings == {"shortcuts": False, "other": 1}
    accounts.set_preference(session, 999_999, "shortcuts", False)


def test_a_link_works_once_for_its_purpose_until_its_time(session: Session) -> None:
    user = make_user(session)
    accounts.make_link(session, accounts.RESET, user.id, "a" * 64, NOW + HOUR)
    found = accounts.find_link(session, "a" * 64, NOW)
    assert found
    assert (found.purpose, found.user_id) == (accounts.RESET, user.id)
    assert accounts.find_link(session, "b" * 64, NOW) is None
    assert accounts.find_link(session, "a" * 64, NOW + HOUR) is None
    assert not accounts.use_link(session, "a" * 64, accounts.SIGN_IN, NOW)
    assert not accounts.use_link(session, "a" * 64, accounts.RESET, NOW + HOUR)
    assert accounts.use_link(session, "a" * 64, accounts.RESET, NOW)
    assert not accounts.use_link(session, "a" * 64, accounts.RESET, NOW)
    assert accounts.find_link(session, "a" * 64, NOW) is None


def test_only_the_newest_set_up_link_works(session: Session) -> None:
    user = make_user(session)
    accounts.make_link(session, accounts.SET_UP, None, "a" * 64, NOW + HOUR)
    accounts.make_link(session, accounts.SIGN_IN, user.id, "b" * 64, NOW + HOUR)
    accounts.make_link(session, accounts.SET_UP, None, "c" * 64, NOW + HOUR)
    assert [bool(accounts.find_link(session, letter * 64, NOW)) for letter in "abc"] == [False, True, True]


@pytest.fixture
def shop(session: Session) -> Marketplace:
    return make_marketplace(session, "Acme")


def test_people_stand_by_rank_then_by_address(session: Session, shop: Marketplace) -> None:
    for rank, email in [("viewer", "a@x"), ("admin", "c@x"), ("admin", "b@x"), ("owner", "z@x")]:
        make_user(session, shop, rank, email=email)
    make_user(session, make_marketplace(session))
    assert [(m.email, m.last_owner) for m in team.members(session, shop.id)] == [
        ("z@x", True),
        ("b@x", False),
        ("c@x", False),
        ("a@x", False),
    ]


def test_the_last_owner_can_neither_go_nor_step_down(session: Session, shop: Marketplace) -> None:
    owner, admin = make_user(session, shop), make_user(session, shop, "admin")
    make_user(session, make_marketplace(session))
    for refused in (lambda: team.remove(session, shop.id, owner.id), lambda: team.change_role(session, shop.id, owner.id, "admin")):
        with pytest.raises(team.LastOwner):
            refused()
    assert role(session, owner, shop) == "owner"
    team.change_role(session, shop.id, owner.id, "owner")
    team.change_role(session, shop.id, admin.id, "owner")
    team.remove(session, shop.id, owner.id)
    assert role(session, owner, shop) is None


def test_a_role_elsewhere_is_not_touched(session: Session, shop: Marketplace) -> None:
    other = make_marketplace(session)
    user = make_user(session, shop, "admin")
    make_user(session, shop)
    factories.give_role(session, user, other, "admin")
    team.change_role(session, shop.id, user.id, "viewer")
    assert role(session, user, other) == "admin"
    team.remove(session, shop.id, user.id)
    assert role(session, user, other) == "admin"


def invite(session: Session, shop: Marketplace, token: str, rank: str = "admin", email: str = "New@shop.test ") -> None:
    by = make_user(session)
    team.invite(session, shop.id, email, rank, token * 64, by.id, new_id, NOW)


def test_an_invitation_is_accepted_once_within_seven_days(session: Session, shop: Marketplace) -> None:
    invite(session, shop, "a")
    user = make_user(session)
    found = team.find_invitation(session, "a" * 64, NOW)
    assert found
    assert (found.marketplace, found.email, found.role, found.expires_at) == ("Acme", "new@shop.test", "admin", NOW + timedelta(days=7))
    assert team.find_invitation(session, "a" * 64, NOW + timedelta(days=7)) is None
    assert team.accept(session, "a" * 64, user.id, NOW + timedelta(days=7)) is None
    assert team.accept(session, "a" * 64, user.id, NOW) == found
    assert role(session, user, shop) == "admin"
    assert team.accept(session, "a" * 64, make_user(session).id, NOW) is None


def test_an_invitation_raises_a_role_and_lowers_none(session: Session, shop: Marketplace) -> None:
    viewer, owner = make_user(session, shop, "viewer"), make_user(session, shop)
    invite(session, shop, "a")
    team.accept(session, "a" * 64, viewer.id, NOW)
    assert role(session, viewer, shop) == "admin"
    invite(session, shop, "b")
    team.accept(session, "b" * 64, owner.id, NOW)
    assert role(session, owner, shop) == "owner"


def test_who_is_in_the_team_is_not_invited(session: Session, shop: Marketplace) -> None:
    make_user(session, shop, "viewer", email="new@shop.test")
    with pytest.raises(team.InTheTeam):
        invite(session, shop, "a")


def test_an_address_has_one_open_invitation_a_marketplace(session: Session, shop: Marketplace) -> None:
    other = make_marketplace(session)
    invite(session, shop, "a")
    invite(session, other, "b")
    invite(session, shop, "c", "viewer")
    assert [bool(team.find_invitation(session, letter * 64, NOW)) for letter in "abc"] == [False, True, True]
    assert [(i.email, i.role) for i in team.invitations(session, shop.id, NOW)] == [("new@shop.test", "viewer")]
    assert not team.invitations(session, shop.id, NOW + timedelta(days=7))


def test_an_invitation_is_taken_back_by_its_own_marketplace_alone(session: Session, shop: Marketplace) -> None:
    invite(session, shop, "a")
    (made,) = team.invitations(session, shop.id, NOW)
    team.withdraw(session, make_marketplace(session).id, made.id)
    assert team.find_invitation(session, "a" * 64, NOW)
    team.withdraw(session, shop.id, made.id)
    session.expire_all()
    assert team.find_invitation(session, "a" * 64, NOW) is None


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[sa.Engine]:
    """Where two may write at the same moment. SQLite has one writer at a time."""
    made = sa.create_engine(postgresql_url, **options(postgresql_url))
    prepare(made)
    yield made
    made.dispose()


def until_it_waits(engine: sa.Engine, other: threading.Thread) -> None:
    """Until the other one waits for a lock that we hold; or has ended, where nothing held it up."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as looking:
        while other.is_alive() and not looking.scalar(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
            other.join(0.01)


def test_of_two_owners_who_remove_each_other_one_stays(engine: sa.Engine) -> None:
    with Session(engine) as session, session.begin():
        shop = make_marketplace(session)
        first, second = make_user(session, shop), make_user(session, shop)
        ids = shop.id, first.id, second.id
    refused: list[str] = []

    def other_removes_first() -> None:
        with Session(engine.execution_options(**WRITES), info={HAND: somebody}) as session:
            try:
                team.remove(session, ids[0], ids[1])
                session.commit()
            except team.LastOwner:
                refused.append("second's")

    with Session(engine, info={HAND: somebody}) as session:
        team.remove(session, ids[0], ids[2])
        waiting = threading.Thread(target=other_removes_first)
        waiting.start()
        until_it_waits(engine, waiting)
        session.commit()
        waiting.join()
    with Session(engine) as session:
        assert len(session.scalars(select(Role).where(Role.marketplace_id == ids[0])).all()) == 1
    assert refused == ["second's"]


def test_of_two_who_open_a_link_at_the_same_moment_one_gets_it(engine: sa.Engine) -> None:
    with Session(engine) as session, session.begin():
        accounts.make_link(session, accounts.SET_UP, None, "a" * 64, NOW + HOUR)
    got: list[bool] = []

    def use() -> None:
        with Session(engine) as session, session.begin():
            got.append(accounts.use_link(session, "a" * 64, accounts.SET_UP, NOW))

    with Session(engine) as session, session.begin():
        got.append(accounts.use_link(session, "a" * 64, accounts.SET_UP, NOW))
        waiting = threading.Thread(target=use)
        waiting.start()
        until_it_waits(engine, waiting)
    waiting.join()
    assert got == [True, False]
