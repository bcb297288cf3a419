"""The dialog in which a merchant says under which address a customer is in an app."""

from __future__ import annotations

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from webapp.apps.registry import APPS
from webapp.database import db, writing
from webapp.engine import aliases, customers, integrations
from webapp.engine.entries import Refused
from webapp.forms.customers import EmailThere
from webapp.forms.fields import text
from webapp.models import Customer, Integration
from webapp.pages import customer_address, guard
from webapp.pages.render import leave, render_dialog
from webapp.pages.toasts import toast
from webapp.parts import parts

pages = Blueprint("customer_alias", __name__)


@pages.route("/customer/<int:number>/alias/<int:integration_id>", methods=["GET", "POST"])
@guard.may_change
def edit(number: int, integration_id: int) -> ResponseReturnValue:
    """Ask for the address, or take the one away that is there (`remove`)."""
    customer, integration = _found(number, integration_id)
    known = customers.aliases(db.session(), customer.id).get(integration.id)
    form = EmailThere(email=known.email if known else "")
    app = APPS[integration.app].name
    remove = request.method == "POST" and "remove" in request.form
    if remove or form.sent():
        email = customer.email if remove else text(form.email)
        try:
            _put(customer.id, integration.id, email)
        except Refused as refused:
            form.email.errors = [refused.sentence]
        else:
            parts().bell.ring(marketplaces=(guard.here(),), work=True)
            toast(f"In {app} as {email} from now on.")
            return leave(customer_address.of(customer))
    return render_dialog(
        "customers/_alias.html", f"E-mail in {app}", 422 if request.method == "POST" else 200,
        form=form, customer=customer, integration=integration, app=app, known=known, close=customer_address.of(customer), nav="logs",
    )  # fmt: skip


def _put(customer_id: int, integration_id: int, email: str) -> None:
    with writing() as session:
        customer = customers.find(session, guard.here(), customer_id)
        integration = integrations.find(session, guard.here(), integration_id)
        if customer is None or integration is None:
            abort(404)
        aliases.put(session, customer, integration, email, parts().now(), parts().new_id)


def _found(number: int, integration_id: int) -> tuple[Customer, Integration]:
    session, here = db.session(), guard.here()
    customer, integration = customers.find(session, here, number), integrations.find(session, here, integration_id)
    if customer is None or integration is None:
        abort(404)
    return customer, integration
