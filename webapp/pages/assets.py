"""Static files under names that change with what is in them, so that browsers may keep them for a year. No page lives here."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, abort, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

YEAR = "public, max-age=31536000, immutable"
SQUEEZED = {".css", ".js", ".svg"}


@dataclass(frozen=True)
class Asset:
    """One file as it is served: its address, type and bytes, and the bytes squeezed where that makes them smaller."""

    address: str
    mimetype: str
    body: bytes
    gzipped: bytes | None


def register(app: Flask, folder: Path) -> None:
    """Read every file of `folder`, serve them, and give templates `asset(name)`: the address of one of them.

    `asset` raises KeyError for a file that is not there: a page with a wrong name must not go unnoticed.
    """
    assets = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
    read = {name: _read(file, name) for name, file in assets.items()}
    by_address = {asset.address: asset for asset in read.values()}

    def serve(path: str) -> ResponseReturnValue:
        asset = by_address.get(f"/static/{path}")
        return _answer(asset) if asset else abort(404)

    app.add_url_rule("/static/<path:path>", "static_file", serve)
    app.jinja_env.globals["asset"] = lambda name: read[name].address


def _read(file: Path, name: str) -> Asset:
    body = file.read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:12]
    stem, dot, suffix = name.rpartition(".")
    address = f"/static/{stem}.{digest}{dot}{suffix}" if stem else f"/static/{name}.{digest}"
    small = gzip.compress(body, mtime=0) if file.suffix in SQUEEZED else None
    return Asset(address, mimetypes.guess_type(name)[0] or "application/octet-stream", body, small)


def _answer(asset: Asset) -> Response:
    squeezed = asset.gzipped if request.accept_encodings["gzip"] else None
    answer = Response(squeezed or asset.body, mimetype=asset.mimetype)
    answer.headers["Cache-Control"] = YEAR
    answer.headers["Vary"] = "Accept-Encoding"
    if squeezed:
        answer.headers["Content-Encoding"] = "gzip"
    return answer
