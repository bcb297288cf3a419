"""The sandbox's own pages, for people: which address is which page. What a page says lives in the modules of pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from sandbox import checkout_pages, community_pages, switch_pages
from sandbox.box import Box
from sandbox.courier import Courier
from sandbox.web import Request, Response, Site, page, read, see, static

View = Callable[[Site, Request], Response]

PAGES: Mapping[tuple[str, str], View] = {
    ("GET", "/"): lambda _site, _request: see("/checkout"),
    ("GET", "/checkout"): checkout_pages.show,
    ("POST", "/checkout/buy"): checkout_pages.buy,
    ("POST", "/checkout/leave"): checkout_pages.leave,
    ("POST", "/checkout/come-back"): checkout_pages.come_back,
    ("POST", "/checkout/refund"): checkout_pages.refund,
    ("POST", "/checkout/subscription"): checkout_pages.step,
    ("POST", "/checkout/play"): checkout_pages.play,
    ("POST", "/checkout/send"): checkout_pages.send,
    ("GET", "/community"): community_pages.members,
    ("GET", "/community/members/{id}"): community_pages.member,
    ("POST", "/community/members/{id}/e-mail"): community_pages.change_email,
    ("POST", "/community/members/{id}/remove"): community_pages.remove,
    ("GET", "/community/spaces"): community_pages.places,
    ("POST", "/community/spaces"): community_pages.add_place,
    ("POST", "/community/spaces/{id}/delete"): community_pages.delete_place,
    ("GET", "/community/calls"): community_pages.calls,
    ("GET", "/community/switches"): switch_pages.show,
    ("POST", "/community/switches"): switch_pages.change,
    ("POST", "/community/keys"): switch_pages.new_key,
    ("POST", "/community/keys/{id}/delete"): switch_pages.delete_key,
    ("POST", "/community/reset"): switch_pages.reset,
}


def make_pages(box: Box, courier: Courier, cartwheel: str = "") -> WSGIApplication:
    """The pages of this community and this checkout. `cartwheel` is the address of Cartwheel's pages, for links."""
    site = Site(box, courier, cartwheel)

    def pages(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return answer(site, read(environ)).give(start_response)

    return pages


def answer(site: Site, request: Request) -> Response:
    """The answer to one request. LookupError from a page is a 404, ValueError a 400."""
    found = static(request.path.removeprefix("/static/")) if request.path.startswith("/static/") else None
    if found is not None:
        return found
    method = "GET" if request.method == "HEAD" else request.method
    view, request = _view(method, request)
    if method == "POST" and request.foreign:
        return _sorry(site, 403, "Another site sent this form", "Nothing was done. Use the form on the sandbox's own page.")
    try:
        if view is not None:
            return view(site, request)
        why = "There is no such page in the sandbox."
    except LookupError as e:
        why = str(e.args[0])
    except ValueError as e:
        return _sorry(site, 400, "That can't be read", str(e))
    return _sorry(site, 404, "Not found", why)


def _view(method: str, request: Request) -> tuple[View | None, Request]:
    exact = PAGES.get((method, request.path))
    if exact is not None:
        return exact, request
    parts = request.path.split("/")
    for place in range(len(parts) - 1, 0, -1):
        pattern = "/".join([*parts[:place], "{id}", *parts[place + 1 :]])
        found = PAGES.get((method, pattern))
        if found is not None:
            return found, replace(request, id=parts[place])
    return None, request


def _sorry(site: Site, status: int, title: str, why: str) -> Response:
    return page(site, "sorry.html", status=status, title=title, why=why)
