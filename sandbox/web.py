"""What the sandbox's pages stand on: a request that was read, an answer, templates, static files. No page lives here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sandbox.box import Box
from sandbox.courier import Courier

HERE = Path(__file__).resolve().parent
STATIC = {"sandbox.css": "text/css; charset=utf-8", "sandbox.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"}
HTML = "text/html; charset=utf-8"
SOURCES = ("script-src", "style-src", "img-src", "connect-src", "form-action")
POLICY = "; ".join(["default-src 'none'", *(f"{one} 'self'" for one in SOURCES), "frame-ancestors 'none'", "base-uri 'none'"])
PROTECTION = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cache-Control", "no-cache"),
)


@dataclass(frozen=True, slots=True)
class Site:
    """What the pages show and change. `cartwheel` is the address of Cartwheel's pages, empty where it is not known."""

    box: Box
    courier: Courier
    cartwheel: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One request for a page. `id` is the number or name at the pattern's `{id}`; of a name that comes twice the last value counts."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    foreign: bool = False
    """Whether a page of another origin sends it."""
    id: str = ""

    def text(self, name: str) -> str:
        """A field of the form, without the spaces around it; empty where it is absent."""
        return self.form.get(name, "").strip()

    def number(self, name: str) -> int | None:
        """A field of the form as a whole number; None where it is empty. ValueError for anything else."""
        value = self.text(name)
        if value and not (value.isascii() and value.isdigit() and len(value) < 10):
            raise ValueError(f"“{value}” is not a whole number.")
        return int(value) if value else None


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def give(self, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as WSGI wants it."""
        own = [*self.headers.items(), ("Content-Length", str(len(self.body)))]
        start_response(f"{self.status} {HTTPStatus(self.status).phrase}", [*own, *PROTECTION])
        return [self.body]


def read(environ: WSGIEnvironment) -> Request:
    """The request that WSGI hands over."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    is_form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)) if is_form else {}
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    origin = environ.get("HTTP_ORIGIN", "")
    foreign = bool(origin) and urlsplit(origin).netloc != environ.get("HTTP_HOST", "")
    return Request(environ["REQUEST_METHOD"], environ["PATH_INFO"], query, form, foreign)


def page(site: Site, template: str, *, status: int = 200, **values: Any) -> Response:
    """A page from a template."""
    text = templates().get_template(template).render(cartwheel=site.cartwheel, **values)
    return Response(status, text.encode(), {"Content-Type": HTML})


def see(address: str) -> Response:
    """Go on at this address of ours."""
    return Response(303, b"", {"Location": address})


def static(name: str) -> Response | None:
    """A static file; None where there is none of this name."""
    kind = STATIC.get(name)
    return None if kind is None else Response(200, (HERE / "static" / name).read_bytes(), {"Content-Type": kind})


@cache
def templates() -> Environment:
    """The templates, with the words and signs that all of them use."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {"clock": clock, "when": when, "moment": moment, "money": money, "iso": datetime.isoformat}
    return made


def clock(at: datetime) -> str:
    """A time of day as this machine's clock shows it."""
    return at.astimezone().strftime("%H:%M:%S")


def when(at: datetime) -> str:
    """Day and time as this machine's clock shows them."""
    here = at.astimezone()
    return f"{here.day} {here.strftime('%b %Y, %H:%M')}"


def moment(at: datetime, now: datetime) -> str:
    """The time of day; of another day than today, that day as well."""
    return clock(at) if at.astimezone().date() == now.astimezone().date() else when(at)


def money(cents: int) -> str:
    """A price."""
    return f"€{cents / 100:,.2f}"
