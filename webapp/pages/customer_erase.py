"""The dialog that erases a customer: what goes and what stays is said, and then it is done."""

from __future__ import annotations

from flask import Blueprint, abort, url_for
from flask.typing import ResponseReturnValue

from webapp import forgetting
from webapp.database import db
from webapp.engine import customers, integrations
from webapp.engine.entries import Refused
from webapp.models import Customer
from webapp.pages import customer_address, guard
from webapp.pages.render import leave, render_dialog
from webapp.pages.toasts import toast

pages = Blueprint("customer_erase", __name__)


@pages.get("/customer/<int:number>/erase")
@guard.may_change
def ask(number: int) -> ResponseReturnValue:
    """Say what it does."""
    return _show(_customer(number))


@pages.post("/customer/<int:number>/erase")
@guard.may_change
def erase(number: int) -> ResponseReturnValue:
    """Do it, and show what is left."""
    try:
        called = forgetting.erase(_customer(number))
    except Refused as refused:
        return _show(_customer(number), refused.sentence)
    toast("Erased.")
    return leave(url_for("customers.show", email=called))


def _show(customer: Customer, refused: str = "") -> ResponseReturnValue:
    return render_dialog(
        "customers/_erase.html",
        "Erase this customer?",
        409 if refused else 200,
        customer=customer,
        refused=refused,
        there=[one.name for one in integrations.living(db.session(), guard.here())],
        close=customer_address.of(customer),
        nav="logs",
    )


def _customer(number: int) -> Customer:
    found = customers.find(db.session(), guard.here(), number)
    if found is None:
        abort(404)
    return found
