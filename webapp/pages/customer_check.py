"""Check with the app, on a customer's page: wished for here, done by a worker, shown when it is there; and what differs put right."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.database import db, writing
from webapp.doorbell import CHECK
from webapp.engine import checks, customers, integrations
from webapp.engine.entries import Refused
from webapp.models import Customer, Integration
from webapp.pages import customer_address, customer_places, guard
from webapp.pages.render import is_fragment, leave, render
from webapp.pages.toasts import toast
from webapp.parts import parts

pages = Blueprint("customer_check", __name__)


@pages.post("/customer/<int:number>/check/<int:integration_id>")
@guard.may_change
def start(number: int, integration_id: int) -> ResponseReturnValue:
    """Have the app asked."""
    with writing() as session:
        customer, integration = _found(session, number, integration_id)
        address = customer_address.of(customer, _anchor=f"place-{integration.id}")
        try:
            lane = checks.want(session, customer, integration, parts().now(), parts().new_id)
        except Refused as refused:
            lane = None
            toast(refused.sentence)
    if lane is not None:
        parts().bell.chore(CHECK, lane)
    return leave(address)


@pages.get("/customer/<int:number>/check/<int:integration_id>")
@guard.signed_in
def watch(number: int, integration_id: int) -> ResponseReturnValue:
    """How far it is: the community's part of the page; 204 while that is as the page has it (`seen`)."""
    customer, integration = _found(db.session(), number, integration_id)
    if not is_fragment():
        return redirect(customer_address.of(customer, _anchor=f"place-{integration.id}"), 303)
    place = next(one for one in customer_places.places(customer) if one.id == integration.id)
    if place.checked.version == request.args.get("seen"):
        return "", 204
    return render("customers/_place.html", "customers/show.html", customer=customer, place=place)


@pages.post("/customer/<int:number>/put-right/<int:integration_id>")
@guard.may_change
def put_right(number: int, integration_id: int) -> ResponseReturnValue:
    """Have what differs made as it should be."""
    with writing() as session:
        customer, integration = _found(session, number, integration_id)
        address = customer_address.of(customer, _anchor=f"place-{integration.id}")
        checks.put_right(session, customer, integration, parts().now())
    parts().bell.ring(marketplaces=(guard.here(),), work=True)
    toast("What differs is put right. See below what comes of it.")
    return leave(address)


def _found(session: Session, number: int, integration_id: int) -> tuple[Customer, Integration]:
    customer, integration = customers.find(session, guard.here(), number), integrations.find(session, guard.here(), integration_id)
    if customer is None or integration is None:
        abort(404)
    return customer, integration
