"""A customer is erased from the command line: asked for, done, and on record."""

from __future__ import annotations

import pytest

from tests import factories
from tests.cli.conftest import Desk
from webapp import cli
from webapp.models import AuditLine, Customer, Marketplace

ERASE = ("customers", "erase", " Maya@Shop.test")


@pytest.fixture
def maya(desk: Desk) -> Desk:
    desk.apply()
    with desk.write() as session:
        factories.make_customer(session, session.query(Marketplace).one(), "maya@shop.test")
    return desk


def test_a_customer_is_erased(maya: Desk) -> None:
    done = maya.run(*ERASE, "--yes")
    who = maya.one(Customer)
    assert (done.code, done.out) == (0, f"Erased. In the log they are erased-{who.id} now.\n")
    assert who.email == f"erased-{who.id}"
    line = maya.rows(AuditLine)[-1]
    assert (line.who, line.what, line.about) == ("the command line", "customer_erased", who.email)
    again = maya.run(*ERASE, "--yes")
    assert (again.code, again.err) == (1, "Error: Acme Courses has no customer  Maya@Shop.test.\n")


def test_it_is_asked_for(maya: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "With --yes they are erased" in maya.run(*ERASE).err
    monkeypatch.setattr(cli, "on_terminal", lambda: True)
    assert "Nothing was changed." in maya.run(*ERASE, typed="n\n").err
    assert maya.one(Customer).email == "maya@shop.test"
    assert maya.run(*ERASE, typed="y\n").code == 0
