"""Products from a CSV file: a file, a preview of what it would do and which lines can't be used, then the deed.

The file's text travels through the preview in a hidden field: nothing is kept on the server before somebody has said yes.
"""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from webapp.csv_file import MOST_BYTES, Unreadable, decode
from webapp.database import db, writing
from webapp.engine import product_csv
from webapp.engine.product_csv import Plan, Read
from webapp.forms.products import ImportFile
from webapp.pages import guard, times
from webapp.pages.render import leave, render_dialog
from webapp.pages.toasts import toast
from webapp.parts import parts

TITLE = "Import products"
SHOWN = 20
"""How many lines of each sort the preview shows."""

pages = Blueprint("product_import", __name__)


@pages.record
def _allow_text(state: BlueprintSetupState) -> None:
    """Let a form's field be as large as a request may be: the preview has the whole file in one."""
    state.app.config["MAX_FORM_MEMORY_SIZE"] = state.app.config["MAX_CONTENT_LENGTH"]


@pages.route("/import-products", methods=["GET", "POST"])
@guard.may_change
def upload() -> ResponseReturnValue:
    """Choose a file; the answer to it is the preview."""
    form = ImportFile()
    if request.method == "GET" or not form.sent():
        return _ask(form)
    try:
        content = _content(form.file.data)
        found = product_csv.read(content)
    except Unreadable as why:
        form.file.errors = [str(why)]
        return _ask(form, 422)
    plan = product_csv.compare(db.session(), guard.here(), found.lines)
    return render_dialog("products/_preview.html", TITLE, text=content, read=found, plan=plan, shown=SHOWN, nav="products")


@pages.post("/import-products/confirm")
@guard.may_change
def confirm() -> ResponseReturnValue:
    """Do what the preview said."""
    try:
        found: Read = product_csv.read(decode(request.form.get("text", "").encode()))
    except Unreadable as why:
        form = ImportFile(None)
        form.file.errors = [str(why)]
        return _ask(form, 422)
    with writing() as session:
        done = product_csv.store(session, guard.here(), found.lines, now=parts().now(), new_id=parts().new_id)
    toast(_told(done))
    return leave(url_for("products.index"))


def _ask(form: ImportFile, status: int = 200) -> ResponseReturnValue:
    return render_dialog("products/_import.html", TITLE, status, form=form, nav="products")


def _content(file: FileStorage | None) -> str:
    """The text of what was chosen. Raises Unreadable."""
    if file is None or not file.filename:
        raise Unreadable("Choose a file.")
    return decode(file.stream.read(MOST_BYTES + 1))


def _told(done: Plan) -> str:
    said = []
    if done.new:
        said.append(f"{times.plural(len(done.new), 'product', 'products')} added")
    if done.renamed:
        said.append(f"{len(done.renamed):,} renamed")
    return f"{', '.join(said)}." if said else "Nothing has changed."
