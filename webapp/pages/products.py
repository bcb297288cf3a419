"""Products: the list, a product's page with its rules, and what is done to one. Many at once come in by product_import.py."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as Redirect

from webapp.database import db, writing
from webapp.engine import integrations, products
from webapp.forms.fields import text
from webapp.forms.products import AddProduct, RenameProduct
from webapp.models import Product
from webapp.pages import guard, product_address, rule_answers, rule_table, whole
from webapp.pages.render import is_fragment, leave, render, render_dialog
from webapp.pages.toasts import toast
from webapp.parts import parts

LONGEST_SEARCH = 200
TABS = ("details", "apps")

pages = Blueprint("products", __name__)
whole.allow(pages)


@pages.get("/products")
@guard.signed_in
def index() -> ResponseReturnValue:
    """The list, with a search and a filter for what is archived. Below a product (`after`) its next part."""
    asked = {"q": request.args.get("q", "").strip()[:LONGEST_SEARCH], "show": "archived" if request.args.get("show") == "archived" else ""}
    archived, after = bool(asked["show"]), rule_answers.number(request.args.get("after"))
    session, here = db.session(), guard.here()
    part = products.listing(session, here, asked["q"], archived=archived, after=after)
    rules = products.rules(session, [product.id for product in part.products])
    more = _list_address(**asked, after=str(part.products[-1].id)) if part.more else None
    context: dict[str, Any] = {
        "asked": asked,
        "products": part.products,
        "rules": rules,
        "more": more,
        "after": after,
        "address": product_address.of,
    }
    if after is not None and is_fragment():
        return render("products/_rows.html", "products/index.html", **context)
    counts = {"": products.count(session, here, archived=False), "archived": products.count(session, here, archived=True)}
    chips = [(label, _list_address(q=asked["q"], show=show), counts[show], show == asked["show"]) for show, label in _FILTERS]
    return render("products/_list.html", "products/index.html", counts=counts, chips=chips, list_address=_list_address, **context)


_FILTERS = (("", "In use"), ("archived", "Archived"))


@pages.get("/products/<whole:key>", merge_slashes=False)
@guard.signed_in
def show(key: str) -> ResponseReturnValue:
    """A product by the checkout's own id, whatever that is made of: its Apps tab, or its details."""
    product = products.find(db.session(), guard.here(), key)
    if product is None:
        abort(404)
    return _page(product)


@pages.get("/product/<int:number>")
@guard.signed_in
def by_number(number: int) -> ResponseReturnValue:
    """The same by our own id, for the few whose ids a browser would not leave as they are."""
    return _page(_product(number))


@pages.route("/add-product", methods=["GET", "POST"])
@guard.may_change
def add() -> ResponseReturnValue:
    """Add one by hand. (Not below /products/, where any name may be a product's id.)"""
    form, taken = AddProduct(), None
    if form.sent():
        now, new_id = parts().now(), parts().new_id
        try:
            with writing() as session:
                made = products.add(session, guard.here(), text(form.external_id), text(form.name), now=now, new_id=new_id)
        except products.Taken as known:
            taken = known.product
            form.external_id.errors = ["There is a product with this id already."]
        else:
            toast(f"{made.name} added.")
            return leave(product_address.of(made))
    context = {"form": form, "taken": taken, "address": product_address.of, "nav": "products"}
    return render_dialog("products/_add.html", "Add product", 422 if request.method == "POST" else 200, **context)


@pages.route("/product/<int:number>/rename", methods=["GET", "POST"])
@guard.may_change
def rename(number: int) -> ResponseReturnValue:
    """Give it another name."""
    product = _product(number)
    form = RenameProduct(name=product.name)
    if form.sent():
        with writing() as session:
            renamed = products.rename(session, guard.here(), number, text(form.name))
        toast("Saved.")
        return leave(product_address.of(renamed))
    context = {"form": form, "product": product, "close": product_address.of(product), "nav": "products"}
    return render_dialog("products/_rename.html", "Rename product", 422 if request.method == "POST" else 200, **context)


@pages.post("/product/<int:number>/archive")
@guard.may_change
def archive(number: int) -> ResponseReturnValue:
    """Take it out of the list. Its rules go on."""
    return _archived(number, away=True)


@pages.post("/product/<int:number>/unarchive")
@guard.may_change
def unarchive(number: int) -> ResponseReturnValue:
    """Put it back."""
    return _archived(number, away=False)


def _page(product: Product) -> Response:
    tab = request.args.get("tab", "apps")
    if tab not in TABS:
        abort(404)
    own = rule_table.table(guard.here(), product.id)
    context: dict[str, Any] = {"product": product, "address": product_address.of, "own": own, "tab": tab}
    if tab == "details":
        bought = products.bought(db.session(), product)
        return Response(render_template("products/details.html", bought=bought, most=products.MOST_COUNTED, **context))
    context |= {"everywhere": rule_table.table(guard.here(), None), "failed": rule_table.failed_address}
    connected = bool(integrations.living(db.session(), guard.here()))
    return Response(render_template("products/apps.html", connected=connected, **context))


def _archived(number: int, *, away: bool) -> Redirect:
    _product(number)
    with writing() as session:
        product = products.archive(session, guard.here(), number, away=away, now=parts().now())
    undo = url_for("products.unarchive" if away else "products.archive", number=number)
    toast(f"{product.name} archived. Its rules go on." if away else f"{product.name} is in the list again.", undo=undo)
    return redirect(product_address.of(product), 303)


def _product(number: int) -> Product:
    try:
        return products.get(db.session(), guard.here(), number)
    except products.NoProduct:
        abort(404)


def _list_address(**asked: str) -> str:
    given = {name: value for name, value in asked.items() if value}
    return url_for("products.index") + (f"?{urlencode(given)}" if given else "")
