"""Past purchases from a CSV file: a file, a preview of what it would do and which lines can't be used, then a batch.

As with products, the file's text travels through the preview in a hidden field.
"""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from webapp.csv_file import MOST_BYTES, Unreadable, decode
from webapp.database import db, writing
from webapp.engine import purchase_import
from webapp.engine.purchase_import import Plan
from webapp.engine.snapshots import Snapshots
from webapp.forms.products import ImportPurchases
from webapp.pages import batches, guard, times
from webapp.pages.product_import import SHOWN
from webapp.pages.render import render_dialog
from webapp.parts import parts
from webapp.sources import purchase_list
from webapp.sources.purchase_list import Read

TITLE = "Import past purchases"

pages = Blueprint("purchase_import", __name__)


@pages.route("/import-purchases", methods=["GET", "POST"])
@guard.may_change
def upload() -> ResponseReturnValue:
    """Choose a file; the answer to it is the preview."""
    form = ImportPurchases()
    if request.method == "GET" or not form.sent():
        return _ask(form)
    try:
        content = _content(form.file.data)
        found = _read(content)
    except Unreadable as why:
        form.file.errors = [str(why)]
        return _ask(form, 422)
    return render_dialog(
        "products/_purchases_preview.html", TITLE, text=content, read=found, plan=_plan(found), shown=SHOWN, nav="products"
    )


@pages.post("/import-purchases/confirm")
@guard.may_change
def confirm() -> ResponseReturnValue:
    """Begin what the preview said."""
    form = ImportPurchases(None)
    try:
        plan = _plan(_read(decode(request.form.get("text", "").encode())))
    except Unreadable as why:
        form.file.errors = [str(why)]
        return _ask(form, 422)
    if not plan.new:
        form.file.errors = ["There is nothing to import: every purchase is on record by now."]
        return _ask(form, 422)
    items = {number: purchase_import.packed(message) for number, message in plan.new.items()}
    title = f"Import {times.plural(len(items), 'past purchase', 'past purchases')}"
    with writing() as session:
        purchase_import.open_source(session, guard.here(), parts().now(), parts().new_id)
        begun = batches.begin(session, purchase_import.KEY, items, title, {"integrations": list(plan.integrations)})
    return batches.begun(begun)


def _read(content: str) -> Read:
    return purchase_list.read(content, times.here(), parts().now())


def _plan(found: Read) -> Plan:
    session, here = db.session(), guard.here()
    return purchase_import.plan(session, Snapshots().get(session, {here})[here], found.messages, parts().now())


def _ask(form: ImportPurchases, status: int = 200) -> ResponseReturnValue:
    return render_dialog("products/_purchases.html", TITLE, status, form=form, nav="products")


def _content(file: FileStorage | None) -> str:
    """The text of what was chosen. Raises Unreadable."""
    if file is None or not file.filename:
        raise Unreadable("Choose a file.")
    return decode(file.stream.read(MOST_BYTES + 1))
