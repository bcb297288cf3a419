"""One partial, two ways: alone for htmx, inside its page otherwise. And how a form's answer leaves a dialog. No page lives here."""

from __future__ import annotations

from typing import cast

from flask import Response, make_response, redirect, render_template, request, session


def is_fragment() -> bool:
    """Whether htmx asks for a part of a page, and not for a whole one."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and headers.get("HX-Request-Type") != "full"


def render(partial: str, page: str, status: int = 200, **context: object) -> Response:
    """The template `partial` alone when htmx asks for it, else `page`, which includes it. What was flashed comes with either.

    Templates see `fragment` (whether the partial is alone) and `partial` (its name) besides `context`. An address gives both, so the
    answer says that it varies.
    """
    fragment = is_fragment()
    names = {**context, "fragment": fragment, "partial": partial}
    html = render_template(partial if fragment else page, **names)
    if fragment and "_flashes" in session:
        html += render_template("_toasts_oob.html")
    answer = make_response(html, status)
    answer.vary.update(["HX-Request", "HX-Request-Type"])
    return answer


def render_dialog(partial: str, title: str, status: int = 200, **context: object) -> Response:
    """A dialog's partial: alone for htmx, else as a card in a page of its own with that `title`. `nav` says which section it is in."""
    return render(partial, "dialog_page.html", status, title=title, **context)


def leave(address: str) -> Response:
    """After a form has been done: go to `address`, out of the dialog if there is one, by a page of its own (303 without htmx)."""
    if request.headers.get("HX-Request") == "true":
        return Response(status=200, headers={"HX-Redirect": address})
    return cast(Response, redirect(address, 303))
